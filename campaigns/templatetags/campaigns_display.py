"""How a campaign's status looks, the same on every page."""

from typing import Any

from django import template

from campaigns import phrases
from campaigns.models import Campaign
from campaigns.states import CampaignStatus

register = template.Library()


@register.inclusion_tag("jobs/parts/status.html")
def campaign_badge(campaign: Campaign) -> dict[str, Any]:
    """In the colours of a job's: a running campaign is a job that is being processed."""
    status = campaign.current_status
    colour = "processing" if status == CampaignStatus.RUNNING else status.value
    return {"status": colour, "label": phrases.STATUSES[status]}
