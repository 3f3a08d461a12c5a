"""Reads a file of contacts: CSV of any making, row by row in constant memory. Knows nothing of contacts.

What a CSV is made of is found out: its encoding (`encodings`), its delimiter (comma, semicolon, "|" or tab) and where
its table begins, with a header or without one (`beginnings`). A workbook becomes such a CSV first (`workbooks`).
"""

import codecs
import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from campaigns.imports import beginnings
from campaigns.imports.files import encodings
from campaigns.imports.files.csv_records import Format, Head, Row, Seen, own_records, records
from campaigns.imports.files.unusable import MAX_COLUMNS, TooManyColumns, Unreadable

DELIMITERS: Final = (",", ";", "|", "\t")
SAMPLE_ROWS: Final = 20
FIRST_ROWS: Final = 30  # among which a table must begin, to be found
SAMPLE_BYTES: Final = 256 * 1024

_SEPARATOR_LINE = re.compile(r"sep=([,;|\t])\r?\n?", re.IGNORECASE)


def detect(path: Path) -> Format:
    """Find out what a CSV is made of. Reads all of it. Raises Unreadable."""
    try:
        encoding = encodings.detect(path)
    except encodings.NotText:
        raise Unreadable from None
    sample = _sample(path, encoding)
    said = _SEPARATOR_LINE.match(sample.removeprefix("\ufeff"))
    delimiter = said[1] if said else _delimiter(sample)
    first = _from_start(_records_of(sample, delimiter), Format(encoding, delimiter))
    start, header = beginnings.find(list(islice(first, FIRST_ROWS)))
    return Format(encoding, delimiter, header, start)


class Place(NamedTuple):
    """Where the next row of a file stands, and what was seen of it before."""

    offset: int  # as the text's `tell` says it
    line: int
    width: int


class Rows:
    """The rows below the header, one after another; those after a `place` that another reader told.

    `is_ours`: we have written the file, of another one. A byte that the encoding does not know becomes
    `encodings.UNDECODABLE`.
    """

    def __init__(self, path: Path, form: Format, *, is_ours: bool = False, place: Place | None = None) -> None:
        self._path, self._form = path, form
        self._cut = own_records if is_ours else records
        self._start = place
        self._seen = Seen() if place is None else Seen(place.line, place.width)
        self._text: TextIO | None = None

    def __iter__(self) -> Iterator[Row]:
        with self._path.open(encoding=self._form.encoding, errors="replace", newline="") as text:
            self._text = text
            found = self._cut(text, self._form.delimiter, self._seen)
            if self._start is not None:
                text.seek(self._start.offset)
            else:
                found = _from_start(found, self._form)
                if self._form.header:
                    next(found, None)
            yield from found

    def place(self) -> Place | None:
        """Where to go on after the last row that was taken; None where only reading on from before it will do."""
        if self._text is None or self._text.closed or self._seen.waiting:
            return None
        return Place(self._text.tell(), self._seen.line, self._seen.width)


def head(path: Path, form: Format) -> Head:
    """The header, and the first rows. Raises TooManyColumns."""
    return head_of(_records_of(_sample(path, form.encoding), form.delimiter), form)


def head_of(found: Iterator[Row], form: Format) -> Head:
    """The header and the first rows of these records. Raises TooManyColumns."""
    found = _from_start(found, form)
    names = next(found, Row(0, [])).cells if form.header else []
    sample = [row.cells for row in islice(found, SAMPLE_ROWS)]
    width = max(map(len, [names, *sample]))
    if width > MAX_COLUMNS:
        raise TooManyColumns
    names = [name.strip() for name in names] + [""] * (width - len(names))
    return Head(names, [[cell[:200] for cell in cells] + [""] * (width - len(cells)) for cells in sample])


def _from_start(found: Iterator[Row], form: Format) -> Iterator[Row]:
    """Without what stands above the table."""
    for row in found:
        if row.line >= form.start and not _is_separator_line(row, form.delimiter):
            yield row
            break
    yield from found


def _is_separator_line(row: Row, delimiter: str) -> bool:
    return row.line == 1 and _SEPARATOR_LINE.fullmatch(delimiter.join(row.cells)) is not None


def _records_of(sample: str, delimiter: str) -> Iterator[Row]:
    return records(io.StringIO(sample, newline=""), delimiter)


def _sample(path: Path, encoding: str) -> str:
    with path.open("rb") as file:
        start = file.read(SAMPLE_BYTES)
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(start)
    # A line that goes on beyond the sample would look cut off.
    end = max(text.rfind("\n"), text.rfind("\r"))
    return text if len(start) < SAMPLE_BYTES or end < 0 else text[: end + 1]


def _delimiter(sample: str) -> str:
    """The one that cuts most rows into the same number of cells, and more than one; best as many as the first has."""

    def score(delimiter: str) -> tuple[int, bool, int]:
        found = [len(row.cells) for row in islice(_records_of(sample, delimiter), SAMPLE_ROWS)]
        counted = [(count, width == found[0], width) for width, count in Counter(found).items() if width > 1]
        return max(counted, default=(0, False, 0))

    return max(DELIMITERS, key=score)
