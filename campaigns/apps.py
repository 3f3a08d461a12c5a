from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _


class CampaignsConfig(AppConfig):
    name = "campaigns"
    verbose_name = _("Campaigns")

    def ready(self) -> None:
        register(import_module("campaigns.launch.media_addresses").check_public_url)
        import_module("campaigns.pages.people.contact_admin")  # beside `admin`, which Django finds by itself
        import_module("campaigns.pages.people.attribute_admin")
        import_module("campaigns.pages.people.label_admin")
        import_module("campaigns.pages.people.import_admin")
        import_module("campaigns.pages.people.exclusion_admin")
        import_module("campaigns.pages.people.message_admin")
        import_module("campaigns.pages.notification_admin")
        import_module("campaigns.pages.segment_admin")
        who_needs: Any = import_module("devices.needs").who_needs
        who_needs.append(import_module("campaigns.audience.needs").who_needs_devices)
        keeping: Any = import_module("jobs.replies.keeping")
        consent: Any = import_module("campaigns.contacts.consent")
        keeping.who_reads.append(consent.wrote)
        keeping.who_hears.append(consent.said)
        jobs_actions: Any = import_module("jobs.actions")
        jobs_actions.who_hears.append(import_module("campaigns.contacts.consent_history").suppressed)
