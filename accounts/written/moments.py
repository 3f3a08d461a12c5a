"""Moments as files have them: 2026-05-31T20:00:00Z, 31/05/2026 8:00 pm, 31-may-2026. Pure.

Their days are those of `days`, and with the name of their month. Of two numbers that can both be the day the country's
order decides; one over 12 says which it is.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final

from accounts.written import days
from accounts.written.folding import without_accents

FIRST_YEAR: Final = 1990  # before it nobody asked
_TIME: Final = re.compile(
    r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,][0-9]{1,9})?)? ?"
    r"(?P<half>[ap]\.? ?m\.?)?(?: ?(?P<zone>z|utc|gmt|[+-][0-9]{2}:?[0-9]{2}))?"
)
# As programs write it: nearly all of a file, where it comes from one.
_ISO: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_BEFORE_TIME: Final = re.compile(r",? (?=[0-9]{1,2}:)|(?<=[0-9])t(?=[0-9])")
_NAMED: Final = re.compile(r"([0-9]{1,2})[ -/.](?:de )?([a-z]{3,10})\.?[ -/.](?:de |del )?([0-9]{4}|[0-9]{2})")
_NAMED_FIRST: Final = re.compile(r"([a-z]{3,10})\.? ([0-9]{1,2}),? ([0-9]{4})")
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        [
            "ene/jan",
            "feb/fev",
            "mar",
            "abr/apr",
            "may/mai",
            "jun",
            "jul",
            "ago/aug",
            "sep/set",
            "oct/out",
            "nov",
            "dic/dez/dec",
        ],
        start=1,
    )
    for name in names.split("/")
}


@lru_cache(maxsize=4_096)
def read(text: str, zone: tzinfo, order: str = "dmy") -> datetime:
    """The moment that is written here; of a day its beginning, in `zone` where it says none. Raises ValueError.

    `order`: how the country writes days ("dmy", "mdy").
    """
    if len(text) > 40:
        raise ValueError("a moment")
    if _ISO.fullmatch(text):
        moment = datetime.fromisoformat(text).replace(microsecond=0)
        _check_year(moment.year)
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)
    plain = " ".join((text if text.isascii() else without_accents(text)).casefold().split())
    before = _BEFORE_TIME.search(plain)
    year, month, day = _day(plain[: before.start()] if before else plain, order)
    _check_year(year)
    moment = datetime(year, month, day, tzinfo=zone)
    return _at(moment, plain[before.end() :]) if before else moment


def _check_year(year: int) -> None:
    if not FIRST_YEAR <= year <= days.LAST_YEAR:
        raise ValueError("a year of ours")


def _day(text: str, order: str) -> tuple[int, int, int]:
    if numbers := days.in_numbers(text):
        year, month, day = numbers.placed(order)
        return (year, day, month) if month > 12 >= day and not numbers.is_iso else (year, month, day)
    if found := _NAMED.fullmatch(text):
        return _year(found[3]), _month(found[2]), int(found[1])
    if found := _NAMED_FIRST.fullmatch(text):
        return int(found[3]), _month(found[1]), int(found[2])
    raise ValueError("a day")


def _year(digits: str) -> int:
    return int(digits) + (2000 if len(digits) == 2 else 0)


def _month(name: str) -> int:
    if name[:3] not in _MONTHS:
        raise ValueError("a month")
    return _MONTHS[name[:3]]


def _at(day: datetime, text: str) -> datetime:
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError("a time of the day")
    hour = int(found["hour"])
    if half := found["half"]:
        if not 1 <= hour <= 12:
            raise ValueError("an hour of a half day")
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    moment = day.replace(hour=hour, minute=int(found["minute"]), second=int(found["second"] or 0))
    zone = found["zone"]
    if zone is None:
        return moment
    if zone in ("z", "utc", "gmt"):
        return moment.replace(tzinfo=UTC)
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return moment.replace(tzinfo=timezone(-offset if zone[0] == "-" else offset))
