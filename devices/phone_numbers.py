"""One spelling of a phone number for everything that is compared, stored or sent: "+" and its digits.

`normalise` is the seed's rule, for the rows of recipient files: a regular expression, 64 times as fast as a
library. `parse` is for contacts: it knows the countries, and reads what people type.
"""

import re
from functools import cache
from typing import Any, NamedTuple

import phonenumbers

_NUMBER = re.compile(r"\+?[1-9][0-9]{7,14}")  # [0-9], not \d: a gateway knows no Arabic or Thai digits
_SEPARATORS = " \u00a0.-()[]"  # \u00a0: the space that spreadsheets paste
RAW_MAX = 40  # characters kept of what is no phone number


def normalise(raw: str) -> str | None:
    """Return "+" and 8-15 digits, or None where `raw` is no phone number (contract, seed 000).

    A "+" is optional, the first digit is not 0; spaces, dots, hyphens and brackets are dropped.
    """
    match = _NUMBER.fullmatch(raw)
    if match is None:
        raw = without_separators(raw)
        match = _NUMBER.fullmatch(raw)
        if match is None:
            return None
    return raw if raw[0] == "+" else "+" + raw


def without_separators(raw: str) -> str:
    """Drop what people write between digits; also how a search for part of a number is read."""
    for separator in _SEPARATORS:  # three times as fast as translate()
        raw = raw.replace(separator, "")
    return raw


# --- Contacts: numbers that people typed, read by the numbering plans of their countries ---------------

MIN_DIGITS, MAX_DIGITS = 5, 15
MAX_TYPED_DIGITS = 20  # 00, a country code, a trunk prefix and the number
# Digits of any script; no letters: "Ana 987654321" is a note, and 5.1E+10 has lost its last digits.
_TYPED = re.compile(r"[(\[]?\+?[\d\s.()\[\]\u00a0\u2010-\u2015-]+")
_AROUND = " \t\r\n\u00a0'\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069"
_ARGENTINE_15 = re.compile(r"\+54(11|[23]\d{2,3}?)15(\d{6,8})")
_MEXICAN_TRUNK = re.compile(r"(?:044|045|01|1)(?=\d{10}$)")


def parse(raw: str, default_country: str = "") -> str | None:
    """Return the E.164 form of a number in any spelling, or None where `raw` is no possible phone number.

    `default_country` ("PE") is what a number without country code belongs to; without one the first digits are
    the country code. A number is judged by its length, not by whether its range is in use: the tables lag behind
    the operators. Mexico's 1 after 52 is dropped, and Argentina's 15 is written as the 9 it stands for, as those
    countries do; Brazil's and Argentina's 9 stay as they were written (see `key_of`).

    About 4 µs for a number with its country code and 40 µs where the library has to think.
    """
    # A spreadsheet puts the quote before a text that looks like a formula; the marks come along from a phone.
    text = raw.strip(_AROUND)
    if not _TYPED.fullmatch(text):
        return None
    digits = "".join([character for character in text if character.isdecimal()])
    if not digits.isascii():
        digits = "".join([str(int(digit)) for digit in digits])
    if not MIN_DIGITS <= len(digits) <= MAX_TYPED_DIGITS:
        return None
    if "+" in text:
        return _international(digits)
    if digits.startswith("00"):
        return _international(digits[2:])
    national = _national(digits, default_country) if default_country else None
    if national is not None and national.fits:
        return national.e164
    # Many write the country code without its plus, above all in spreadsheets.
    with_code = _plain(digits)
    if with_code is not None and with_code.fits:
        return with_code.e164
    if national is not None:
        return national.e164
    return _international(digits)


def key_of(e164: str) -> str:
    """Return what is the same for all spellings of one person's number; it is compared, never called or shown.

    Mexico: 52 1 and ten digits is 52 and those ten. Argentina: 54 9 and ten digits, or ten with 15 after the area
    code, is 54 and those ten. Brazil: a mobile's ninth digit, the 9 after the area code, is dropped; a landline
    begins with 2 to 5 and never had one, so "9 2345-6789" stays another number than "2345-6789".
    """
    if e164.startswith("+55"):
        if len(e164) == 14 and e164[5] == "9" and e164[6] in "6789":
            return e164[:5] + e164[6:]
    elif e164.startswith("+52"):
        if len(e164) == 14 and e164[3] == "1":
            return "+52" + e164[4:]
    elif e164.startswith("+54"):
        if len(e164) == 14 and e164[3] == "9":
            return "+54" + e164[4:]
        if len(e164) == 15 and (match := _ARGENTINE_15.fullmatch(e164)):
            return "+54" + match[1] + match[2]
    return e164


def key_sql(column: str) -> str:
    """Return `key_of` as an SQL expression over a column that holds "+" and digits, or something that is no number."""
    return f"""CASE
        WHEN left({column}, 3) NOT IN ('+52', '+54', '+55') THEN {column}
        WHEN {column} ~ '^[+]55[0-9]{{2}}9[6-9][0-9]{{7}}$' THEN left({column}, 5) || substr({column}, 7)
        WHEN {column} ~ '^[+]521[0-9]{{10}}$' THEN '+52' || substr({column}, 5)
        WHEN {column} ~ '^[+]549[0-9]{{10}}$' THEN '+54' || substr({column}, 5)
        WHEN {column} ~ '^[+]541115[0-9]{{8}}$' THEN '+5411' || substr({column}, 8)
        WHEN {column} ~ '^[+]54[23][0-9]{{2}}15[0-9]{{7}}$' THEN left({column}, 6) || substr({column}, 9)
        WHEN {column} ~ '^[+]54[23][0-9]{{3}}15[0-9]{{6}}$' THEN left({column}, 7) || substr({column}, 10)
        ELSE {column} END"""


def key_of_spelling(raw: str, default_country: str = "") -> str | None:
    """Return the key of a number in any spelling, or None where it is none: how a number is searched for."""
    e164 = parse(raw, default_country)
    return None if e164 is None else key_of(e164)


class _Read(NamedTuple):
    e164: str
    fits: bool  # its digits follow the plan; otherwise only its length does


class _Plan(NamedTuple):
    """What a country's numbers look like."""

    code: str
    lengths: frozenset[int]
    trunk: re.Pattern[str] | None  # what the library may take away or rewrite at the beginning
    pattern: re.Pattern[str]


@cache
def _plan_of_region(region: str) -> _Plan | None:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    if metadata is None or metadata.general_desc is None:
        return None
    return _plan(str(metadata.country_code), metadata)


@cache
def _plan_of_code(code: str) -> _Plan | None:
    """The plan that the library reads a country code's numbers by; None for no such code."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code))
    if not regions:
        return None
    if regions[0] == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY:
        metadata = phonenumbers.PhoneMetadata.metadata_for_nongeo_region(int(code))
    else:
        metadata = phonenumbers.PhoneMetadata.metadata_for_region(regions[0])
    return None if metadata is None else _plan(code, metadata)


def _plan(code: str, metadata: Any) -> _Plan:
    trunk = metadata.national_prefix_for_parsing
    return _Plan(
        code,
        frozenset(metadata.general_desc.possible_length),
        re.compile(trunk) if trunk else None,
        re.compile(metadata.general_desc.national_number_pattern or r"(?!)"),
    )


def _international(digits: str) -> str | None:
    """Read digits that begin with their country code."""
    if (plain := _plain(digits)) is not None:
        return plain.e164
    if not digits or digits[0] == "0":
        return None
    if digits.startswith("521") and len(digits) == 13:
        return "+52" + digits[3:]
    try:
        number = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return None
    reason = phonenumbers.is_possible_number_with_reason(number)
    # A complete country code and a number somewhat short by the tables: believed, as the seed's own +1234567890 is.
    if reason == phonenumbers.ValidationResult.TOO_SHORT and 10 <= len(digits) <= MAX_DIGITS:
        return "+" + digits
    return _e164(number) if reason == phonenumbers.ValidationResult.IS_POSSIBLE else None


def _plain(digits: str) -> _Read | None:
    """The quick way: a country code and a number that needs no rewriting. None: ask the library."""
    if len(digits) > MAX_DIGITS or digits[0] == "0":
        return None
    # No country code is the beginning of another one.
    plan = _plan_of_code(digits[0]) or _plan_of_code(digits[:2]) or _plan_of_code(digits[:3])
    return plan and _by_plan(plan, digits[len(plan.code) :])


def _by_plan(plan: _Plan, digits: str) -> _Read | None:
    if len(digits) not in plan.lengths:
        return None
    if plan.trunk is not None and (match := plan.trunk.match(digits)) and match.end():
        return None
    if len(plan.code) + len(digits) > MAX_DIGITS:
        return None
    return _Read(f"+{plan.code}{digits}", plan.pattern.fullmatch(digits) is not None)


def _national(digits: str, region: str) -> _Read | None:
    """Read digits as somebody in this country would dial them."""
    plan = _plan_of_region(region)
    if plan is None:
        return None
    if region == "MX":
        digits = _MEXICAN_TRUNK.sub("", digits)
    quick = _by_plan(plan, digits)
    if quick is not None and quick.fits:
        return quick
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    e164 = _e164(number)
    national = phonenumbers.national_significant_number(number)
    return None if e164 is None else _Read(e164, plan.pattern.fullmatch(national) is not None)


def _e164(number: phonenumbers.PhoneNumber) -> str | None:
    number.extension = None
    text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return text if len(text) <= MAX_DIGITS + 1 else None


def is_country(region: str) -> bool:
    """Whether this is the two-letter code of a country whose numbers are known."""
    return region in phonenumbers.SUPPORTED_REGIONS
