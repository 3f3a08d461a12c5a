"""Moments as files have them: 2026-05-31T20:00:00Z, 31/05/2026 8:00 pm, 31-may-2026. Pure.

Of two numbers that can both be the day the first one is, as in most of the world; one over 12 says which it is.
"""

import re
from datetime import datetime, tzinfo
from typing import Final

from accounts.written.folding import without_accents

FIRST_YEAR: Final = 1990  # before it nobody asked
_TIME: Final = re.compile(
    r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,][0-9]{1,9})?)? ?"
    r"(?P<half>[ap]\.? ?m\.?)?(?: ?(?P<zone>z|utc|gmt|[+-][0-9]{2}:?[0-9]{2}))?"
)
_YEAR_FIRST: Final = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})")
_YEAR_LAST: Final = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})")
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


def read(text: str, zone: tzinfo) -> datetime:
    """The moment that is written here; of a day its beginning, in `zone` where it says none. Raises ValueError."""
    if len(text) > 40:
        raise ValueError("a moment")
    plain = " ".join(without_accents(text.casefold()).split())
    day, between, rest = plain.partition("t") if _YEAR_FIRST.match(plain) and "t" in plain[:11] else (plain, "", "")
    if not rest and (found := re.search(r",? (?=[0-9]{1,2}:)", plain)):
        day, between, rest = plain[: found.start()], " ", plain[found.end() :]
    year, month, number = _day(day)
    if not FIRST_YEAR <= year <= 9_000:
        raise ValueError("a year of ours")
    moment = datetime(year, month, number, tzinfo=zone)
    return _at(moment, rest) if between else moment


def _day(text: str) -> tuple[int, int, int]:
    if found := _YEAR_FIRST.fullmatch(text):
        return int(found[1]), int(found[3]), int(found[4])
    if found := _YEAR_LAST.fullmatch(text):
        first, second, year = int(found[1]), int(found[3]), _year(found[4])
        return (year, first, second) if second > 12 >= first else (year, second, first)
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
    match found["zone"]:
        case None:
            return moment
        case "z" | "utc" | "gmt":
            offset = "+0000"
        case said:
            offset = said.replace(":", "")
    return datetime.strptime(f"{moment:%Y%m%d%H%M%S}{offset}", "%Y%m%d%H%M%S%z")
