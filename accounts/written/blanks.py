"""Cells and fields in which something stands that says nothing: what programs and people write for "empty". Pure.

A text that must stay as it is written, "-" or "NULL" itself, has an apostrophe before it, as spreadsheets do it
(`cells`).
"""

import re
import unicodedata
from typing import Final

# Nobody sees them; they come along from phones, chats and web pages. No joiners of letters or of emoji inside a text.
UNSEEN: Final = (
    " \t\n\r\x0b\x0c\x85\xa0\xad\u061c\u115f\u1160\u1680\u180e\u2028\u2029\u202f\u205f\u2800\u3000\u3164\ufeff\uffa0"
    + "".join(map(chr, (*range(0x2000, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A))))
)
_FILLERS: Final = UNSEEN + "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212._/"
# Whole and in any case. Not "na", "no" and "nil": those are answers, countries and people.
_WORDS: Final = frozenset(
    ("null", "(null)", "<null>", "#null!", "nan", "none", "undefined", "n/a", "#n/a", "n.a.", "n/d", "#n/d", "n.d.")
)
_LONGEST_WORD: Final = max(map(len, _WORDS))
_LETTERS: Final = "A-Za-z0-9\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
_NAMELESS: Final = frozenset(
    (
        *("s/n", "s/nombre", "s/ nombre", "sin nombre", "sem nome", "s/nome", "no name", "noname", "unnamed"),
        *("unknown", "desconocido", "desconocida", "desconhecido", "desconhecida"),
    )
)


# A text of letters, digits and a few signs inside it that says something, as most cells do; not each that does.
PLAIN: Final = re.compile(
    rf"(?!(?i:{'|'.join(map(re.escape, sorted(_WORDS)))})\Z)[{_LETTERS}](?:[{_LETTERS} .,@_-]*[{_LETTERS}])?"
)


def is_blank(text: str) -> bool:
    """Whether the whole of a cell says nothing: blanks, marks that nobody sees, "-", "...", "NULL", "N/A"."""
    return not text.strip(_FILLERS) or (len(text) <= _LONGEST_WORD and text.casefold() in _WORDS)


def is_nameless(name: str) -> bool:
    """Whether this is nobody's name: "Sin nombre", "s/n", or no letter, digit or picture in it."""
    if name.casefold() in _NAMELESS:
        return True
    return not (name[:1].isalpha() or any(one.isalnum() or unicodedata.category(one) == "So" for one in name))
