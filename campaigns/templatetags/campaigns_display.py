"""How a campaign's status looks, the same on every page."""

from typing import Any

from django import template

from campaigns.models import Campaign, CampaignRun
from campaigns.pages.campaign_pages import failed_of, percentage_of, sendable_of
from campaigns.states import CampaignStatus
from campaigns.wording import phrases

register = template.Library()


@register.inclusion_tag("jobs/parts/status.html")
def campaign_badge(campaign: Campaign) -> dict[str, Any]:
    """In the colours of a job's: a running campaign is a job that is being processed."""
    status = campaign.current_status
    colour = "processing" if status == CampaignStatus.RUNNING else status.value
    return {"status": colour, "label": phrases.STATUSES[status]}


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
