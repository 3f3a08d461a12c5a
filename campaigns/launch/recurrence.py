"""When a recurring campaign runs: days and times on the clock of its zone, through every change of that clock. Pure.

A recurrence is "daily", "weekly" or "monthly", which repeat the day and time they began with, or five-field cron
("30 9 * * 1-5": minute, hour, day of the month, month, weekday with Sunday 0 or 7). As in cron, where both days are
restricted either will do. A time that the clock skips happens as much later as it skips; one that comes twice happens
once, the first time.
"""

import calendar
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from celery.schedules import ParseException, crontab_parser

WORDS: Final = ("daily", "weekly", "monthly")
# Longer than between two 29ths of February around a year such as 2100: what has no occurrence by then has none.
FURTHEST_DAYS: Final = 366 * 9


class BadRecurrence(ValueError):
    """This is no recurrence, or one that never happens."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """On these days at these times of the clock in `zone`."""

    zone: ZoneInfo
    times: tuple[time, ...]  # in order
    is_on: Callable[[date], bool]

    def next_after(self, moment: datetime) -> datetime | None:
        """The first occurrence later than `moment`; None where there is none."""
        day = moment.astimezone(self.zone).date() - timedelta(days=1)
        return next((at for at in self._from(day, +1) if at > moment), None)

    def last_until(self, moment: datetime) -> datetime | None:
        """The latest occurrence at `moment` or before it; None where there is none."""
        day = moment.astimezone(self.zone).date() + timedelta(days=1)
        return next((at for at in self._from(day, -1) if at <= moment), None)

    def _from(self, day: date, step: int) -> Iterator[datetime]:
        try:
            for days in range(FURTHEST_DAYS):
                on = day + timedelta(days=days * step)
                if self.is_on(on):
                    for at in self.times[::step]:
                        yield instant(datetime.combine(on, at), self.zone)
        except OverflowError:  # the calendar ends
            return


def parse(text: str, zone: ZoneInfo, began_at: datetime | None) -> Recurrence:
    """Read a recurrence. Raises BadRecurrence; also for a word where there is no time that it could repeat."""
    if text in WORDS:
        if began_at is None:
            raise BadRecurrence(text)
        began = began_at.astimezone(zone)
        days: dict[str, Callable[[date], bool]] = {
            "daily": lambda day: True,
            "weekly": lambda day: day.weekday() == began.weekday(),
            # The 31st of a shorter month is its last day.
            "monthly": lambda day: day.day == min(began.day, calendar.monthrange(day.year, day.month)[1]),
        }
        return Recurrence(zone, (began.time().replace(microsecond=0),), days[text])
    return _cron(text, zone)


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """When a clock in `zone` first shows this time; where it never does, as much later as it jumps."""
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def is_skipped(wall: datetime, zone: ZoneInfo) -> bool:
    """Whether a clock in `zone` never shows this time: it lies where the clock is put forward."""
    there = wall.replace(tzinfo=zone)
    return there.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall.replace(tzinfo=None)


def _cron(text: str, zone: ZoneInfo) -> Recurrence:
    fields = text.split()
    if len(fields) != 5:
        raise BadRecurrence(text)
    minutes, hours = _field(fields[0], 60), _field(fields[1], 24)
    days, months = _field(fields[2], 31, 1), _field(fields[3], 12, 1)
    weekdays = {number % 7 for number in _field(fields[4], 8)}
    either = not fields[2].startswith("*") and not fields[4].startswith("*")

    def is_on(day: date) -> bool:
        by_month_day, by_weekday = day.day in days, day.isoweekday() % 7 in weekdays
        return day.month in months and (by_month_day or by_weekday if either else by_month_day and by_weekday)

    times = tuple(time(hour, minute) for hour in sorted(hours) for minute in sorted(minutes))
    return Recurrence(zone, times, is_on)


def _field(text: str, size: int, lowest: int = 0) -> set[int]:
    try:
        numbers: set[int] = crontab_parser(size, lowest).parse(text)
    except (ParseException, ValueError, ZeroDivisionError):
        raise BadRecurrence(text) from None
    if not numbers or not all(lowest <= number < lowest + size for number in numbers):
        raise BadRecurrence(text)
    return numbers
