"""What people write as a phone number: from a cell, a form or a program to digits. Knows no country.

One reader for every door, so that a number means the same wherever it comes in. static/jobs/written_number.js is
its twin in the browser; tests/browser/test_same_rules.py compares the two.
"""

import re
from typing import Final, NamedTuple

MAX_DIGITS: Final = 15  # of E.164
MAX_WRITTEN_DIGITS: Final = 20  # 00, a country code, a trunk prefix and the number
MAX_CHARACTERS: Final = 500  # a link carries its message along
# Fewer digits beside a whole number are a part of it ("987654321 / 2"), which nobody can complete for sure.
LEAST_OF_SEVERAL: Final = 7


class Written(NamedTuple):
    """One number as it was written."""

    digits: str  # ASCII
    has_code: bool  # its digits begin with their country code: after a "+", in a link, in an address of WhatsApp


class Unreadable(ValueError):
    """No number. `code`: phone_missing, phone_has_letters, phone_inexact, phone_too_long or phone_invalid."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _alike() -> dict[int, str | None]:
    """Which characters are read as which others, or not at all."""
    alike: dict[int, str | None] = {}
    # They come along from phones, chats and web pages, and nobody sees them.
    for marks in ((0xAD, 0x61C, 0x180E, 0x20E3, 0xFEFF), range(0x200B, 0x2010), range(0xFE00, 0xFE10)):
        alike.update(dict.fromkeys(marks))
    for marks in (range(0x202A, 0x202F), range(0x2060, 0x206A)):
        alike.update(dict.fromkeys(marks))
    alike.update(dict.fromkeys((0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000), " "))
    # A tab is between two cells.
    alike.update(dict.fromkeys((*range(0x09, 0x0E), 0x85, 0x2028, 0x2029), "\n"))
    alike.update(dict.fromkeys((*range(0x2010, 0x2016), 0x2043, 0x2212, 0xFE58, 0xFE63, 0xFF0D), "-"))
    alike.update(dict.fromkeys((0xB4, 0x2BC, 0x2018, 0x2019, 0x201B, 0x2032, 0xFF07), "'"))
    alike.update(dict.fromkeys((0x201C, 0x201D, 0x201F, 0x2033, 0xFF02), '"'))
    alike.update({0xFE62: "+", 0xFF0B: "+", 0xFF08: "(", 0xFF09: ")", 0xFF0E: ".", 0xFF0F: "/", 0xFF0C: ","})
    for zero in (0x660, 0x6F0, 0x966, 0xFF10):  # Arabic, Persian, Devanagari, full-width
        alike.update({zero + digit: str(digit) for digit in range(10)})
    return alike


_ALIKE = _alike()
_AROUND = " \n'\"`"
# The quick way, for what is usual: digits, perhaps with what a spreadsheet put around them; and digits in groups.
_BARE = re.compile(r"'?(\+?)([0-9]{7,20})(?:[.,]0+)?")
_PLAIN = re.compile(r"\+?[0-9 ()\-]+")
# Two of these in one part are two numbers: nobody writes one number in two groups of seven digits.
_CHUNK = re.compile(r"[0-9](?:[.\-]?[0-9]){6,}")
_RUN = re.compile(r"[0-9]{7,}")
# A whole number with something else behind it or before it: the next column, a count, the number of its line.
_JOINED = re.compile(r"[0-9]{10,}[^0-9]+[0-9]|(?<![0-9])[1-9][^0-9]+[0-9]{11,}|[1-9][0-9]*[^0-9]+[0-9]{12,}")
_FORMULA = re.compile(r"= *\"?([^\"]*)")
_LINK = re.compile(
    r"(?:https?://)?(?:www\.)?wa\.me/(?:\+|%2B)?([0-9][0-9 .\-]*)/?(?:[?#].*)?"
    r"|(?:(?:https?://)?(?:api|web|www)\.whatsapp\.com/send/?|whatsapp://send/?)"
    r"\?(?:[^#]*&)?phone=(?:\+|%2B|%20| )*([0-9][0-9 .\-]*)(?:[&#].*)?"
    r"|\+?([0-9]+)(?::[0-9]+)?@(?:c\.us|s\.whatsapp\.net)",
    re.IGNORECASE | re.ASCII,
)
# "p:" is Meta's. A word needs two digits behind it: "Tel 2 987654321" is the second of somebody's numbers.
_SCHEME = re.compile(
    r"(?:(?:tel|sms|whatsapp|callto|p): *"
    r"|(?:tel|telf|tlf|tel[eéÉ]fono|telefone|cel|celular|m[oóÓ]vil|fono|fone|phone|mobile|whatsapp|wsp|zap)[.:]*"
    r" *(?=\+|\(?[0-9]{2}))",
    re.IGNORECASE | re.ASCII,
)
_DATE = re.compile(
    r"(?:19|20)[0-9]{2}([.\-])(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12][0-9]|3[01])"
    r"|(?:0[1-9]|[12][0-9]|3[01])([.\-])(?:0[1-9]|1[0-2])\2(?:19|20)[0-9]{2}"
)
_SCIENTIFIC = re.compile(r"(\+?)([0-9])[.,]([0-9]+)[eE]\+?([0-9]{1,2})")
_THOUSANDS = re.compile(r"\+?[0-9]{1,3}(?:,[0-9]{3}){2,}(?:\.0+)?|\+?[0-9]{1,3}(?:\.[0-9]{3}){2,}(?:,0+)?")
_SEPARATOR = re.compile(r"[.,]")
_ZERO_FRACTION = re.compile(r"(?<![0-9.,])(\+?[0-9]{7,})[.,]0+(?![0-9.,])|(?<=[0-9])[.,]0$")
_FRACTION = re.compile(r"[0-9]{7,}\.[0-9]{1,2}(?![0-9])")
_BETWEEN = re.compile(r"[/;,|&\n]+|:::| +(?:y|e|o|u|ou|or|and) +|(?<=[0-9]) *(?=\+)", re.IGNORECASE | re.ASCII)
_LOOSELY_BETWEEN = re.compile(r" +-+ +| {2,}")
_PART = re.compile(r"[ (\[]*\+?[0-9 .()\[\]\-]*")
_NO_DIGITS = re.compile(r"[^0-9]+")


def alike(raw: str) -> str:
    """Write what looks alike in one way, and leave out what nobody sees."""
    return raw if raw.isascii() and raw.isprintable() else raw.translate(_ALIKE)


def read(raw: str) -> list[Written]:
    """Return the numbers that are written here, at least one, in their order. Raises Unreadable.

    Blanks, dots, hyphens and brackets between digits are dropped, as are marks that nobody sees, quotes around it and
    what a spreadsheet makes of it: `="…"`, a final `.0`. Two numbers are two, and never joined to one.
    """
    if bare := _BARE.fullmatch(raw):
        return [Written(bare[2], bare[1] == "+")]
    if _PLAIN.fullmatch(raw):
        digits = _NO_DIGITS.sub("", raw)
        is_other = _DATE.fullmatch(raw.strip()) if len(digits) == 8 else _JOINED.search(raw)
        if 0 < len(digits) < 2 * LEAST_OF_SEVERAL and not is_other:
            return [Written(digits, raw[0] == "+")]
    text = alike(raw).strip(_AROUND)
    if not text:
        raise Unreadable("phone_missing")
    if len(text) > MAX_CHARACTERS:
        raise Unreadable("phone_too_long")
    if formula := _FORMULA.fullmatch(text):
        text = formula[1].strip(_AROUND)
    if link := _LINK.fullmatch(text):
        return [_one(link[1] or link[2] or link[3], has_code=True)]
    if scheme := _SCHEME.match(text):
        text = text[scheme.end() :]
    if scientific := _SCIENTIFIC.fullmatch(text):
        return [_exact(*scientific.groups())]
    return _several(text)


def _exact(plus: str, first: str, rest: str, exponent: str) -> Written:
    """5.1987654321E+10, where a spreadsheet left all its digits. Raises Unreadable where some are gone."""
    length = int(exponent)
    if len(rest) < length or rest[length:].strip("0"):
        raise Unreadable("phone_inexact")
    return _one(first + rest[:length], has_code=bool(plus))


def _several(text: str) -> list[Written]:
    if _THOUSANDS.fullmatch(text):
        text = text.replace(_SEPARATOR.findall(text)[0], "")
    text = _ZERO_FRACTION.sub(r"\1", text)
    if _FRACTION.search(text) or _DATE.fullmatch(text):
        raise Unreadable("phone_invalid")
    parts = [part for part in _BETWEEN.split(text) if part.strip(_AROUND)]
    found = [written for part in parts for written in _in_one_part(part.strip(_AROUND))]
    if not found:
        raise Unreadable("phone_invalid")
    if len(found) > 1 and min(len(written.digits) for written in found) < LEAST_OF_SEVERAL:
        raise Unreadable("phone_invalid")
    return found


def _in_one_part(part: str) -> list[Written]:
    if not _PART.fullmatch(part):
        raise Unreadable("phone_has_letters" if re.search(r"[^\W\d_]|#", part) else "phone_invalid")
    has_code = "+" in part
    for group in (_CHUNK, _RUN):
        groups = list(group.finditer(part))
        if len(groups) > 1:
            start = groups[-1].start()
            return [*_in_one_part(part[:start].rstrip(" ([")), _one(part[start:], has_code=False)]
    if len(_NO_DIGITS.sub("", part)) > MAX_DIGITS:
        pieces = [piece for piece in _LOOSELY_BETWEEN.split(part) if _NO_DIGITS.sub("", piece)]
        if len(pieces) > 1:
            return [_one(piece, has_code="+" in piece) for piece in pieces]
        for run in _RUN.finditer(part):
            for cut in (run.start(), run.end()):
                halves = (part[:cut], part[cut:])
                if min(len(_NO_DIGITS.sub("", half)) for half in halves) >= LEAST_OF_SEVERAL:
                    return [_one(halves[0], has_code), _one(halves[1], has_code=False)]
    if _JOINED.search(part):
        raise Unreadable("phone_invalid")
    return [_one(part, has_code)]


def _one(text: str, has_code: bool) -> Written:
    digits = _NO_DIGITS.sub("", text)
    if not digits:
        raise Unreadable("phone_invalid")
    if len(digits) > MAX_WRITTEN_DIGITS:
        raise Unreadable("phone_too_long")
    return Written(digits, has_code)
