"""Numbers by the numbering plans of their countries: whole or not, a mobile or shaped like a landline.

The plans are the library's; beside them stand the few old prefixes that people still write and plans forgot.
"""

import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

import phonenumbers
from phonenumbers import PhoneNumberType, ValidationResult

from devices.numbers.written import MAX_DIGITS, Unreadable

_MOBILE: Final = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
# By country code: what was once dialled before a number, and is no part of it. Mexico's 044, 045, 01 and 1; Chile's 0.
_OLD_TRUNKS: Final = {"52": re.compile(r"(?:044|045|01|1)(?=[0-9]{10}$)"), "56": re.compile(r"0(?=[2-9][0-9]{8}$)")}
# By country code: mobiles as they were, whose old form WhatsApp still knows people by. Brazil's without their 9.
_OLD_MOBILES: Final = {"55": re.compile(r"[1-9][1-9][6-9][0-9]{7}")}
_BEGINNING: Final = re.compile(r"[1-9][0-9]{2}")
_EXAMPLE: Final = "1234567890"  # the example of seed 003, a digit short of a number; nobody has it


class Planned(NamedTuple):
    """A number that its country's plan knows."""

    e164: str
    is_landline: bool  # of its shape; WhatsApp Business also runs on some of these


class _Plan(NamedTuple):
    code: str
    mobile: Callable[[str], object]  # of digits without the code: a mobile that needs no rewriting
    longest_mobile: int  # in digits, without the code
    longest: int  # the same of any number


def plain_mobile(text: str, region: str) -> str | None:
    """The quick way, for most of all numbers: of digits alone that are a mobile of this country ("PE"; "" for none),
    with its code before them or not, or of "+" and those of any, its E.164 form. None: read it as all others.
    """
    if text[:1] == "+":
        plan = _plan_after_plus(text[1:4])
        return text if plan is not None and plan.mobile(text[len(plan.code) + 1 :]) else None
    plan = _plan_of_region(region) if region and text[:1] != "0" else None
    if plan is None:
        return None
    if plan.mobile(text):
        return f"+{plan.code}{text}"
    # Its country's code without the plus, before a mobile: as one of that country it would be too long.
    is_with_code = len(text) > plan.longest and text.startswith(plan.code) and plan.mobile(text[len(plan.code) :])
    return f"+{text}" if is_with_code else None


def international(digits: str) -> Planned:
    """Read digits that begin with their country code.

    Raises Unreadable: phone_incomplete, phone_too_long, phone_not_in_plan or phone_invalid.
    """
    if not digits or digits[0] == "0":
        raise Unreadable("phone_invalid")
    plan = _plan_that_begins(digits)
    if plan is None:
        raise Unreadable("phone_invalid")
    if plan.mobile(digits[len(plan.code) :]):
        return Planned(f"+{digits}", is_landline=False)
    if digits == _EXAMPLE:
        return Planned(f"+{digits}", is_landline=False)
    return _by_library(f"+{plan.code}{_without_old_trunk(plan.code, digits[len(plan.code) :])}", None)


def national(digits: str, region: str) -> Planned:
    """Read digits as somebody in this country ("PE") would write them. Raises Unreadable as `international` does.

    With the country's own code before them too, whose plus many leave out, also where a landline could begin so
    (Germany's, Indonesia's); another country's is believed where they are too many for a mobile here, and a mobile
    there.
    """
    plan = _plan_of_region(region)
    if plan is None:
        raise Unreadable("phone_country_missing")
    if plan.mobile(digits):
        return Planned(f"+{plan.code}{digits}", is_landline=False)
    try:
        here = _by_library(_without_old_trunk(plan.code, digits), region)
    except Unreadable:
        other = _with_code(plan, digits)
        if other is None:
            raise
        return other
    if here.is_landline and digits.startswith(plan.code):
        other = _with_code(plan, digits)
        return other if other is not None and not other.is_landline else here
    return here


def is_mobile(e164: str, region: str = "") -> bool:
    """Whether this can be a mobile of its country's plan, and of the country `region` where it is given."""
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return False
    if phonenumbers.number_type(number) not in _MOBILE:
        return False
    return not region or phonenumbers.region_code_for_number(number) == region


@cache
def dialled(region: str) -> tuple[str, str]:
    """A country's code with its "+", and the 0 that is dialled before its numbers where there is one; else ""."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region) if region else None
    if metadata is None:
        return "", ""
    return f"+{metadata.country_code}", "0" if metadata.national_prefix == "0" else ""


def _with_code(plan: _Plan, digits: str) -> Planned | None:
    is_own = digits.startswith(plan.code)
    if not is_own and (len(digits) <= plan.longest_mobile or digits == _EXAMPLE):
        return None
    try:
        found = international(digits)
    except Unreadable:
        return None
    return found if is_own or not found.is_landline else None


def _without_old_trunk(code: str, digits: str) -> str:
    return _OLD_TRUNKS[code].sub("", digits, count=1) if code in _OLD_TRUNKS else digits


def _by_library(digits: str, region: str | None) -> Planned:
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException as error:
        too_short = error.error_type == phonenumbers.NumberParseException.TOO_SHORT_NSN
        raise Unreadable("phone_incomplete" if too_short else "phone_invalid") from None
    number.extension = None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    kind = phonenumbers.number_type(number)
    old = _OLD_MOBILES.get(str(number.country_code))
    if (
        kind == PhoneNumberType.UNKNOWN
        and old is not None
        and old.fullmatch(phonenumbers.national_significant_number(number))
    ):
        kind = PhoneNumberType.MOBILE
    if kind == PhoneNumberType.UNKNOWN:
        raise Unreadable(_WHY.get(phonenumbers.is_possible_number_with_reason(number), "phone_not_in_plan"))
    if len(e164) > MAX_DIGITS + 1:
        raise Unreadable("phone_too_long")
    return Planned(e164, is_landline=kind not in _MOBILE)


_WHY: Final = {
    ValidationResult.TOO_SHORT: "phone_incomplete",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "phone_incomplete",
    ValidationResult.TOO_LONG: "phone_too_long",
    ValidationResult.INVALID_COUNTRY_CODE: "phone_invalid",
}


@lru_cache(maxsize=2_048)
def _plan_after_plus(text: str) -> _Plan | None:
    """The plan of a number's first three digits; None also for what is no such thing."""
    return _plan_that_begins(text) if _BEGINNING.fullmatch(text) else None


def _plan_that_begins(digits: str) -> _Plan | None:
    """The plan of digits that begin with their country's code: no code is the beginning of another one."""
    return _plan_of_code(digits[0]) or _plan_of_code(digits[:2]) or _plan_of_code(digits[:3])


@cache
def _plan_of_region(region: str) -> _Plan | None:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    return None if metadata is None else _plan(str(metadata.country_code), metadata)


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
    mobile, trunk = metadata.mobile, metadata.national_prefix_for_parsing
    pattern = (mobile and mobile.national_number_pattern) or r"(?!)"
    if (old := _OLD_MOBILES.get(code)) is not None:
        pattern = f"{pattern}|{old.pattern}"
    # Not where the library may take something away at the beginning, or rewrite it.
    unwritten = rf"(?!(?:{trunk})(?<!^))" if trunk else ""
    whole = re.compile(rf"(?=[0-9]{{1,{MAX_DIGITS - len(code)}}}\Z){unwritten}(?:{pattern})")
    lengths = (mobile and mobile.possible_length) or metadata.general_desc.possible_length
    return _Plan(code, whole.fullmatch, max(lengths), max(metadata.general_desc.possible_length))
