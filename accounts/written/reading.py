"""What programs and people write, read one way everywhere. Pure; what is refused, and how, is the caller's to say."""

import re
from typing import Final

_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_YES: Final = {"true", "1", "si", "sí", "yes", "sim", "verdadero", "verdadeiro", "x"}
_NO: Final = {"false", "0", "no", "não", "nao", "falso"}


# What is hardly ever written for anything else.
_WORDS: Final = (_YES | _NO) - {"1", "0", "x"}


def with_plain_line_ends(text: str) -> str:
    """The text with "\\n" at the end of each line: a form sends CRLF, an old file a lone CR."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def is_storable(text: str) -> bool:
    """Whether PostgreSQL and JSON can hold it: no NUL, no half of a surrogate pair."""
    return _UNSTORABLE.search(text) is None


def row_id(text: object) -> int | None:
    """A row's id as an address or a form has it; None for anything else."""
    text = str(text or "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def true_or_false(text: str) -> bool:
    """A boolean as addresses and forms of the API spell it, "true" or "false". Raises ValueError."""
    if text not in ("true", "false"):
        raise ValueError("true or false")
    return text == "true"


def yes_or_no(text: str) -> bool:
    """A boolean as people write it, in Spanish, Portuguese or English, in any case. Raises ValueError."""
    word = text.casefold()
    if word not in _YES | _NO:
        raise ValueError("yes or no")
    return word in _YES


def is_yes_or_no(text: str) -> bool:
    """Whether this is a word for yes or no, and can hardly be anything else: "sí", not "1"."""
    return len(text) <= 10 and text.casefold() in _WORDS
