"""How long a campaign will take, from its devices' paces, daily limits and sending window. Nothing is decided by it.

Other jobs on the same devices are left out: by the time it starts they may be through.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from accounts.rules.presets import Rule
from devices.models import Device
from jobs import windows
from jobs.forecast import DAY, MINUTE, Sender, finish, last

# A device without a limit is as fast as its gateway: taken to answer each request within a second.
UNLIMITED_PER_MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """`seconds` and `finishes_at` are None where it would not end within ten years, or there is no device."""

    devices: int
    seconds: float | None = None
    finishes_at: datetime | None = None
    # How many more devices, like these on average, would finish within a day; None where these do.
    more_devices_for_one_day: int | None = None


def estimate(
    messages: int,
    devices: Sequence[Device],
    window: Mapping[str, Any],
    zone: ZoneInfo,
    start: datetime,
    by_rule: Sequence[tuple[Rule, int]] = (),
) -> Estimate:
    """Estimate sending so many messages from `start` on. `by_rule`: how many of them are to countries with hours."""
    hours = windows.parse(window)
    senders = Counter(map(_sender, devices))
    ends = [finish(messages, senders, hours, zone, start)]
    for rule, number in by_rule:
        ends.append(finish(number, senders, windows.in_country(hours, rule), ZoneInfo(rule.clock), start))
    finishes_at = last(ends)
    if finishes_at is None:
        return Estimate(len(devices))
    seconds = (finishes_at - start).total_seconds()
    return Estimate(len(devices), seconds, finishes_at, _more_devices(messages, senders, hours, seconds))


def _sender(device: Device) -> Sender:
    pace = device.messages_per_minute or UNLIMITED_PER_MINUTE * device.max_in_flight
    return Sender(pace, device.daily_limit, device.warm_up_since)


def _more_devices(messages: int, senders: Counter[Sender], hours: windows.Window | None, seconds: float) -> int | None:
    if seconds <= DAY.total_seconds():
        return None
    minutes = DAY / MINUTE
    if hours is not None:
        minutes = (datetime.combine(date.min, hours.end) - datetime.combine(date.min, hours.start)) / MINUTE
    number = senders.total()
    together = sum(sender.sent(date.max, minutes) * alike for sender, alike in senders.items())  # by then all are warm
    return max(1, math.ceil(messages * number / together) - number)
