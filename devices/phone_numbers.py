"""One reading of a phone number for every door: what was written goes in, "+" and digits (E.164) come out.

`read` is for people's numbers: contacts, suppressed numbers, test sends. It knows the countries and says why a number
is refused. `normalise` is the seed's rule, for the rows of recipient files. Both read what is written alike
(`numbers.written`).
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from accounts.countries import is_country
from devices.numbers import plans, written
from devices.numbers.keys import key_of, key_sql, spelt
from devices.numbers.landlines import is_surely_landline
from devices.numbers.plans import dialled, is_mobile
from devices.numbers.written import Unreadable, Written

__all__ = [
    "MAX_WRITTEN",
    "RAW_MAX",
    "Number",
    "Unreadable",
    "dialled",
    "is_country",
    "is_mobile",
    "is_surely_landline",
    "is_written",
    "key_of",
    "key_of_spelling",
    "key_sql",
    "normalise",
    "parse",
    "read",
    "read_kept_from",
    "read_one",
    "reader",
    "spelt",
    "without_separators",
]

RAW_MAX: Final = 40  # characters kept of what is no phone number
MAX_WRITTEN: Final = written.MAX_CHARACTERS  # of what may be given as a number
_NUMBER = re.compile(r"\+?[1-9][0-9]{7,14}")  # [0-9], not \d: a gateway knows no Arabic or Thai digits
_DIGITS = re.compile(r"[1-9][0-9]{7,14}")
_OTHER_SCRIPTS = re.compile("[\u0660-\u0669\u06f0-\u06f9\u0966-\u096f]")  # the contract's digits are ASCII
_SEPARATORS = " .-()[]"


class Number(NamedTuple):
    """One person's number, and what else stood beside it."""

    e164: str
    is_landline: bool  # of its shape: no refusal; a warning where it is one for sure (`is_surely_landline`)
    others: list[str]  # E.164; of one that is not whole, its digits as they were written


def read(raw: str, default_country: str = "") -> Number:
    """Return the number in a text, in any spelling; of several the first that is a mobile, or else whole.

    Raises Unreadable.

    `default_country` ("PE") is what a number without country code belongs to; without one such a number is
    nobody's: `phone_country_missing`. Mexico's 1 after 52 is dropped, and Argentina's 15 is written as the 9 it stands
    for, as those countries do; Brazil's and Argentina's 9 stay as they were written (see `key_of`).
    """
    if e164 := plans.plain_mobile(raw, default_country):
        return Number(e164, False, [])
    if _NUMBER.fullmatch(raw) and raw[0] == "+":
        return Number(*plans.international(raw[1:]), [])
    first, *rest = written.read(raw)
    if not rest:
        return Number(*_planned(first, default_country), [])
    found: dict[str, plans.Planned | None] = {}
    for one in (first, *rest):
        try:
            planned = _planned(one, default_country)
        except Unreadable:
            found.setdefault(f"+{one.digits}" if one.has_code else one.digits, None)
        else:
            found[planned.e164] = planned
    whole = [planned for planned in found.values() if planned is not None]
    if not whole:
        return Number(*_planned(first, default_country), [])  # raises, as the first one is no number
    taken = next((planned for planned in whole if not planned.is_landline), whole[0])
    return Number(*taken, [written for written in found if written != taken.e164])


def read_one(raw: str, default_country: str = "") -> Number:
    """Return the only number in a text. Raises Unreadable, `phone_two_numbers` where there are several."""
    number = read(raw, default_country)
    if number.others:
        raise Unreadable("phone_two_numbers")
    return number


def read_kept_from(raw: str, default_country: str = "") -> str:
    """Return the E.164 form of the only number in a text, for a list of whom not to write to. Raises Unreadable.

    Also one that no plan knows, where it is written with its country's code: a recipient file can name such a number.
    """
    try:
        return read_one(raw, default_country).e164
    except Unreadable as problem:
        numbers = [] if problem.code == "phone_two_numbers" else _written(raw)
        if len(numbers) == 1 and numbers[0].has_code and (phone := normalise(raw)):
            return phone
        raise


def is_written(raw: str) -> bool:
    """Whether a number is written here, or several, and nothing else."""
    return any(len(number.digits) >= written.LEAST_OF_SEVERAL for number in _written(raw))


def _written(raw: str) -> list[Written]:
    try:
        return written.read(raw)
    except Unreadable:
        return []


def parse(raw: str, default_country: str = "") -> str | None:
    """Return the E.164 form of the only number in a text, or None: `read_one` for whom the reason is nothing."""
    try:
        return read_one(raw, default_country).e164
    except Unreadable:
        return None


def _planned(one: Written, default_country: str) -> plans.Planned:
    if one.has_code:
        return plans.international(one.digits)
    if one.digits.startswith("00"):
        return plans.international(one.digits[2:])
    if not default_country:
        raise Unreadable("phone_country_missing")
    return plans.national(one.digits, default_country)


def normalise(raw: str) -> str | None:
    """Return "+" and 8-15 digits, or None where `raw` is not one phone number (contract, seed 000).

    A "+" is optional, the first digit is not 0, and the digits are believed as they are, whatever their country's plan.
    """
    if _NUMBER.fullmatch(raw):
        return raw if raw[0] == "+" else "+" + raw
    try:
        numbers = written.read(raw)
    except Unreadable:
        return None
    if len(numbers) != 1 or not _DIGITS.fullmatch(numbers[0].digits) or _OTHER_SCRIPTS.search(raw):
        return None
    return "+" + numbers[0].digits


def reader(default_country: str) -> Callable[[str], str | None]:
    """Return how the numbers of a recipient file are read: `normalise`, or where it names a country those without
    "+" as numbers of that country.
    """
    if not default_country:
        return normalise

    def of_country(raw: str) -> str | None:
        if raw[:1] == "+" and _NUMBER.fullmatch(raw):
            return raw
        try:
            numbers = written.read(raw)
            if len(numbers) != 1:
                return None
            if numbers[0].has_code:
                return normalise(raw)
            return _planned(numbers[0], default_country).e164
        except Unreadable:
            return None

    return of_country


def key_of_spelling(raw: str, default_country: str = "") -> str | None:
    """Return the key of a number in any spelling, or None where it is none: how a number is searched for.

    Looking for it is no sending to it: without a country its first digits may be its country's code.
    """
    e164 = parse(raw, default_country) or normalise(raw)
    return None if e164 is None else key_of(e164)


def without_separators(raw: str) -> str:
    """Drop what people write between digits: how a search for part of a number is read."""
    raw = written.alike(raw)
    for separator in _SEPARATORS:  # three times as fast as translate()
        raw = raw.replace(separator, "")
    return raw
