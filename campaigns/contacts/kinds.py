"""What the values of an attribute are: texts, numbers, yes or no, days; kept beside its name (`AttributeName.kind`).

"" is of an attribute of which nothing is known yet, MIXED of one whose values are of several kinds, or that was there
before kinds were kept. Neither keeps an audience from anything. Pure.
"""

from typing import Any, Final

from accounts.written import days, numerals
from campaigns.models import AttributeKind

UNKNOWN: Final = AttributeKind.UNKNOWN
TEXT: Final = AttributeKind.TEXT
NUMBER: Final = AttributeKind.NUMBER
BOOLEAN: Final = AttributeKind.BOOLEAN
DATE: Final = AttributeKind.DATE
MIXED: Final = AttributeKind.MIXED


def after_value(known: str, value: Any) -> str:
    """The kind of an attribute, of this kind so far, that is also written so."""
    if known == MIXED or value is None or value == "":
        return known
    if known == UNKNOWN:
        return _first(value)
    return known if _fits(known, value) else MIXED


def after_column(known: str, kind: str) -> str:
    """The kind of an attribute, of this kind so far, of which a column of this kind is imported."""
    if kind == UNKNOWN:
        return known
    if known in (UNKNOWN, kind):
        return kind
    return known if (known, kind) == (TEXT, DATE) else MIXED  # days are kept as texts


def _first(value: Any) -> str:
    if isinstance(value, bool):  # before numbers: Python's True is 1
        return BOOLEAN
    if isinstance(value, int | float):
        return NUMBER
    if not isinstance(value, str):
        return MIXED
    if numerals.plain(value) is not None:
        return UNKNOWN  # a number as some programs write it, or a code
    return DATE if days.is_iso(value) else TEXT


def _fits(kind: str, value: Any) -> bool:
    if kind == BOOLEAN:
        return isinstance(value, bool)
    if kind == NUMBER and not isinstance(value, str):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if not isinstance(value, str):
        return False
    if kind == NUMBER:
        return numerals.plain(value) is not None
    return kind == TEXT or days.compared(value, "dmy") is not None
