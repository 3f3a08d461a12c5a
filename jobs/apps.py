from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class JobsConfig(AppConfig):
    name = "jobs"
    verbose_name = _("Jobs")

    def ready(self) -> None:
        who_needs: Any = import_module("devices.needs").who_needs
        who_needs.append(import_module("jobs.sending.dispatch").who_needs_devices)
