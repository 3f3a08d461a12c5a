"""How hard devices may be driven: what their rows say now, and what is left of today's allowance."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings

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


def limits_of(cursor: Cursor, device_ids: Iterable[int]) -> dict[int, Limits]:
    """The limits of these devices, which the caller holds the leases of: nobody else counts what they send."""
    cursor.execute(
        f"""
        SELECT device.id, {USABLE}, messages_per_minute, jitter_percent, max_in_flight, daily_limit, warm_up_since,
               today.day, CASE WHEN lane.day = today.day THEN lane.day_count ELSE 0 END,
               md5(concat_ws(E'\n', provider, base_url, instance_name, device.token)), trouble_count > 0,
               coalesce(known.spells > 0, false),
               {LOCKED}, CASE WHEN known.spells > 0 THEN greatest(0, %s - known.unanswered) END
        FROM devices_device AS device LEFT JOIN devices_lane AS lane ON lane.device_id = device.id
             LEFT JOIN devices_acknowledgement AS known
                 ON known.device_id = device.id AND known.connects_to = {INSTANCE},
             (SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date AS day) AS today
        WHERE device.id = ANY(%s)
        """,  # noqa: S608 - a constant
        (settings.ACK_WATCHDOG_MESSAGES, list(device_ids)),
    )
    found = {}
    for row in cursor.fetchall():
        device_id, is_usable, per_minute, jitter, in_flight, daily, since, today, sent_today, *rest, trial = row
        allowance = daily_allowance(daily, since, today)
        left = None if allowance is None else allowance - sent_today
        if trial is not None:
            left = trial if left is None else min(left, trial)
        found[device_id] = Limits(is_usable, per_minute, jitter, in_flight, left, *rest)
    return found
