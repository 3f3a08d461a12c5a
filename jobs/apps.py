from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class JobsConfig(AppConfig):
    name = "jobs"
    verbose_name = _("Jobs")

    def ready(self) -> None:
        needs: Any = import_module("devices.needs")
        dispatch: Any = import_module("jobs.sending.dispatch")
        needs.who_needs.append(dispatch.who_needs_devices)
        needs.who_works.append(dispatch.devices_at_work)
        tasks: Any = import_module("jobs.tasks")
        needs.who_waits.append(tasks.sweep_now)
        needs.who_works_inbox.append(tasks.work_receipts_now)
        opting_out: Any = import_module("jobs.replies.opting_out")
        needs.who_hears.append(opting_out.at_the_door)
        keeping: Any = import_module("jobs.replies.keeping")
        parking: Any = import_module("jobs.receipts.parking")
        keeping.who_is_answered.append(parking.keep_answers)
