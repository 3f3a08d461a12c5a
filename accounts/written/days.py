"""Days as people write them: 31/12/2026, 12/31/2026, 2026-12-31. Pure.

The order of day and month is "dmy" or "mdy"; the year is four digits, or two after strokes. ISO's has no other.
"""

import re
from calendar import monthrange
from typing import Final, NamedTuple

ORDERS: Final = ("dmy", "mdy")

# Where people write the month first.
_MONTH_FIRST: Final = frozenset(["AS", "FM", "GU", "MH", "MP", "PH", "PR", "PW", "US", "VI"])
_ISO: Final = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})(?:[T ]00:00(?::00(?:\.0+)?)?Z?)?")
_OURS: Final = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})(?: 0?0:00(?::00)?)?")
_CENTURY: Final = 50  # of two digits: from 50 on the last one, as spreadsheets have it
FIRST_YEAR, LAST_YEAR = 1850, 2200

# Days in texts that programs compare: ISO's beginning, or day, month and a year of four digits. PostgreSQL reads the
# same (`attribute_conditions`).
ISO_BEGINS: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}"
THREE_NUMBERS: Final = "^[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4}$"
_THREE_NUMBERS: Final = re.compile(THREE_NUMBERS.removeprefix("^").removesuffix("$"))
_BETWEEN: Final = re.compile("[-/.]")


class InNumbers(NamedTuple):
    """A day of three numbers, in an order that is still to be said."""

    first: int
    second: int
    year: int
    is_iso: bool  # the month comes first, whoever wrote it
    is_sure: bool  # not two digits of a year after a point or a hyphen: 12.5.26 may be a version, or a code

    def placed(self, order: str) -> tuple[int, int, int]:
        """Year, month and day."""
        if self.is_iso or order == "mdy":
            return self.year, self.first, self.second
        return self.year, self.second, self.first


def order_of(country: str) -> str:
    """The order of a country ("PE"); "" where none is chosen."""
    return "" if not country else "mdy" if country in _MONTH_FIRST else "dmy"


def orders(text: str) -> tuple[tuple[str, ...], bool]:
    """The orders with which this is a day, and whether they make two of it. ISO's are the same in both."""
    found = in_numbers(text)
    if found is None or not found.is_sure:
        return (), False
    possible = tuple([order for order in ORDERS if _is_day(*found.placed(order))])
    return possible, len(possible) == 2 and not found.is_iso and found.first != found.second


def read(text: str, order: str) -> str:
    """The day that is written in this order, as ISO has it. Raises ValueError."""
    found = in_numbers(text)
    if found is None or not found.is_sure:
        raise ValueError("a day")
    year, month, day = found.placed(order)
    if not _is_day(year, month, day):
        raise ValueError("a day of our times")
    return f"{year}-{month:02}-{day:02}"


def is_iso(text: str) -> bool:
    """Whether a text is a day as programs write it: 2026-12-31."""
    return len(text) == 10 and text[4] == "-" and bool(orders(text)[0])


def compared(text: str, order: str) -> str | None:
    """How a text that programs wrote is compared with days: as ISO's text; None where it is no day."""
    if re.match(ISO_BEGINS, text):
        return text[:10]
    if not _THREE_NUMBERS.fullmatch(text):
        return None
    first, second, year = _BETWEEN.split(text)
    day, month = (first, second) if order == "dmy" else (second, first)
    return f"{year}-{month.zfill(2)}-{day.zfill(2)}"


def in_numbers(text: str) -> InNumbers | None:
    """The day that a text is, perhaps with its midnight behind it."""
    if found := _OURS.fullmatch(text):
        first, sign, second, year = found.groups()
        if len(year) == 4:
            return InNumbers(int(first), int(second), int(year), is_iso=False, is_sure=True)
        century = 1900 if int(year) >= _CENTURY else 2000
        return InNumbers(int(first), int(second), century + int(year), is_iso=False, is_sure=sign == "/")
    if found := _ISO.fullmatch(text):
        return InNumbers(int(found[3]), int(found[4]), int(found[1]), is_iso=True, is_sure=True)
    return None


def _is_day(year: int, month: int, day: int) -> bool:
    if not (FIRST_YEAR <= year <= LAST_YEAR and 1 <= month <= 12 and day >= 1):
        return False
    return day <= 28 or day <= monthrange(year, month)[1]
