"""How an attribute is compared: as numbers, as days or as texts, whatever JSON's types are.

A number is compared with numbers and with texts that are numbers ("25"). A text that is a number is so too, unless the
attribute holds texts; where nobody knows what it holds, other texts are compared by code point besides. In an
attribute that holds days, a day is compared with days, in ISO's way or in the account's. All other texts are
compared with texts, by code point, so that ISO's days compare by time.

Each has it twice, in plain Python and in SQL, which must agree. Whether an attribute equals a value is asked of JSON's
values, of which the contacts have an index: `other_spellings` says which else mean the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from accounts.written import days, numerals
from campaigns.contacts import kinds

Holds = Callable[[Any, Any], bool]  # greater than, …


class Comparison(Protocol):
    """What an attribute is compared with."""

    def holds(self, attribute: Any, how: Holds) -> bool: ...

    def sql(self, key: str, symbol: str) -> tuple[str, list[Any]]:
        """The condition with {} for the column, never null, and its parameters."""


def comparison(value: Any, kind: str, day_order: str) -> Comparison:
    """How an attribute of this kind is compared with a number or a text."""
    if not isinstance(value, str):
        return _WithNumber(Decimal(repr(value)))
    if kind == kinds.DATE and (day := days.compared(value, day_order)) is not None:
        return _WithDay(day, day_order)
    if kind not in (kinds.TEXT, kinds.DATE) and (number := numerals.plain(value)) is not None:
        return _WithNumber(number, None if kind == kinds.NUMBER else value)
    return _WithText(value)


def other_spellings(value: Any, kind: str, day_order: str) -> list[Any]:
    """What an attribute of this kind may be besides, where it equals this value: 10.5 is "10.5".

    A text that is written as programs write a number is that number, unless the attribute holds texts or days; so is
    any other spelling, "10.50", in an attribute that holds numbers. A day is also the same day as ISO writes it, which
    is how files bring it.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [numerals.written(Decimal(repr(value)))]
    if not isinstance(value, str):
        return []
    if kind == kinds.DATE:
        day = days.compared(value, day_order) if len(value) <= len("2026-12-31") else None
        return [] if day in (None, value) else [day]
    number = None if kind in (kinds.TEXT, kinds.BOOLEAN) else numerals.plain(value)
    if number is None:
        return []
    plain = numerals.written(number)
    if plain == value:
        return [number]
    return [number, plain] if kind == kinds.NUMBER else []


@dataclass(frozen=True, slots=True)
class _WithNumber:
    number: Decimal
    text: str | None = None  # with which texts are compared that are no numbers

    def holds(self, attribute: Any, how: Holds) -> bool:
        if isinstance(attribute, str):
            number = numerals.plain(attribute)
            if number is None:
                return self.text is not None and how(attribute, self.text)
            return how(number, self.number)
        if isinstance(attribute, bool) or not isinstance(attribute, int | float):
            return False
        # As PostgreSQL stores it, digit by digit: Python would compare an integer with a float's binary value.
        return how(Decimal(repr(attribute)), self.number)

    def sql(self, key: str, symbol: str) -> tuple[str, list[Any]]:
        number = str(self.number)
        if self.text is None:
            otherwise, parameters = "false", []
        else:
            otherwise, parameters = f'({{}} ->> %s::text) COLLATE "C" {symbol} %s', [key, self.text]
        return (
            # As jsonb, which compares anything with anything; a cast to numeric would fail on other texts.
            f"coalesce(CASE jsonb_typeof({{}} -> %s::text) WHEN 'number' THEN {{}} -> %s::text {symbol} %s::jsonb"
            f" WHEN 'string' THEN CASE WHEN ({{}} ->> %s::text) ~ %s THEN ({{}} ->> %s::text)::numeric"
            f" {symbol} %s::numeric ELSE {otherwise} END END, false)",
            [key, key, number, key, numerals.PLAIN, key, number, *parameters],
        )


@dataclass(frozen=True, slots=True)
class _WithDay:
    day: str  # as ISO has it
    order: str

    def holds(self, attribute: Any, how: Holds) -> bool:
        day = days.compared(attribute, self.order) if isinstance(attribute, str) else None
        return day is not None and how(day, self.day)

    def sql(self, key: str, symbol: str) -> tuple[str, list[Any]]:
        day, month = (1, 2) if self.order == "dmy" else (2, 1)
        part = "split_part(translate({} ->> %s::text, '.-', '//'), '/', "
        return (
            "coalesce((CASE WHEN jsonb_typeof({} -> %s::text) <> 'string' THEN NULL"
            " WHEN ({} ->> %s::text) ~ %s THEN left({} ->> %s::text, 10)"
            f" WHEN ({{}} ->> %s::text) ~ %s THEN {part}3) || '-' || lpad({part}{month}), 2, '0') || '-' ||"
            f" lpad({part}{day}), 2, '0') END) COLLATE \"C\" {symbol} %s, false)",
            [key, key, days.ISO_BEGINS, key, key, days.THREE_NUMBERS, key, key, key, self.day],
        )


@dataclass(frozen=True, slots=True)
class _WithText:
    text: str

    def holds(self, attribute: Any, how: Holds) -> bool:
        return isinstance(attribute, str) and how(attribute, self.text)

    def sql(self, key: str, symbol: str) -> tuple[str, list[Any]]:
        # The comparison first, which most rows fail: where there is no index, that is a third of the time.
        return (
            f'coalesce(({{}} ->> %s::text) COLLATE "C" {symbol} %s'
            " AND jsonb_typeof({} -> %s::text) = 'string', false)",
            [key, self.text, key],
        )
