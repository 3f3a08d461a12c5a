"""Reads one sheet of an XLSX as a person sees it, row by row in constant memory. Runs in a process of its own.

Of a workbook only what a list of people needs is looked at: the names of its sheets, the formats of its numbers, the
texts that cells share, and the cells themselves. Everything else is passed over unread, and each part has an end: a
file of 60 KB can unpack to anything. A document type, with which XML names files and doubles texts, is refused.
"""

import csv
import os
import posixpath
import tempfile
import zipfile
from array import array
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, Final, NamedTuple
from xml.parsers import expat

from campaigns.imports.files import number_formats
from campaigns.imports.files.csv_records import Row
from campaigns.imports.files.unusable import MAX_COLUMNS, TooHeavy, TooManyColumns, TooManyRows, Unreadable, Unusable

# Before the text of a cell that holds an error, such as #N/A: no letter of any language.
ERROR_MARK: Final = "\ufdd0"

SHEET_ROWS: Final = 2**20  # that a spreadsheet can have, empty ones too
ROW_CELLS: Final = 2**14  # that a row can have, empty ones too
MAX_UNPACKED_BYTES: Final = 4 * 1024**3  # of an XLSX: a million rows take half of one
MAX_ELEMENTS: Final = 250_000  # of a part that is not cells or their texts
LOOKED_AT_ROWS: Final = 20_000  # empty ones too: a table that begins further down is found by nobody
MAX_BEFORE_CELLS: Final = 50_000  # elements of a sheet before its first row: widths of columns and such
MAX_FORMATS: Final = 2**16
MAX_SHEETS: Final = 1_000
MAX_TEXT: Final = 2**16  # characters; a cell can have half of them

_BLOCK_BYTES = 64 * 1024


class Sheet(NamedTuple):
    """A sheet of cells; a chart's sheet is none."""

    name: str
    part: str  # the name of its part in the archive
    is_visible: bool


class Look(NamedTuple):
    """The beginning of a workbook."""

    sheets: list[str]  # the names of all
    sheet: int  # which was looked at
    rows: list[Row]


def look(source: Path, sheet: int | None, most: int) -> Look:
    """The first rows of a sheet, by default of the first that is visible and holds something. Raises Unusable."""
    with _opened(source) as book:
        names = [one.name for one in book.sheets]
        if sheet is not None:
            return Look(names, sheet, list(islice(book.rows(sheet, LOOKED_AT_ROWS), most)))
        visible = [number for number, one in enumerate(book.sheets) if one.is_visible] or [0]
        for number in visible:
            if rows := list(islice(book.rows(number, LOOKED_AT_ROWS), most)):
                return Look(names, number, rows)
        return Look(names, visible[0], [])


def to_csv(source: Path, sheet: int, target: Path, most_rows: int) -> None:
    """Write a sheet as UTF-8 CSV with its own line numbers. Raises Unusable; then there is no target."""
    unfinished = target.with_suffix(".part")
    written = 0
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file, _opened(source) as book:
            writer = csv.writer(file)
            next_line = 1
            for line, cells, _ in book.rows(sheet):
                if written > most_rows:
                    raise TooManyRows  # one more than that: there may be a header, and a title
                if line > next_line + most_rows:
                    raise Unreadable
                file.write("\r\n" * (line - next_line))
                # A line end in a cell is one: the CSV's reader may take a lone return for the end of its line.
                writer.writerow([cell.replace("\r\n", "\n").replace("\r", "\n") for cell in cells])
                next_line = max(next_line, line) + 1
                written += 1
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


class _Done(Exception):
    """Nothing more of a part is needed."""


class _Book:
    """An open workbook."""

    def __init__(self, archive: zipfile.ZipFile, storage: IO[bytes]) -> None:
        if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED_BYTES:
            raise TooHeavy
        self._archive = archive
        main = next((target for kind, target in self._relations("").values() if kind == "officeDocument"), None)
        main = main or "xl/workbook.xml"
        relations = self._relations(main)
        self.since_1904 = False
        self.sheets: list[Sheet] = []
        self._read_sheets(main, relations)
        if not self.sheets:
            raise Unreadable
        parts = dict(relations.values())
        self._formats = self._read_formats(parts["styles"]) if "styles" in parts else []
        shared = parts.get("sharedStrings", posixpath.join(posixpath.dirname(main), "sharedStrings.xml"))
        self._texts = _SharedTexts(self._blocks(shared) if shared in archive.NameToInfo else None, storage)

    def rows(self, sheet: int, most: int | None = None) -> Iterator[Row]:
        """Yield the rows that hold something, among the first `most` or among all."""
        if not 0 <= sheet < len(self.sheets):
            raise Unreadable
        reader = _SheetReader(self._texts, self._formats, most, since_1904=self.since_1904)
        with suppress(_Done):
            # The last call says that nothing follows: the parser may keep something until then.
            for block in chain(self._blocks(self.sheets[sheet].part), (b"",)):
                try:
                    reader.parser.Parse(block, not block)
                finally:
                    yield from reader.take()

    def _blocks(self, part: str) -> Iterator[bytes]:
        with self._archive.open(part) as stream:
            while block := stream.read(_BLOCK_BYTES):
                yield block

    def _elements(self, part: str, begin: Callable[[str, dict[str, str]], None], end: Callable[[str], None]) -> None:
        """Call these for each element of a small part, until one of them raises _Done."""
        count = 0

        def begun(name: str, attributes: dict[str, str]) -> None:
            nonlocal count
            count += 1
            if count > MAX_ELEMENTS:
                raise TooHeavy
            begin(_local(name) if ":" in name else name, attributes)

        parser = _parser(begun, lambda name: end(_local(name) if ":" in name else name))
        with suppress(_Done):
            for block in self._blocks(part):
                parser.Parse(block)
            parser.Parse(b"", True)

    def _relations(self, part: str) -> dict[str, tuple[str, str]]:
        """{id: (kind, part)} of what a part refers to."""
        folder, name = posixpath.split(part)
        where = posixpath.join(folder, "_rels", f"{name}.rels")
        found: dict[str, tuple[str, str]] = {}

        def begin(name: str, attributes: dict[str, str]) -> None:
            if name == "Relationship" and attributes.get("TargetMode") != "External":
                target = attributes["Target"]
                place = target[1:] if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
                found[attributes["Id"]] = (attributes["Type"].rpartition("/")[2], place)
                if len(found) > MAX_SHEETS * 10:
                    raise TooHeavy

        if where in self._archive.NameToInfo:
            self._elements(where, begin, lambda _: None)
        return found

    def _read_sheets(self, part: str, relations: dict[str, tuple[str, str]]) -> None:
        def begin(name: str, attributes: dict[str, str]) -> None:
            if name == "workbookPr":
                self.since_1904 = attributes.get("date1904", "") in ("1", "true", "on")
            elif name == "sheet":
                reference = next((value for key, value in attributes.items() if _local(key) == "id"), "")
                kind, target = relations.get(reference, ("", ""))
                if kind == "worksheet":
                    state = attributes.get("state", "visible")
                    self.sheets.append(Sheet(attributes.get("name", "")[:100], target, state == "visible"))
                    if len(self.sheets) > MAX_SHEETS:
                        raise TooHeavy

        def end(name: str) -> None:
            if name == "sheets":
                raise _Done  # the names of ranges come next, in any number

        self._elements(part, begin, end)

    def _read_formats(self, part: str) -> list[str]:
        """The formats of numbers, by the style of a cell; "" is General."""
        codes: dict[int, str] = {}
        formats: list[str] = []
        inside = ""

        def begin(name: str, attributes: dict[str, str]) -> None:
            nonlocal inside
            if name in ("cellXfs", "cellStyleXfs"):
                inside = name
            elif name == "numFmt" and len(codes) < MAX_FORMATS:
                code = attributes.get("formatCode", "")[:200]
                codes[int(attributes["numFmtId"])] = "" if code == "General" else code
            elif name == "xf" and inside == "cellXfs":
                number = int(attributes.get("numFmtId", "0"))
                formats.append(codes.get(number) or number_formats.BUILT_IN.get(number, ""))
                if len(formats) > MAX_FORMATS:
                    raise TooHeavy

        def end(name: str) -> None:
            if name == "cellXfs":
                raise _Done

        self._elements(part, begin, end)
        return formats


class _opened:  # noqa: N801 - a context manager, used as a function
    """Opens a workbook; what a broken or hostile one leads to becomes Unreadable or TooHeavy."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self._open: list[Any] = []

    def __enter__(self) -> _Book:
        try:
            self._open.append(tempfile.TemporaryFile())
            # Opened here: the archive would keep it open for parts that were not read to their end.
            self._open.append(self._source.open("rb"))
            self._open.append(zipfile.ZipFile(self._open[1]))
            return _Book(self._open[2], self._open[0])
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        for one in reversed(self._open):
            one.close()
        self._open.clear()
        if error is None or isinstance(error, Unusable | OSError):
            return
        if isinstance(error, MemoryError):
            raise TooHeavy from error
        # KeyError, ValueError, ExpatError, BadZipFile, zlib's…
        if isinstance(error, Exception):
            raise Unreadable from error


def _parser(begin: Callable[[str, dict[str, str]], None], end: Callable[[str], None]) -> Any:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = _refuse
    return parser


def _refuse(*_: Any) -> None:
    raise Unreadable


def _local(name: str) -> str:
    return name.rpartition(":")[2]


class _TextReader:
    """What readers of a part's XML share: they collect a text piece by piece, no more than MAX_TEXT of one."""

    def __init__(self) -> None:
        self.parser = _parser(self._begin, self._end)
        self._pieces: list[str] = []
        self._size = 0

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        raise NotImplementedError

    def _end(self, name: str) -> None:
        raise NotImplementedError

    def _text(self, text: str) -> None:
        self._pieces.append(text)
        self._size += len(text)
        if self._size > MAX_TEXT:
            raise TooHeavy

    def _forget_text(self) -> None:
        self._pieces.clear()
        self._size = 0


class _SheetReader(_TextReader):
    """Makes rows of a sheet's XML."""

    def __init__(self, texts: "_SharedTexts", formats: list[str], most: int | None, *, since_1904: bool) -> None:
        super().__init__()
        self._texts = texts
        self._formats = formats
        self._most = most
        self._since_1904 = since_1904
        self._ready: list[Row] = []
        self._is_in_cells = False
        self._before = self._rows = self._line = self._cells_seen = self._place = 0
        self._cells: list[str] = []
        self._kind = self._style = ""
        self._columns: dict[str, int] = {}

    def take(self) -> list[Row]:
        """The rows that are complete, once."""
        ready, self._ready = self._ready, []
        return ready

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        if ":" in name:
            name = _local(name)
        if name == "c" and self._is_in_cells:
            self._cells_seen += 1
            if self._cells_seen > ROW_CELLS:
                raise TooHeavy
            reference = attributes.get("r")
            self._place = self._place + 1 if reference is None else self._column(reference)
            self._kind = attributes.get("t", "n")
            self._style = attributes.get("s", "")
            self._forget_text()
        elif name in ("v", "t"):
            self.parser.CharacterDataHandler = None if self._kind == "reading" else self._text
        elif name == "row":
            self._rows += 1
            if self._rows > SHEET_ROWS:
                raise Unreadable
            if self._most is not None and self._rows > self._most:
                raise _Done
            said = attributes.get("r")
            self._line = self._line + 1 if said is None else int(said)
            if not 0 < self._line <= SHEET_ROWS:
                raise Unreadable
            self._cells = []
            self._cells_seen = self._place = 0
        elif name == "sheetData":
            self._is_in_cells = True
        elif not self._is_in_cells:
            self._before += 1
            if self._before > MAX_BEFORE_CELLS:
                raise TooHeavy
        elif name == "rPh":
            self._kind = "reading"  # an aid to Japanese: it ends the text

    def _end(self, name: str) -> None:
        if ":" in name:
            name = _local(name)
        if name in ("v", "t"):
            self.parser.CharacterDataHandler = None
        elif name == "c":
            if self._pieces:
                self._put("".join(self._pieces))
        elif name == "row":
            if any(self._cells):
                self._ready.append(Row(self._line, self._cells))
        elif name == "sheetData":
            raise _Done

    def _put(self, text: str) -> None:
        kind = self._kind
        if kind == "s":
            text = self._texts[int(text)]
        elif kind == "n":
            style = self._style
            code = self._formats[int(style)] if style and self._formats else ""
            text = number_formats.shown(text.strip(), code, since_1904=self._since_1904)
        elif kind == "b":
            text = "true" if text.strip() == "1" else "false"
        elif kind == "e":
            text = ERROR_MARK + text
        elif kind == "d":
            text = text.replace("T", " ")
        if not text:
            return
        if self._place > MAX_COLUMNS:
            raise TooManyColumns
        cells = self._cells
        cells.extend([""] * (self._place - len(cells)))
        cells[self._place - 1] = text

    def _column(self, reference: str) -> int:
        """The number of the column of "AB12", from 1."""
        letters = reference.rstrip("0123456789")
        place = self._columns.get(letters)
        if place is None:
            place = 0
            for letter in letters:
                if not "A" <= letter <= "Z":
                    raise Unreadable
                place = place * 26 + ord(letter) - 64
            if not 0 < place <= ROW_CELLS:
                raise Unreadable
            self._columns[letters] = place
        return place


class _SharedTexts(_TextReader):
    """The texts that cells refer to by number: read as far as they are asked for, kept in a file.

    In memory they would be 200 MB for the names and addresses of a million people.
    """

    def __init__(self, blocks: Iterator[bytes] | None, storage: IO[bytes]) -> None:
        super().__init__()
        self._blocks = blocks or iter(())
        self._is_over = blocks is None
        self._storage = storage
        self._ends = array("Q", [0])
        self._waiting: list[bytes] = []
        self._flushed = 0  # texts that are in the file
        self._is_reading_aid = False

    def __getitem__(self, number: int) -> str:
        if number < 0:
            raise IndexError(number)
        while number >= len(self._ends) - 1:
            if self._is_over:
                raise IndexError(number)
            block = next(self._blocks, b"")
            self._is_over = not block
            self.parser.Parse(block, self._is_over)
        if number >= self._flushed:
            return self._waiting[number - self._flushed].decode()
        start = self._ends[number]
        return os.pread(self._storage.fileno(), self._ends[number + 1] - start, start).decode()

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        if ":" in name:
            name = _local(name)
        if name == "t":
            self.parser.CharacterDataHandler = None if self._is_reading_aid else self._text
        elif name == "si":
            self._forget_text()
        elif name == "rPh":
            self._is_reading_aid = True

    def _end(self, name: str) -> None:
        if ":" in name:
            name = _local(name)
        if name == "t":
            self.parser.CharacterDataHandler = None
        elif name == "si":
            self._keep("".join(self._pieces).encode(errors="replace"))
        elif name == "rPh":
            self._is_reading_aid = False

    def _keep(self, text: bytes) -> None:
        self._ends.append(self._ends[-1] + len(text))
        self._waiting.append(text)
        if len(self._waiting) == 1000:
            self._storage.write(b"".join(self._waiting))
            self._storage.flush()
            self._flushed += len(self._waiting)
            self._waiting.clear()
