"""Where a table begins: below titles and notes, with a header or without one."""

import re
from typing import Final

from campaigns.imports import columns
from campaigns.imports.files.csv_records import Row
from devices import phone_numbers

_HASH: Final = re.compile(r"(?:0x)?(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})")
_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def find(rows: list[Row]) -> tuple[int, bool]:
    """The line of the header or else of the first row, and whether it is a header; `rows` are a file's first.

    A header is known by its names, even where a cell is a number; else the lines of titles, with one cell each, are
    passed over, and what follows is a header if nothing in it looks like a number or an address.
    """
    if not rows:
        return 1, False
    widest = max(_written(row.cells) for row in rows)
    # The most: a title may speak of phones, too.
    best = max(rows, key=lambda row: _known_names(row.cells, is_narrow=widest == 1))
    if _known_names(best.cells, is_narrow=widest == 1):
        return best.line, True
    first = rows[0]
    if widest > 1:
        first = next(row for row in rows if _written(row.cells) > 1)
    return first.line, is_header(first.cells)


def is_header(cells: list[str]) -> bool:
    """Whether these are names: something is written, and nothing in it looks like a number or an address."""
    written = [cell.strip() for cell in cells if cell.strip()]
    return bool(written) and not any(map(_is_datum, written))


def _is_datum(cell: str) -> bool:
    if _HASH.fullmatch(cell):
        return True
    return bool(_ADDRESS.fullmatch(cell) or columns.NUMBER_LIKE.fullmatch(cell) or phone_numbers.is_written(cell))


def _known_names(cells: list[str], *, is_narrow: bool) -> int:
    """How many names of a contact's fields these are; 0 where they are no header."""
    written = [cell.strip() for cell in cells if cell.strip()]
    begins_blank = not "".join(cells[:1]).strip()
    if len(written) < 2 and not is_narrow and not begins_blank:
        return 0  # "List of phones" is a title
    data = sum(map(_is_datum, written))
    known = sum(map(columns.is_known, written))
    if known >= 2:
        return known if known > data else 0
    is_header = not data and (begins_blank or any(map(columns.phone_score, written)))
    return known if is_header else 0


def _written(cells: list[str]) -> int:
    return sum(not cell.isspace() for cell in cells if cell)
