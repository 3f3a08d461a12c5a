"""How long a campaign will take, from its devices' paces, daily limits and sending window. Nothing is decided by it.

Day by day on the campaign's clock: what its devices may send while the window is open. The recipients' own clocks,
retries and other jobs on the same devices are left out.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from devices.models import Device
from devices.pacing import daily_allowance
from jobs import windows

FURTHEST_DAYS: Final = 3650  # beyond it a date says nothing
# A device without a limit is as fast as its gateway: taken to answer each request within a second.
UNLIMITED_PER_MINUTE: Final = 60.0

_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
_STEPS: Final = 32  # halvings of a day: to far less than a second


@dataclass(frozen=True, slots=True)
class Estimate:
    """`seconds` and `finishes_at` are None where it would not end within ten years, or there is no device."""

    devices: int
    seconds: float | None = None
    finishes_at: datetime | None = None
    # How many more devices, like these on average, would finish within a day; None where these do.
    more_devices_for_one_day: int | None = None


def estimate(
    messages: int, devices: Sequence[Device], window: Mapping[str, Any], zone: ZoneInfo, start: datetime
) -> Estimate:
    """Estimate sending so many messages from `start` on."""
    hours = windows.parse(window)
    finishes_at = _finish(messages, devices, hours, zone, start)
    if finishes_at is None:
        return Estimate(len(devices))
    seconds = (finishes_at - start).total_seconds()
    return Estimate(len(devices), seconds, finishes_at, _more_devices(messages, devices, hours, seconds))


def _finish(
    messages: int, devices: Sequence[Device], hours: windows.Window | None, zone: ZoneInfo, start: datetime
) -> datetime | None:
    if not messages:
        return start
    if not devices:
        return None
    left = float(messages)
    first = start.astimezone(zone).date()
    for days in range(FURTHEST_DAYS):
        day = first + days * _DAY
        opens, closes = _open(day, hours, zone)
        opens = max(opens, start)
        minutes = (closes - opens) / _MINUTE
        if minutes <= 0:
            continue
        sent = _sent(devices, day, minutes)
        if sent >= left:
            return opens + _minutes_for(left, devices, day, minutes) * _MINUTE
        left -= sent
    return None


def _open(day: date, hours: windows.Window | None, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From when to when may be sent on this day, in UTC; an empty time where it may not."""
    opens, closes = datetime.combine(day, time.min), datetime.combine(day + _DAY, time.min)
    if hours is not None:
        closes = opens
        if day.weekday() in hours.weekdays:
            opens, closes = datetime.combine(day, hours.start), datetime.combine(day, hours.end)
    return opens.replace(tzinfo=zone).astimezone(UTC), closes.replace(tzinfo=zone).astimezone(UTC)


def _sent(devices: Sequence[Device], day: date, minutes: float) -> float:
    """How much these devices send in the first so many minutes of a day."""
    total = 0.0
    for device in devices:
        pace = device.messages_per_minute or UNLIMITED_PER_MINUTE * device.max_in_flight
        allowance = daily_allowance(device.daily_limit, device.warm_up_since, day)
        total += pace * minutes if allowance is None else min(pace * minutes, allowance)
    return total


def _minutes_for(messages: float, devices: Sequence[Device], day: date, minutes: float) -> float:
    """How many of the day's minutes they need: at their paces, each until its daily limit."""
    low, high = 0.0, minutes
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if _sent(devices, day, middle) >= messages else (middle, high)
    return high


def _more_devices(messages: int, devices: Sequence[Device], hours: windows.Window | None, seconds: float) -> int | None:
    if seconds <= _DAY.total_seconds():
        return None
    minutes = _DAY / _MINUTE
    if hours is not None:
        minutes = (datetime.combine(date.min, hours.end) - datetime.combine(date.min, hours.start)) / _MINUTE
    each = _sent(devices, date.max, minutes) / len(devices)  # by then all are warm
    return max(1, math.ceil(messages / each) - len(devices))
