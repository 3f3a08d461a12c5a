"""Labels in one cell of a file: with commas between them, one that has a comma itself in quotes.

    vip, "Lima, Perú", "el ""otro"" grupo"

Files of other programs have semicolons, bars or Google's ":::" between them.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from accounts.written.blanks import is_blank
from accounts.written.cells import trimmed

OWN_GROUP: Final = "* "  # before the groups that Google itself puts everybody in

_BETWEEN: Final = re.compile(":::|[,;|]")
_PART: Final = re.compile(r'\s*(?:"((?:[^"]|"")*)"\s*(?=$|:::|[,;|])|((?:(?!:::)[^,;|])*))(?:$|:::|[,;|])')


def written(names: Iterable[str]) -> str:
    """The cell that says them."""
    return ", ".join(map(_quoted, names))


def read(cell: str) -> Iterator[str]:
    """The names that a cell says; not those that are nothing but a filler, nor Google's own."""
    if '"' in cell:
        parts: Iterable[tuple[str | None, str]] = ((part[1], part[2] or "") for part in _PART.finditer(cell))
    else:
        parts = ((None, name) for name in _BETWEEN.split(cell))
    for quoted, plain in parts:
        if quoted is not None:
            yield quoted.replace('""', '"')
        elif not is_blank(plain) and not (name := trimmed(plain)).startswith(OWN_GROUP):
            yield name


def _quoted(name: str) -> str:
    if _BETWEEN.search(name) or '"' in name or name.startswith(OWN_GROUP) or is_blank(name):
        return '"' + name.replace('"', '""') + '"'
    return name
