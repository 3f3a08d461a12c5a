"""When campaigns launch by themselves: in their minute, once, or not at all where their time went by too long ago."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models.functions import Now

from accounts import audit
from accounts.audit import Actor
from campaigns.audience.refused import Refused
from campaigns.launch import launching
from campaigns.launch.launching import AlreadyLaunched
from campaigns.models import Campaign, CampaignQuerySet, CampaignRun
from campaigns.states import CampaignStatus

_OF = "kept_from"  # in a note's details: the time that the campaign was kept from by what it says


def due_campaigns(now: datetime) -> list[int]:
    """The campaigns whose time has come."""
    due = Campaign.unscoped.due(now).filter(account__whatsapp_api_campaigns=True)
    return list(due.order_by("scheduled_at").values_list("pk", flat=True))


def launch_due(campaign_id: int, now: datetime) -> CampaignRun | None:
    """Launch a campaign whose time has come; None where another worker was first, or where it cannot be.

    What was due longer ago than the misfire window waits for a person; a recurring campaign for its next time, also
    where its last run is still under way. A file that cannot be reached just now is tried again until then.
    """
    campaign: Campaign | None = (
        Campaign.unscoped.due(now)
        .filter(pk=campaign_id, account__whatsapp_api_campaigns=True)
        .select_related("account", "segment", "sender")
        .first()
    )
    if campaign is None:
        return None
    scheduled_at = _latest_due(campaign, now)
    if (refused := launching.why_not(campaign, scheduled_at)) is not None and refused.code == "campaign_under_way":
        _skip(campaign, scheduled_at, now)
        return None
    if now - scheduled_at > timedelta(seconds=settings.CAMPAIGN_MISFIRE_SECONDS):
        _miss(campaign, scheduled_at, now)
        return None
    try:
        return launching.launch(campaign, scheduled_at, campaign.sender, lambda run: _note(campaign, run))
    except AlreadyLaunched:
        return None
    except Refused as refused:
        # Changed, paused or launched by hand this very moment: its new self comes next minute, if it comes.
        if refused.code not in {"campaign_changed", "campaign_paused", "campaign_under_way"}:
            details = dict(refused.problems[0]) if refused.problems else {}
            noted = {"note_code": refused.code, "note_details": details}
            if refused.is_passing:
                noted["note_details"] = {**details, _OF: scheduled_at.isoformat()}
                _same(campaign).update(**noted, updated_at=Now())
            else:
                _same(campaign).move(CampaignStatus.FAILED, **noted)
    return None


def _note(campaign: Campaign, run: CampaignRun) -> None:
    """A launch is an act whoever does it: here nobody, on the word of whoever scheduled it."""
    details = {"id": campaign.pk, "job": str(run.job.uuid), "scheduled_at": run.scheduled_at.isoformat()}
    audit.record(Actor(campaign.account), "campaign.launched", campaign, **details, by="schedule")


def _latest_due(campaign: Campaign, now: datetime) -> datetime:
    """The time it is to run for: of several missed occurrences the last."""
    assert campaign.scheduled_at is not None  # it is due
    recurs = launching.recurrence_of(campaign)
    last = None if recurs is None else recurs.last_until(now)
    return campaign.scheduled_at if last is None else max(last, campaign.scheduled_at)


def _skip(campaign: Campaign, scheduled_at: datetime, now: datetime) -> None:
    """Leave out a time at which the run before is under way still, and say so; the next time stands."""
    recurs = launching.recurrence_of(campaign)
    following = None if recurs is None else recurs.next_after(now)
    if following is not None:  # else it waits for the other's end
        details = {"scheduled_at": scheduled_at.isoformat(), "time_zone": campaign.time_zone}
        _same(campaign).update(
            scheduled_at=following, note_code="occurrence_under_way", note_details=details, updated_at=Now()
        )


def _miss(campaign: Campaign, scheduled_at: datetime, now: datetime) -> None:
    recurs = launching.recurrence_of(campaign)
    following = None if recurs is None else recurs.next_after(now)
    became: dict[str, Any] = {"missed_at": now} if following is None else {"scheduled_at": following}
    # Where something kept it from going out all the while, that is why, and is noted already.
    if campaign.note_details.get(_OF) != scheduled_at.isoformat():
        became["note_code"] = "missed" if following is None else "occurrence_skipped"
        became["note_details"] = {"scheduled_at": scheduled_at.isoformat(), "time_zone": campaign.time_zone}
    _same(campaign).update(**became, updated_at=Now())


def _same(campaign: Campaign) -> CampaignQuerySet:
    """The campaign as it was read: none where somebody launched or changed it meanwhile."""
    same: CampaignQuerySet = Campaign.unscoped.filter(
        pk=campaign.pk,
        status=CampaignStatus.PENDING,
        scheduled_at=campaign.scheduled_at,
        updated_at=campaign.updated_at,
    )
    return same
