"""A campaign before its launch: made, changed, given a file, thrown away. Once launched it is what it is; one that
recurs may be changed between its runs.
"""

from copy import copy
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.models import Account, User
from campaigns.launch import control, launching, media, recurrence, unfilled_texts
from campaigns.launch.launching import LaunchRefused
from campaigns.launch.media import KeptFile
from campaigns.launch.recurrence import WORDS
from campaigns.models import Campaign
from campaigns.states import CAMPAIGN_WAITING, CampaignStatus

_ABOUT_TIME = {"scheduled_at", "recurrence", "time_zone"}
_SAID = {"message", "variants", "allow_missing"}


def create(account: Account, sender: User | None, fields: dict[str, Any], now: datetime) -> Campaign:
    """Make a campaign of valid fields. Raises VariablesUnknown."""
    campaign = Campaign(account=account, sender=sender, **fields)
    unfilled_texts.check(campaign)
    _set_first_time(campaign, now)
    campaign.save()
    return campaign


def may_change(campaign: Campaign) -> bool:
    """Whether the campaign is still a draft, not launched and not cancelled; or recurs, and rests between its runs."""
    if campaign.status in {CampaignStatus.CANCELLED, CampaignStatus.RUNNING}:
        return False
    if not campaign.runs.exists():
        return True
    rests = campaign.status in CAMPAIGN_WAITING | {CampaignStatus.FAILED} and not control.is_under_way(campaign)
    return bool(campaign.recurrence) and rests


def change(campaign: Campaign, fields: dict[str, Any], now: datetime) -> list[str]:
    """Change a campaign that `may_change` lets. Raises LaunchRefused for any other, and VariablesUnknown.

    One that had failed, or had missed its time, is pending again; one that is paused stays so. Returns the names of
    what is other than it was.
    """
    with transaction.atomic():
        locked = _lock(campaign)
        if locked.recurrence and not fields.get("recurrence", locked.recurrence) and locked.runs.exists():
            raise LaunchRefused("campaign_recurs")
        changed = [name for name, value in fields.items() if getattr(locked, name) != value]
        if locked.status not in CAMPAIGN_WAITING or locked.missed_at is not None:
            changed.append("status")
        before = copy(locked)
        for name, value in fields.items():
            setattr(locked, name, value)
        if _SAID & fields.keys():
            unfilled_texts.check(locked)
        changes = dict(fields)
        if _ABOUT_TIME & fields.keys():
            if locked.recurrence and locked.recurrence not in WORDS and "scheduled_at" not in fields:
                locked.scheduled_at = None  # another cron, or another clock: another first time
            _set_first_time(locked, now, before)
            changes |= {"scheduled_at": locked.scheduled_at, "recurs_from": locked.recurs_from}
        _update(locked, changes)
    return sorted(changed)


def attach_file(campaign: Campaign, file: KeptFile) -> None:
    """Make a kept file the campaign's multimedia, instead of any other. Raises Refused."""
    with transaction.atomic():
        locked = _lock(campaign)
        said = {"type": file.kind, "filename": file.name}
        media.check_text(Campaign(message=locked.message, variants=locked.variants, multimedia=said))
        old = locked.multimedia_file.name
        _update(locked, {"multimedia": said, "multimedia_file": file.stored_name})
        if old:
            storage = locked.multimedia_file.storage
            transaction.on_commit(lambda: storage.delete(old))


def delete(campaign: Campaign) -> None:
    """Delete a campaign and its file; its jobs stay. Raises LaunchRefused while one of them is under way."""
    with transaction.atomic():
        locked = Campaign.unscoped.select_for_update().get(pk=campaign.pk)  # nobody launches it from here on
        if control.is_under_way(locked):
            raise LaunchRefused("campaign_running")
        file, storage = locked.multimedia_file.name, locked.multimedia_file.storage
        locked.delete()
        if file:
            transaction.on_commit(lambda: storage.delete(file))


def _lock(campaign: Campaign) -> Campaign:
    locked: Campaign = Campaign.unscoped.select_for_update(no_key=True).get(pk=campaign.pk)
    if not may_change(locked):
        raise LaunchRefused("campaign_launched")
    return locked


def _update(campaign: Campaign, changes: dict[str, Any]) -> None:
    clean: dict[str, Any] = {"note_code": "", "note_details": {}, "missed_at": None}
    target = CampaignStatus.PAUSED if campaign.status == CampaignStatus.PAUSED else CampaignStatus.PENDING
    moved = Campaign.unscoped.filter(pk=campaign.pk).move(target, **{**clean, **changes})
    assert moved, f"campaign {campaign.pk} is {campaign.status}, and was to be changed"  # may_change lets none through


def _set_first_time(campaign: Campaign, now: datetime, before: Campaign | None = None) -> None:
    """Where it recurs: from when on, and first when. `before`: what it was, where it is being changed."""
    campaign.recurs_from = campaign.scheduled_at if campaign.recurrence else None
    if before is not None and before.recurs_from is not None and before.recurrence == campaign.recurrence:
        campaign.recurs_from = _moved_anchor(before, campaign)
    recurs = launching.recurrence_of(campaign)
    if recurs is not None and campaign.scheduled_at is None:
        campaign.scheduled_at = recurs.next_after(now)


def _moved_anchor(before: Campaign, after: Campaign) -> datetime | None:
    """From when a recurrence counts that goes on as it was, perhaps at another time of the day.

    What is shown and sent back is its next occurrence: of one on the 31st, in February, the 28th. As long as nobody
    chooses another day, it stays on the 31st.
    """
    began, was, now = before.recurs_from, before.scheduled_at, after.scheduled_at
    if began is None or was is None or now is None or was == now:
        return now if now is None else began
    old_zone, new_zone = ZoneInfo(before.time_zone), ZoneInfo(after.time_zone)
    clock = now.astimezone(new_zone)
    if clock.date() != was.astimezone(old_zone).date():
        return now
    return recurrence.instant(datetime.combine(began.astimezone(old_zone).date(), clock.time()), new_zone)
