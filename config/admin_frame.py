"""The admin's frame: brand and a sidebar in the order of the work (named by admin_look.UNFOLD).

Everything in it is asked for with each page, so that the language and the reader's role decide what is shown.
"""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.access.permissions import may
from accounts.models import Role
from accounts.requests import membership_of


def icon(request: HttpRequest) -> str:
    return static("pregonero/icon.svg")


def style(request: HttpRequest) -> str:
    return static("pregonero/pregonero.css")


def script(request: HttpRequest) -> str:
    return static("pregonero/frame.js")


def bell_script(request: HttpRequest) -> str:
    return static("campaigns/bell.js")


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar's groups; whoever may not open a page is not shown its link."""
    return [
        _group(
            "",
            [
                _link(_("Dashboard"), "space_dashboard", "admin:index", exact=True),
                _link(_("New job"), "add_circle", "admin:jobs_job_new", Role.AGENT),
                _link(_("Jobs"), "campaign", "admin:jobs_job_changelist", besides="admin:jobs_job_new"),
                _link(_("Campaigns"), "ads_click", "admin:campaigns_campaign_changelist", has_campaigns=True),
                _link(_("Segments"), "groups", "admin:campaigns_segment_changelist", has_campaigns=True),
                _link(_("Devices"), "phone_android", "admin:devices_device_changelist"),
            ],
        ),
        _group(
            _("People"),
            [
                _link(_("Contacts"), "contacts", "admin:campaigns_contact_changelist"),
                _link(_("Messages received"), "forum", "admin:jobs_incomingmessage_changelist"),
                _link(_("Labels"), "label", "admin:campaigns_label_changelist"),
                _link(_("Attributes"), "data_object", "admin:campaigns_attributename_changelist"),
                _link(_("Import"), "upload_file", "admin:campaigns_contactimport_changelist"),
            ],
        ),
        _group(
            _("Settings"),
            [
                _link(_("Account"), "apartment", "admin:accounts_account_changelist"),
                _link(_("Members"), "group", "admin:accounts_membership_changelist", Role.ADMINISTRATOR),
                _link(_("API tokens"), "key", "admin:accounts_apitoken_changelist", Role.ADMINISTRATOR),
                _link(_("Webhooks"), "webhook", "admin:devices_webhookendpoint_changelist", Role.ADMINISTRATOR),
                _link(_("Suppressed numbers"), "do_not_disturb_on", "admin:jobs_suppression_changelist"),
                _link(_("Exclusion lists"), "playlist_remove", "admin:jobs_exclusionlist_changelist"),
                _link(_("Audit log"), "history", "admin:accounts_auditentry_changelist", Role.ADMINISTRATOR),
            ],
        ),
    ]


def _group(title: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"title": title, "items": items}


def _link(
    title: str,
    icon: str,
    name: str,
    role: Role = Role.VIEWER,
    *,
    exact: bool = False,
    besides: str = "",
    has_campaigns: bool = False,
) -> dict[str, Any]:
    """One link: the page it leads to is lit up on every page below its address, except those `besides` it.

    With `has_campaigns` only for accounts whose feature flag is on.
    """
    address = reverse(name)

    def is_active(request: HttpRequest) -> bool:
        if exact:
            return request.path == address
        return request.path.startswith(address) and not (besides and request.path.startswith(reverse(besides)))

    def is_shown(request: HttpRequest) -> bool:
        membership = membership_of(request)
        if membership is None or not may(membership, role):
            return False
        return not has_campaigns or membership.account.whatsapp_api_campaigns

    return {
        "title": capfirst(title),
        "icon": icon,
        "link": address,
        "active": is_active,
        "permission": is_shown,
    }
