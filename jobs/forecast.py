"""When so many messages will be through: day by day, by paces, daily limits and a window. Pure.

Nothing is decided by it. The days are those of one clock. The recipients' own clocks and retries are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from devices.pacing import daily_allowance
from jobs.windows import Window

FURTHEST_DAYS: Final = 3650  # beyond it a date says nothing
DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)
_A_LITTLE: Final = 1e-6  # of a message
_STEPS: Final = 32  # halvings of a day: to far less than a second


@dataclass(frozen=True, slots=True)
class Sender:
    """What a device, or its share, can do."""

    per_minute: float
    daily_limit: int | None = None
    warm_up_since: date | None = None
    begun_today: int = 0  # of its daily limit, on the first day

    def sent(self, day: date, minutes: float, *, is_first: bool = False) -> float:
        """How much it sends in the first so many minutes of a day."""
        allowance = daily_allowance(self.daily_limit, self.warm_up_since, day)
        if allowance is None:
            return self.per_minute * minutes
        return min(self.per_minute * minutes, max(0, allowance - (self.begun_today if is_first else 0)))


def finish(
    messages: int, senders: Sequence[Sender], window: Window | None, zone: ZoneInfo, start: datetime
) -> datetime | None:
    """When they are through, beginning at `start`; None where it would not be within ten years."""
    if messages <= 0:
        return start
    if not senders:
        return None
    left = float(messages)
    first = start.astimezone(zone).date()
    for days in range(FURTHEST_DAYS):
        day = first + days * DAY
        opens, closes = _open(day, window, zone)
        opens = max(opens, start)
        minutes = (closes - opens) / MINUTE
        if minutes <= 0:
            continue
        sent = sum(sender.sent(day, minutes, is_first=not days) for sender in senders)
        if sent >= left:
            return opens + _minutes_for(left, senders, day, minutes, is_first=not days) * MINUTE
        left -= sent
    return None


def _open(day: date, window: Window | None, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From when to when may be sent on this day, in UTC; an empty time where it may not."""
    opens, closes = datetime.combine(day, time.min), datetime.combine(day + DAY, time.min)
    if window is not None:
        closes = opens
        if day.weekday() in window.weekdays:
            opens, closes = datetime.combine(day, window.start), datetime.combine(day, window.end)
    return opens.replace(tzinfo=zone).astimezone(UTC), closes.replace(tzinfo=zone).astimezone(UTC)


def _minutes_for(messages: float, senders: Sequence[Sender], day: date, minutes: float, *, is_first: bool) -> float:
    """How many of the day's minutes they need: at their paces, each until its daily limit."""
    at_their_paces = messages / sum(sender.per_minute for sender in senders)
    if sum(sender.sent(day, at_their_paces, is_first=is_first) for sender in senders) > messages - _A_LITTLE:
        return at_their_paces
    low, high = 0.0, minutes
    for _ in range(_STEPS):
        middle = (low + high) / 2
        enough = sum(sender.sent(day, middle, is_first=is_first) for sender in senders) >= messages
        low, high = (low, middle) if enough else (middle, high)
    return high
