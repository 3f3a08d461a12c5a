"""How a campaign's status looks, the same on every page."""

from typing import Any

from django import template

from accounts.requests import account_of
from campaigns.models import Campaign, CampaignRun
from campaigns.pages.campaign_pages import failed_of, percentage_of, sendable_of
from campaigns.pages.notification_pages import bell
from campaigns.states import CampaignStatus

register = template.Library()


@register.inclusion_tag("jobs/parts/status.html")
def campaign_badge(campaign: Campaign) -> dict[str, Any]:
    """In the colours of a job's: a running campaign is a job that is being processed."""
    status = campaign.current_status
    colour = "processing" if status == CampaignStatus.RUNNING else status.value
    return {"status": colour, "label": status.label}


@register.inclusion_tag("jobs/parts/bar.html")
def campaign_bar(run: CampaignRun) -> dict[str, Any]:
    """Sent and failed as shares of those who are written to: whoever is left out is no failure."""
    sendable = sendable_of(run)
    return {
        # Written here: a template would put the language's decimal comma.
        "sent": f"{100 * run.job.sent / (sendable or 1):.3f}%",
        "failed": f"{100 * failed_of(run) / (sendable or 1):.3f}%",
        "value": f"{percentage_of(run):.1f}",
    }


@register.inclusion_tag("campaigns/notifications/bell.html", takes_context=True)
def notification_bell(context: Any) -> dict[str, Any]:
    """The bell of the admin's header, for members of an account."""
    account, user = account_of(context["request"]), context["request"].user
    if account is None or not user.is_authenticated:
        return {"account": None}
    return {"account": account, **bell(account, user)}
