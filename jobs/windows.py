"""Sending windows: the hours and weekdays at which people may be written to, by their own clocks. Pure.

A window is {"start": "09:00", "end": "20:00", "weekdays": [0, 1, 2, 3, 4]} with Monday 0; `weekdays` may be
left out for every day. The start is in it, the end is not. An empty one is open at all times.

Whose clock: that of the number's country and area, or, with "time_zone_attribute": "zona", the one that this
attribute of the contact names ("America/Lima"), where it names one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from accounts.time_zones import known_zone
from accounts.written.reading import is_storable
from devices.phone_zones import zone_of

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_KEYS = {"start", "end", "weekdays", "time_zone_attribute"}
_MAX_ATTRIBUTE_LENGTH = 100


class BadWindow(ValueError):
    """This is no sending window.

    `code` says why: unknown_key, bad_time, end_before_start, bad_weekdays, bad_attribute.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


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

    def is_open(self, zone: ZoneInfo, now: datetime) -> bool:
        there = now.astimezone(zone)
        return there.weekday() in self.weekdays and self.start <= there.time() < self.end

    def next_opening(self, zone: ZoneInfo, now: datetime) -> datetime:
        """When it opens next, or `now` while it is open."""
        if self.is_open(zone, now):
            return now
        today = now.astimezone(zone).date()
        for days in range(9):
            # A start inside a spring-forward gap is taken as the moment the clock jumped to.
            opening = datetime.combine(today + timedelta(days=days), self.start, tzinfo=zone)
            if opening.weekday() in self.weekdays and opening > now:
                return opening
        raise AssertionError("a window opens at least once a week")


@dataclass(frozen=True, slots=True)
class Hours:
    """A job's window, and the place among its recipients' values where their time zones are."""

    window: Window
    zone_place: int | None

    def opening_for(self, phone: str, values: Sequence[str], now: datetime) -> datetime:
        """When this recipient may be written to: `now`, or later."""
        place = self.zone_place
        named = _named(values[place]) if place is not None and place < len(values) else None
        return self.window.next_opening(named or zone_of(phone), now)


def hours_of(raw: Mapping[str, Any], columns: Sequence[str]) -> Hours | None:
    """The hours of a job with this window and these columns; None for all of them. Raises BadWindow."""
    window = parse(raw)
    if window is None:
        return None
    return Hours(window, columns.index(window.column) if window.column in columns else None)


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
