"""A campaign before its launch: made, changed, given a file, thrown away. Once launched it is what it is."""

from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import Account, User
from campaigns.launch import control, launching, media
from campaigns.launch.launching import LaunchRefused
from campaigns.launch.media import KeptFile
from campaigns.launch.recurrence import WORDS
from campaigns.models import Campaign
from campaigns.states import CampaignStatus

_ABOUT_TIME = {"scheduled_at", "recurrence", "time_zone"}


def create(account: Account, sender: User | None, fields: dict[str, Any], now: datetime) -> Campaign:
    """Make a campaign of valid fields."""
    campaign = Campaign(account=account, sender=sender, **fields)
    _set_first_time(campaign, now)
    campaign.save()
    return campaign


def may_change(campaign: Campaign) -> bool:
    """Whether the campaign is still a draft: not launched, not cancelled."""
    return campaign.status != CampaignStatus.CANCELLED and not campaign.runs.exists()


def change(campaign: Campaign, fields: dict[str, Any], now: datetime) -> list[str]:
    """Change a campaign that was not launched. Raises LaunchRefused for one that was, or is cancelled.

    One that had failed, or had missed its time, is pending again. Returns the names of what is other than it was.
    """
    with transaction.atomic():
        locked = _lock(campaign)
        changed = [name for name, value in fields.items() if getattr(locked, name) != value]
        if locked.status != CampaignStatus.PENDING or locked.missed_at is not None:
            changed.append("status")
        for name, value in fields.items():
            setattr(locked, name, value)
        changes = dict(fields)
        if _ABOUT_TIME & fields.keys():
            if locked.recurrence and locked.recurrence not in WORDS and "scheduled_at" not in fields:
                locked.scheduled_at = None  # another cron, or another clock: another first time
            _set_first_time(locked, now)
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
    moved = Campaign.unscoped.filter(pk=campaign.pk).move(CampaignStatus.PENDING, **{**clean, **changes})
    assert moved, f"campaign {campaign.pk} is {campaign.status}, and was to be changed"  # may_change lets none through


def _set_first_time(campaign: Campaign, now: datetime) -> None:
    """Where it recurs: from when on, and first when."""
    campaign.recurs_from = campaign.scheduled_at if campaign.recurrence else None
    recurs = launching.recurrence_of(campaign)
    if recurs is not None and campaign.scheduled_at is None:
        campaign.scheduled_at = recurs.next_after(now)
