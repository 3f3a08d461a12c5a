"""Sending hours: when people may be written to, by their own clocks. Pure.

A job's window and the rule of a recipient's country (`accounts.rules`) are both kept: what is in one and not in the
other is closed.

A window is {"start": "09:00", "end": "20:00", "weekdays": [0, 1, 2, 3, 4]} with Monday 0; `weekdays` may be
left out for every day. The start is in it, the end is not. An empty one is open at all times.

Whose clock: that of the number's country and area, or, with "time_zone_attribute": "zona", the one that this
attribute of the contact names ("America/Lima"), where it names one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from accounts.rules.presets import Rule
from accounts.time_zones import known_zone
from accounts.written.reading import is_storable
from devices.numbers import countries
from devices.phone_zones import zone_of

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_KEYS = {"start", "end", "weekdays", "time_zone_attribute"}
_MAX_ATTRIBUTE_LENGTH = 100
# Longer than from any day to the next one that is open, holidays and all.
LOOKED_AHEAD_DAYS: Final = 60


class BadWindow(ValueError):
    """This is no sending window.

    `code` says why: unknown_key, bad_time, end_before_start, bad_weekdays, bad_attribute.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Daily(Protocol):
    """Hours of each day of a calendar."""

    def on(self, day: date) -> tuple[time, time] | None:
        """From when, and until before when; None for a day that is closed."""


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` to `end` on these weekdays."""

    start: time
    end: time
    weekdays: frozenset[int]
    time_zone_attribute: str = ""

    @property
    def column(self) -> str:
        """What a job must keep of each contact for it, as one of its `columns`; "" for nothing."""
        return f"custom_attributes.{self.time_zone_attribute}" if self.time_zone_attribute else ""

    def on(self, day: date) -> tuple[time, time] | None:
        return (self.start, self.end) if day.weekday() in self.weekdays else None


@dataclass(frozen=True, slots=True)
class Both:
    """What is open in the one and in the other."""

    one: Daily
    other: Daily

    def on(self, day: date) -> tuple[time, time] | None:
        first, second = self.one.on(day), self.other.on(day)
        if first is None or second is None:
            return None
        start, end = max(first[0], second[0]), min(first[1], second[1])
        return (start, end) if start < end else None


def opening(hours: Daily, zone: ZoneInfo, now: datetime) -> datetime | None:
    """When they are open next on a clock in this zone: `now` while they are; None where they never are."""
    there = now.astimezone(zone)
    for days in range(LOOKED_AHEAD_DAYS):
        day = there.date() + timedelta(days=days)
        if (span := hours.on(day)) is None:
            continue
        if not days and span[0] <= there.time() < span[1]:
            return now
        # A start inside a spring-forward gap is taken as the moment the clock jumped to.
        opens = datetime.combine(day, span[0], tzinfo=zone)
        if opens > now:
            return opens
    return None


def in_country(window: Window | None, rule: Rule) -> Daily:
    """The hours of people in a country, in a job with this window or none."""
    return rule if window is None else Both(window, rule)


@dataclass(frozen=True, slots=True)
class Hours:
    """A job's window, the place among its recipients' values where their time zones are, and the countries, by their
    letters, that have hours of their own."""

    window: Window | None
    zone_place: int | None
    of_countries: Mapping[str, Daily] = field(default_factory=dict)

    def opening_for(self, phone: str, values: Sequence[str], now: datetime) -> datetime | None:
        """When this recipient may be written to: `now`, or later; None for never."""
        hours = self.of_countries.get(_country(phone[: countries.BEGINNING]), self.window)
        return now if hours is None else opening(hours, self.clock_of(phone, values), now)

    def clock_of(self, phone: str, values: Sequence[str]) -> ZoneInfo:
        """The zone that a recipient's clock is in."""
        place = self.zone_place
        named = _named(values[place]) if place is not None and place < len(values) else None
        return named or zone_of(phone)


def hours_of(raw: Mapping[str, Any], columns: Sequence[str], rules: Mapping[str, Rule] | None = None) -> Hours | None:
    """The hours of a job with this window and these columns, bound by these rules of countries; None for all of them.

    Raises BadWindow.
    """
    window = parse(raw)
    of_countries = {country: in_country(window, rule) for country, rule in (rules or {}).items() if rule.hours}
    if window is None and not of_countries:
        return None
    place = columns.index(window.column) if window is not None and window.column in columns else None
    return Hours(window, place, of_countries)


@lru_cache(maxsize=16_384)
def _country(beginning: str) -> str:
    return countries.country_of(beginning)


@lru_cache(maxsize=1024)
def _named(zone: str) -> ZoneInfo | None:
    return known_zone(zone.strip())


def parse(raw: Mapping[str, Any]) -> Window | None:
    """Read a window; None for an empty one. Raises BadWindow."""
    if not raw:
        return None
    if set(raw) - _KEYS:
        raise BadWindow("unknown_key")
    start, end = _clock(raw.get("start")), _clock(raw.get("end"), end_of_day=True)
    if start >= end:
        raise BadWindow("end_before_start")
    weekdays = raw.get("weekdays", list(range(7)))
    if (
        not isinstance(weekdays, list)
        or not weekdays
        or any(type(day) is not int or day not in range(7) for day in weekdays)
    ):
        raise BadWindow("bad_weekdays")
    attribute = raw.get("time_zone_attribute", "")
    if not isinstance(attribute, str) or len(attribute) > _MAX_ATTRIBUTE_LENGTH or not is_storable(attribute):
        raise BadWindow("bad_attribute")
    return Window(start, end, frozenset(weekdays), attribute.strip())


def _clock(raw: Any, *, end_of_day: bool = False) -> time:
    if end_of_day and raw == "24:00":
        return time.max
    match = _CLOCK.fullmatch(raw) if isinstance(raw, str) else None
    if match is None:
        raise BadWindow("bad_time")
    return time(int(match[1]), int(match[2]))
