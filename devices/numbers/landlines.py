"""Which numbers are landlines for sure, by patterns alone: fast enough to count a file of a million.

No refusal: WhatsApp Business runs on landlines too. Where mobiles and landlines look alike, as in Mexico, Chile and
North America, nothing is said; nor of Argentina's, whose mobiles are often written without their 9.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Final

import phonenumbers

_WRITTEN_ALIKE: Final = frozenset({"54"})


@cache
def patterns() -> dict[str, str]:
    """Return {"51": "…", …}: by country code what follows it in a landline, as Python and browsers read it."""
    found: dict[str, str] = {}
    for number, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        code = str(number)
        metadata = phonenumbers.PhoneMetadata.metadata_for_region(regions[0])
        if metadata is None or code in _WRITTEN_ALIKE:
            continue
        fixed = metadata.fixed_line and metadata.fixed_line.national_number_pattern
        mobile = metadata.mobile and metadata.mobile.national_number_pattern
        if fixed and fixed != mobile:
            # Landlines first: most numbers are none by their first digit.
            found[code] = f"(?=(?:{fixed})$)(?!(?:{mobile or '$'})$)[0-9]+"
    return found


def is_surely_landline(e164: str) -> bool:
    """Whether "+" and digits are a landline by their country's plan."""
    fits = _fits(e164[1:4])
    return fits is not None and fits(e164) is not None


@cache
def _fits(beginning: str) -> Callable[[str], object] | None:
    """What a number with these first digits must fit to be one."""
    known = patterns()
    code = next((beginning[:length] for length in (1, 2, 3) if beginning[:length] in known), None)
    return None if code is None else re.compile(rf"\+{code}(?:{known[code]})").fullmatch
