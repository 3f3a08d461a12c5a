"""A number of a workbook as its cell shows it: leading zeros, decimals, percent, dates, durations.

What depends on the language of whoever looks (separators of thousands, names of months, currencies) is left out: a
number is written as digits and a point, a date that only a language can write as 2026-01-31.
"""

import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Final, NamedTuple

# Those that every workbook has, by their numbers.
BUILT_IN: Final = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    37: "#,##0",
    38: "#,##0",
    39: "#,##0.00",
    40: "#,##0.00",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss",
    49: "@",
    # Dates as the reader's country writes them.
    **dict.fromkeys((14, 15, 16, 17, *range(27, 32), 36, *range(50, 59)), "yyyy-mm-dd"),
    22: "yyyy-mm-dd hh:mm",
}

_TOKEN = re.compile(
    r"\[[hH]+\]|\[[mM]+\]|\[[sS]+\]|[yY]+|[mM]+|[dD]+|[hH]+|[sS]+(?:\.0+)?|AM/PM|am/pm|A/P|a/p"
    r'|"[^"]*"|\\.|_.|\*.|\[[^\]]*\]|.',
    re.DOTALL,
)
_DIGITS = re.compile(r"[0#?,]*[0#?](?:\.[0#?]*)?")
_LAST_DAY: Final = 2_958_466  # the first of the year 10,000


class _Form(NamedTuple):
    """What a format asks for."""

    date: list[str]  # its parts, of a date or a duration
    whole: int = 0  # digits before the point, with leading zeros
    decimals: int | None = None  # None: as many as there are
    is_percent: bool = False


def shown(text: str, code: str, *, since_1904: bool = False) -> str:
    """Show what the file says of a number as the format `code` does ("" is General). Raises ValueError."""
    if not code and len(text) <= 15 and text.isascii() and text.isdigit():
        return text  # most of them
    number = float(text)
    form = _form(code)
    if form.date:
        return _date(number, form.date, since_1904) if 0 <= number < _LAST_DAY else _plain(number)
    if form.is_percent:
        number *= 100
    if form.decimals is None or abs(number) >= 1e15:
        written = _plain(number)
    else:
        # Half goes up, as the fifteen digits say: 2.675 is 2.68.
        places = Decimal(1).scaleb(-min(form.decimals, 10))
        rounded = Decimal(f"{number:.15g}").quantize(places, ROUND_HALF_UP)
        written = f"{rounded if rounded else abs(rounded):f}"
    if form.whole > 1:
        sign, written = ("-", written[1:]) if written.startswith("-") else ("", written)
        whole, point, decimals = written.partition(".")
        written = sign + whole.zfill(form.whole) + point + decimals
    return written + "%" if form.is_percent else written


def _plain(number: float) -> str:
    """Fifteen digits, as a spreadsheet keeps them: 434.99999999999994 is 435. No exponent where none is needed."""
    if number.is_integer() and abs(number) < 1e17:
        return str(int(number))
    written = f"{number:.15g}"
    return f"{Decimal(written):f}" if "e-" in written else written


@lru_cache(maxsize=1024)
def _form(code: str) -> _Form:
    section = code.partition(";")[0]
    tokens = _TOKEN.findall(section)
    marks = [token for token in tokens if not _is_literal(token)]
    if any(token[0] in "yYmMdDhHsS" or _elapsed(token) for token in marks) and "General" not in section:
        return _Form(tokens)
    signs = "".join(marks)
    found = _DIGITS.search(re.sub(r"[^0#?.,]", "", signs))
    if found is None or "e" in signs.lower() or "/" in signs:  # General, an exponent, a fraction
        return _Form([])
    whole, _, decimals = found[0].partition(".")
    # "#,##0" needs one digit, "00000000" eight; "0,": thousands are not shown as such.
    return _Form([], whole.replace(",", "").lstrip("#?").count("0"), len(decimals), "%" in signs)


def _is_literal(token: str) -> bool:
    return token[0] in '"\\_*' or (token[0] == "[" and not _elapsed(token))


def _elapsed(token: str) -> bool:
    return token[0] == "[" and token[1:-1].lower() in ("h", "hh", "m", "mm", "s", "ss")


def _date(number: float, tokens: list[str], since_1904: bool) -> str:
    # 1900 had a 29th of February in the first spreadsheets, and has one in their files.
    first = datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30 if number >= 60 else 31)  # noqa: DTZ001
    seconds = round(number * 86_400)
    moment = first + timedelta(seconds=seconds)
    if any(token[0] in "mMdD" and len(token) > 2 for token in tokens):
        return moment.isoformat(" ") if seconds % 86_400 else moment.date().isoformat()
    has_halves = any(token.upper() in ("AM/PM", "A/P") for token in tokens)
    written = []
    for place, token in enumerate(tokens):
        kind = token[0].lower()
        if _elapsed(token):
            unit = {"h": 3600, "m": 60, "s": 1}[token[1].lower()]
            written.append(str(seconds // unit).zfill(len(token) - 2))
        elif token.upper() in ("AM/PM", "A/P"):
            written.append("AM" if moment.hour < 12 else "PM")
        elif kind == "y":
            written.append(f"{moment.year:04}" if len(token) > 2 else f"{moment.year % 100:02}")
        elif kind == "d":
            written.append(str(moment.day).zfill(len(token)))
        elif kind == "h":
            written.append(str((moment.hour % 12 or 12) if has_halves else moment.hour).zfill(len(token)))
        elif kind == "s":
            written.append(str(moment.second).zfill(len(token.partition(".")[0])))
        elif kind == "m":
            value = moment.minute if _is_minute(tokens, place) else moment.month
            written.append(str(value).zfill(len(token)))
        else:
            written.append(_literal(token))
    return "".join(written).strip()


def _is_minute(tokens: list[str], place: int) -> bool:
    """An m after hours or before seconds is minutes."""
    before = next((token for token in reversed(tokens[:place]) if token.strip("[").lower()[:1] in tuple("hmsyd")), "")
    after = next((token for token in tokens[place + 1 :] if token.strip("[").lower()[:1] in tuple("hmsyd")), "")
    return before.strip("[").lower().startswith("h") or after.strip("[").lower().startswith("s")


def _literal(token: str) -> str:
    if token[0] == '"':
        return token[1:-1]
    if token[0] == "\\":
        return token[1]
    return "" if token[0] in "_*[@" else token
