"""Numbers as people write them: 1.234,50 and 1,234.50. Pure.

The decimal sign is "," or "."; the other one may stand between thousands. What only one of them can have written says
which it is; "1.234" both can have.
"""

import re
from decimal import Decimal
from typing import Final

from accounts.written.folding import word_set

SIGNS: Final = (".", ",")
MAX_DIGITS: Final = 15  # more than a spreadsheet keeps, and than any amount has


# Where people write a comma before the decimals.
_COMMA: Final = word_set(
    """AD AL AO AR AT AZ BA BE BG BO BR BY CL CM CO CR CV CY CZ DE DK DZ EC EE ES FI FR GE GL GQ GR GW HR HU ID IS
    IT KZ LT LU LV MA MC MD ME MK MZ NL NO PL PT PY RO RS RU SE SI SK SM SN ST TL TN TR UA UY UZ VE VN"""
)
_POINT: Final = word_set(
    """AU BD BW BZ CA CN CU DO GB GH GT HK HN HT IE IL IN JM JP KE KR LK MT MX MY NG NI NP NZ PA PE PH PK PR SG SV
    TH TT TW UG US ZW"""
)
# Strictly: whole groups of three, no zero in front, so that a code (007) is no number.
_STRICT: Final = {
    sign: re.compile(
        rf"-?(?:0|[1-9][0-9]*|[1-9][0-9]{{0,2}}(?:{re.escape(other)}[0-9]{{3}})+)(?:{re.escape(sign)}[0-9]+)?"
    )
    for sign, other in ((".", ","), (",", "."))
}
_LENIENT: Final = {
    sign: re.compile(
        rf"[+-]?(?:[0-9]+|[0-9]{{1,3}}(?:{re.escape(other)}[0-9]{{3}})+)(?:{re.escape(sign)}[0-9]+)?(?:[eE][+-]?[0-9]{{1,3}})?"
    )
    for sign, other in ((".", ","), (",", "."))
}
# As programs write a number in a text; PostgreSQL reads the same (`attribute_conditions`).
PLAIN: Final = r"^-?[0-9]{1,30}([.][0-9]{1,30})?$"
_PLAIN: Final = re.compile(PLAIN.removeprefix("^").removesuffix("$"))


def sign_of(country: str) -> str:
    """The decimal sign of a country ("PE"); "" where we do not know."""
    return "," if country in _COMMA else "." if country in _POINT else ""


def signs(text: str) -> str:
    """The decimal signs with which this is a number: "", ".", "," or ".,"."""
    if len(text) > MAX_DIGITS and sum(map(str.isdigit, text)) > MAX_DIGITS:
        return ""
    return "".join([sign for sign in SIGNS if _STRICT[sign].fullmatch(text)])


def read(text: str, sign: str) -> int | Decimal:
    """The number that is written with this decimal sign, with as many decimals. Raises ValueError."""
    if text.isascii() and text.isdigit():
        return int(text)
    if not _LENIENT[sign].fullmatch(text):
        raise ValueError("a number")
    plain = text.replace(",", "") if sign == "." else text.replace(".", "").replace(",", ".")
    return Decimal(plain) if "." in plain or "e" in plain.lower() else int(plain)


def written(number: Decimal) -> str:
    """A number as programs write it, without zeros that say nothing: "10.5"."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def plain(text: str) -> Decimal | None:
    """The number that a text is for programs, such as "25" or "-1.5"; None where it is none."""
    return Decimal(text) if _PLAIN.fullmatch(text) else None
