"""How hard devices may be driven: what their rows say now, and what is left of today's allowance."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from accounts.time_zones import known_zone
from devices.lane.leases import LOCKED, USABLE
from devices.lane.pacing import daily_allowance

Cursor = Any

# Of a `device`: a mark of the instance that it is, whatever its token. What was heard of one says nothing of another.
INSTANCE: Final = r"md5(concat_ws(E'\n', device.provider, device.base_url, device.instance_name))"


@dataclass(frozen=True, slots=True)
class Limits:
    """A device's, at one moment."""

    is_usable: bool
    messages_per_minute: int | None
    jitter_percent: int
    max_in_flight: int
    allowance: int | None  # messages it may still send today; None: any number
    connects_to: str  # a mark of the gateway, instance and token it is reached by: another mark, another device
    is_on_trial: bool  # it was out, and nothing was accepted since
    awaits_receipt: bool = False  # it was silent: `allowance` is what it may send until it is heard of
    is_locked: bool = False  # it may write only to people who wrote to it
    # Of people who never wrote to it: how many more it may write to, None for any number; and today, by its clock.
    strangers: int | None = None
    today: date | None = None


def limits_of(cursor: Cursor, device_ids: Iterable[int]) -> dict[int, Limits]:
    """The limits of these devices, which the caller holds the leases of: nobody else counts what they send."""
    cursor.execute(
        f"""
        SELECT device.id, {USABLE}, messages_per_minute, jitter_percent, max_in_flight, daily_limit, warm_up_since,
               today.day, CASE WHEN lane.day = today.day THEN lane.day_count ELSE 0 END,
               md5(concat_ws(E'\n', provider, base_url, instance_name, device.token)), trouble_count > 0,
               coalesce(known.spells > 0, false),
               {LOCKED}, device.new_people_a_day, account.time_zone, lane.strangers_day, lane.strangers_count,
               CASE WHEN known.spells > 0 THEN greatest(0, %s - known.unanswered) END
        FROM devices_device AS device JOIN accounts_account AS account ON account.id = device.account_id
             LEFT JOIN devices_lane AS lane ON lane.device_id = device.id
             LEFT JOIN devices_acknowledgement AS known
                 ON known.device_id = device.id AND known.connects_to = {INSTANCE},
             (SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date AS day) AS today
        WHERE device.id = ANY(%s)
        """,  # noqa: S608 - a constant
        (settings.ACK_WATCHDOG_MESSAGES, list(device_ids)),
    )
    found = {}
    now = timezone.now()
    for row in cursor.fetchall():
        device_id, is_usable, per_minute, jitter, in_flight, daily, since, today, sent_today, *rest = row
        connects_to, is_on_trial, was_silent, is_locked, own, zone, strangers_day, strangers_count, trial = rest
        allowance = daily_allowance(daily, since, today)
        left = None if allowance is None else allowance - sent_today
        if trial is not None:
            left = trial if left is None else min(left, trial)
        local = local_day(zone, now)
        budget = strangers_budget(own)
        begun = strangers_count if strangers_day == local else 0
        found[device_id] = Limits(
            is_usable=is_usable,
            messages_per_minute=per_minute,
            jitter_percent=jitter,
            max_in_flight=in_flight,
            allowance=left,
            connects_to=connects_to,
            is_on_trial=is_on_trial,
            awaits_receipt=was_silent,
            is_locked=is_locked,
            strangers=0 if is_locked else None if budget is None else max(0, budget - begun),
            today=local,
        )
    return found


def strangers_budget(own: int | None) -> int | None:
    """How many strangers a device may write to in a day, by what its row says; None for any number."""
    return (settings.NEW_PEOPLE_A_DAY if own is None else own) or None


def local_day(time_zone: str, now: datetime) -> date:
    """The day on an account's clock."""
    return now.astimezone(known_zone(time_zone) or UTC).date()


def next_local_day(time_zone: str, now: datetime) -> datetime:
    """When the next one begins there."""
    zone = known_zone(time_zone) or UTC
    return datetime.combine(local_day(time_zone, now) + timedelta(days=1), time.min, zone).astimezone(UTC)
