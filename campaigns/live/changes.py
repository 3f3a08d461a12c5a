"""What changed in the accounts that somebody watches, told through Redis publish/subscribe.

The rows are asked every few seconds, and only for accounts with an open `/ws/account/{id}`, which no bell is: the
engine knows nothing of campaigns, and a device changes in many places. What was told last is kept in Redis; without it
all is told again.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import structlog
from django.conf import settings
from django.db.models import F, Q
from redis import RedisError

from accounts.live.broadcast import broadcast, channel_of, redis
from campaigns.live import events
from campaigns.live.events import Event
from campaigns.models import Campaign, Notification
from campaigns.results import figures
from devices.models import Device

log = structlog.get_logger(__name__)

# How long after its last change a campaign is still looked at: receipts and replies arrive after the end.
AFTERMATH: Final = timedelta(hours=1)
_TOLD: Final = f"{settings.CHANNEL_PREFIX}:told:"
_TOLD_SECONDS: Final = 3600
_TOLD_OF_A_DEVICE: Final = ("name", "enabled", "status", "status_reason")
_AND_OF_ITS_WEBHOOK: Final = "webhook__problem"


def group_name(account_id: int) -> str:
    """The Channels group of those who watch an account."""
    return f"account.{account_id}"


def personal_group_name(account_id: int, user_id: int) -> str:
    """The Channels group of one person in an account. Not below `group_name`: by that the watched are found."""
    return f"person.{account_id}.{user_id}"


def publish(account_id: int, changes: Iterable[Event]) -> None:
    """Send events to whoever watches the account. Never raises."""
    group = group_name(account_id)
    broadcast((group, {"type": "account.event", "event": event}) for event in changes)


def notified(told: Notification, unread: int) -> None:
    """Tell the person of a notification, and nobody else. Never raises."""
    group = personal_group_name(told.account_id, told.user_id)
    broadcast([(group, {"type": "account.event", "event": events.notification(told, unread)})])


def campaign_changed(campaign: Campaign) -> None:
    """Tell at once what a person did to a campaign."""
    fresh = Campaign.unscoped.with_status().filter(pk=campaign.pk)
    publish(campaign.account_id, _campaign_events(fresh))


def tell_changes(now: datetime) -> int:
    """Tell every watched account what changed since it was last told; return how many events that were."""
    told = 0
    try:
        for account_id in _watched_accounts():
            told += _tell(account_id, now)
    except RedisError as error:
        log.warning("changes not told", error=str(error))
    return told


def _tell(account_id: int, now: datetime) -> int:
    lately = now - AFTERMATH
    campaigns = (
        Campaign.objects.for_account(account_id)
        .with_status()
        .filter(
            Q(updated_at__gte=lately)
            | Q(runs__job__finished_at__gte=lately)
            | Q(runs__job__last_receipt_at__gte=lately)
            | Q(runs__isnull=False, runs__job__finished_at=None)
        )
        .distinct()
    )
    told = _tell_what_is_new(account_id, "campaigns", _campaign_events(campaigns))
    # Of a thousand devices that stand as they stood, one row each is read, and nothing is built, written or compared.
    devices = Device.objects.for_account(account_id).order_by("pk")
    stood = devices.values_list("pk", *_TOLD_OF_A_DEVICE, _AND_OF_ITS_WEBHOOK)
    stand = sha256(repr(list(stood)).encode()).digest()
    if redis().get(place := _key(account_id, "stand")) != stand:
        changed = devices.only("pk", *_TOLD_OF_A_DEVICE).annotate(hook_problem=F(_AND_OF_ITS_WEBHOOK))
        told += _tell_what_is_new(
            account_id, "devices", (events.device_changed(device, device.hook_problem or "") for device in changed)
        )
    redis().set(place, stand, ex=_TOLD_SECONDS)
    redis().expire(_key(account_id, "devices"), _TOLD_SECONDS)
    return told


def _key(account_id: int, kind: str) -> str:
    """Where Redis keeps what an account was told last."""
    return f"{_TOLD}{account_id}:{kind}"


def _tell_what_is_new(account_id: int, kind: str, current: Iterable[Event]) -> int:
    """Tell those of the events that are not what was told last of the same; return how many."""
    key = _key(account_id, kind)
    known: dict[bytes, bytes] = redis().hgetall(key)  # type: ignore[assignment]
    changes = {}
    for event in current:
        name, text = str(event["id"]), json.dumps(event, sort_keys=True)
        if known.get(name.encode()) != text.encode():
            changes[name] = (text, event)
    if changes:
        redis().hset(key, mapping={name: text for name, (text, _) in changes.items()})
        publish(account_id, [event for _, event in changes.values()])
    redis().expire(key, _TOLD_SECONDS)
    return len(changes)


def _campaign_events(campaigns: Iterable[Any]) -> Iterator[Event]:
    campaigns = list(campaigns)
    runs = figures.latest_runs(campaigns)
    stats = figures.delivery_stats([run.job for run in runs.values()])
    for campaign in campaigns:
        run = runs.get(campaign.pk)
        counts = dict(figures.NO_STATS) if run is None else stats[run.job_id]
        yield events.campaign_changed(campaign.pk, campaign.status_now, counts)


def _watched_accounts() -> list[int]:
    channels: list[bytes] = redis().pubsub_channels(channel_of(group_name(0)).removesuffix("0") + "*")  # type: ignore[assignment]
    ids = (channel.decode().rpartition(".")[2] for channel in channels)
    return sorted(int(account_id) for account_id in ids if account_id.isdecimal())
