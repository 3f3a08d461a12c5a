"""What one recipient will read: the message with that recipient's values in place of its variables."""

import re
from collections.abc import Sequence

MISSING = "---"


class Template:
    """A message, taken apart once so that each of a million recipients costs about a microsecond.

    - `@valorN` (N from 1, without leading zeros) is the Nth value, wherever it stands: `@valor10` is the
      tenth value, never the first and a "0". `@valor` and `@valor0` are ordinary text.
    - `@name`, for the names of the file's header, is that column's value. It must stand as a word of its
      own, with no letter or digit before the "@" or after the name, so that `ventas@empresa.com` stays an
      address. Upper and lower case differ, of two names that fit the longer wins, and `@valorN` comes
      before any name.
    - A value that is missing or blank is sent as `---`.
    - Values go in as they are, in one pass: a value that contains `@valor2` stays that text.
    """

    def __init__(self, message: str, columns: Sequence[str] = ()) -> None:
        index_of: dict[str, int] = {}
        for index, column in enumerate(columns):
            index_of.setdefault(column.strip().removeprefix("@"), index)
        index_of.pop("", None)

        self._parts: list[str] = []
        self._variables: list[tuple[int, int]] = []  # which part is which value
        end = 0
        for match in _variables(index_of).finditer(message):
            self._parts.append(message[end : match.start()])
            number, name = match.group("number"), match.group("name")
            self._variables.append((len(self._parts), _index(number) if number else index_of[name]))
            self._parts.append(MISSING)
            end = match.end()
        self._parts.append(message[end:])

    def render(self, values: Sequence[str]) -> str:
        """Return the text for one recipient."""
        parts = self._parts.copy()
        count = len(values)
        for part, index in self._variables:
            if index < count:
                value = values[index]
                if value and not value.isspace():
                    parts[part] = value
        return "".join(parts)


def _variables(names: dict[str, int]) -> re.Pattern[str]:
    pattern = "@valor(?P<number>[1-9][0-9]*)"
    longest_first = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    # [^\W_] is a letter or a digit. An underscore may follow: `_@nombre_` is WhatsApp's italics.
    pattern += rf"|(?<![^\W_])@(?P<name>{longest_first or '(?!)'})(?![^\W_])"
    return re.compile(pattern)


def _index(number: str) -> int:
    # A message may hold 60,000 digits in a row, which int() refuses; no file has that many columns.
    return int(number) - 1 if len(number) < 10 else 10**9
