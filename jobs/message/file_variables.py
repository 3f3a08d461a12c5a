"""Where the variables of a recipient file's message stand, and which of its columns each one means.

- `@valorN` (N from 1, without leading zeros) is the Nth value, wherever it stands: `@valor10` is the tenth value, never
  the first and a "0". `@valor` and `@valor0` are ordinary text.
- `@name`, for the names of the file's header, is that column's value. It must stand as a word of its own, with no
  letter or digit before the "@" or after the name, so that `ventas@empresa.com` stays an address. Of two names that
  fit the longer wins, and `@valorN` comes before any name.
- `{{name}}`, `{{valor1}}` and `{{name|default:"amigo"}}` are the same columns in the spelling of campaigns.
- Names are found in any case, with and without accents, and with blanks or underscores between their words. A column
  that is written to the letter comes before the others that fit.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from accounts.written.folding import BLANKS, loose, loose_letter

MISSING: Final = "---"

_WORD_BREAK: Final = re.compile(f"[{BLANKS}]+")
_NUMBERED: Final = "@valor(?P<number>[1-9][0-9]*)"
_BRACED: Final = (
    r"\{\{(?P<braced>[^{}|]*)"
    r"""(?:\|[ \t]*default[ \t]*:[ \t]*(?:"(?P<double>[^"{}]*)"|'(?P<single>[^'{}]*)')[ \t]*)?\}\}"""
)
_NUMBERED_NAME: Final = re.compile("valor([1-9][0-9]*)")


class Place(NamedTuple):
    """A variable in the message."""

    start: int
    end: int
    value_index: int  # of the value it stands for
    default: str  # what is sent where there is none


def column_name(header: str) -> str:
    """A column's name as its header has it: "nombre" of " @nombre "."""
    return header.strip().removeprefix("@").strip()


def places(message: str, columns: Sequence[str]) -> list[Place]:
    """Find the variables that `columns` or a number can fill, in the message's order."""
    names = _Names(columns)
    folded, origins = _folded(message)
    found: list[Place] = []
    for match in names.pattern.finditer(folded):
        start, end = origins[match.start()], origins[match.end()]
        if (number := match["number"]) is not None:
            if message.startswith(f"@valor{number}", start):
                end = start + len(match[0])
            elif not _stands_alone(folded, match):
                continue
            found.append(Place(start, end, _index(number), MISSING))
        elif match["braced"] is not None:
            index = names.in_braces(message[origins[match.start("braced")] : origins[match.end("braced")]])
            if index is not None:
                found.append(Place(start, end, index, _default(message, origins, match)))
        elif (index := names.column(message[start + 1 : end])) is not None:
            found.append(Place(start, end, index, MISSING))
    return found


class _Names:
    """The columns by their names."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._exact: dict[str, int] = {}
        self._loose: dict[str, int] = {}
        patterns: dict[str, int] = {}  # with how many letters each has
        for index, header in enumerate(columns):
            name = column_name(header)
            words = [word for word in _WORD_BREAK.split("".join(map(loose_letter, name))) if word]
            if not words:
                continue
            self._exact.setdefault(name, index)
            self._loose.setdefault(loose(name), index)
            patterns.setdefault(f"[{BLANKS}]*".join(map(re.escape, words)), sum(map(len, words)))
        longest_first = "|".join(sorted(patterns, key=lambda pattern: -patterns[pattern]))
        # [^\W_] is a letter or a digit. An underscore may follow: `_@nombre_` is WhatsApp's italics.
        named = rf"(?<![^\W_])@(?P<name>{longest_first or '(?!)'})(?![^\W_])"
        self.pattern = re.compile(f"{_NUMBERED}|{_BRACED}|{named}")

    def column(self, name: str) -> int | None:
        """The column that this name means; None for none."""
        index = self._exact.get(name)
        return self._loose.get(loose(name)) if index is None else index

    def in_braces(self, written: str) -> int | None:
        """The same of what stands in double braces; numbers come before names."""
        name = column_name(written)
        numbered = _NUMBERED_NAME.fullmatch(loose(name))
        return _index(numbered[1]) if numbered else self.column(name)


def _folded(message: str) -> tuple[str, Sequence[int]]:
    """The message letter by letter without case and accents, and where each letter of that came from."""
    if message.isascii():
        return message.lower(), range(len(message) + 1)
    letters: list[str] = []
    origins: list[int] = []
    for place, letter in enumerate(message):
        for part in loose_letter(letter):
            letters.append(part)
            origins.append(place)
    origins.append(len(message))
    return "".join(letters), origins


def _stands_alone(folded: str, match: re.Match[str]) -> bool:
    before, after = folded[: match.start()][-1:], folded[match.end() :][:1]
    return not before.isalnum() and not after.isalnum()


def _default(message: str, origins: Sequence[int], match: re.Match[str]) -> str:
    group = "double" if match["double"] is not None else "single"
    return MISSING if match[group] is None else message[origins[match.start(group)] : origins[match.end(group)]]


def _index(number: str) -> int:
    # A message may hold 60,000 digits in a row, which int() refuses; no file has that many columns.
    return int(number) - 1 if len(number) < 10 else 10**9
