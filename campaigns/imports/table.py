"""Reads a file of contacts: CSV of any making, or XLSX, row by row in constant memory. Knows nothing of contacts.

What a CSV is made of is found out: its encoding (UTF-8 with or without BOM, UTF-16, or else CP1252, which is what
a spreadsheet of Latin America or Spain writes), its delimiter (comma, semicolon, "|" or tab) and whether it begins
with a header. Quotes are CSV's: a quoted cell may hold delimiters and line ends.

An XLSX is read through openpyxl, its first visible sheet, and written out as CSV once: only then can an import
that was interrupted go on in the middle without reading everything again.
"""

import codecs
import csv
import io
import os
import re
import tempfile
import unicodedata
import zipfile
from array import array
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, TextIO

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.worksheet._reader import ROW_TAG, WorkSheetParser
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS
from openpyxl.xml.functions import iterparse

MAX_COLUMNS: Final = 200
MAX_CELL: Final = 8 * 1024  # characters; a longer one is a quote that was never closed
DELIMITERS: Final = (",", ";", "|", "\t")
ENCODINGS: Final = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "iso-8859-1")
SAMPLE_ROWS: Final = 20
SAMPLE_BYTES: Final = 256 * 1024
SHEET_ROWS: Final = 2**20  # that a spreadsheet can have, empty ones too
MAX_UNPACKED_BYTES: Final = 4 * 1024**3  # of an XLSX: a million rows take half of one
UNDECODABLE: Final = "\ufffd"

_BLOCK_BYTES = 1024 * 1024
_LINE_CHARACTERS = 64 * 1024  # of a line without end; below csv's own limit for a cell
_SEPARATOR_LINE = re.compile(r"sep=([,;|\t])\r?\n?", re.IGNORECASE)
_NUMBER_LIKE = re.compile(r"\+?[\d\s().-]{6,}")


class Unreadable(Exception):
    """The file is not what its name says, or is broken."""


class TooManyColumns(Exception):
    """The file is wider than any list of people."""


class TooManyRows(Exception):
    """The file is longer than allowed."""


class Format(NamedTuple):
    """How the bytes of a CSV become cells."""

    encoding: str = "utf-8"
    delimiter: str = ","
    header: bool = True


class Row(NamedTuple):
    """One record that has something in it."""

    line: int  # 1-based, as a spreadsheet numbers it: the header counts, and so do blank lines
    cells: list[str]
    too_long: bool = False  # a quote that was never closed has swallowed what follows


class Head(NamedTuple):
    """The beginning of a file."""

    names: list[str]  # of the columns; "" where there is no header
    sample: list[list[str]]


# --- CSV -------------------------------------------------------------------------------------------------


def detect(path: Path) -> Format:
    """Find out what a CSV is made of. Reads all of it: the first ñ may stand in its last line. Raises Unreadable."""
    encoding = _encoding(path)
    sample = _sample(path, encoding)
    said = _SEPARATOR_LINE.match(sample)
    delimiter = said[1] if said else _delimiter(sample)
    first = next(_records(io.StringIO(sample, newline=""), Format(encoding, delimiter)), None)
    return Format(encoding, delimiter, first is not None and is_header(first.cells))


def rows(path: Path, form: Format) -> Iterator[Row]:
    """Yield the rows below the header. A byte that the encoding does not know becomes UNDECODABLE."""
    with path.open("rb") as file:
        text = io.TextIOWrapper(file, form.encoding, errors="replace", newline="")
        records = _records(text, form)
        if form.header:
            next(records, None)
        yield from records


def head(path: Path, form: Format) -> Head:
    """The header, and the first rows. Raises TooManyColumns."""
    records = _records(io.StringIO(_sample(path, form.encoding), newline=""), form)
    names = next(records, Row(0, [])).cells if form.header else []
    sample = [row.cells for _, row in zip(range(SAMPLE_ROWS), records, strict=False)]
    width = max(map(len, [names, *sample]))
    if width > MAX_COLUMNS:
        raise TooManyColumns
    names = [name.strip() for name in names] + [""] * (width - len(names))
    return Head(names, [[cell[:200] for cell in cells] + [""] * (width - len(cells)) for cells in sample])


def is_header(cells: list[str]) -> bool:
    """Whether these are names: something is written, and nothing in it looks like a number or an address."""
    written = [cell for cell in cells if cell.strip()]
    return bool(written) and not any("@" in cell or _NUMBER_LIKE.fullmatch(cell.strip()) for cell in written)


def _records(text: TextIO, form: Format) -> Iterator[Row]:
    # A line of many megabytes comes in pieces, not all at once.
    lines = iter(partial(text.readline, _LINE_CHARACTERS), "")
    reader = csv.reader(lines, delimiter=form.delimiter)
    number = 0
    make_row = Row
    while True:
        try:
            for cells in reader:
                number += 1
                everything = "".join(cells)
                # Blank lines, and those that a spreadsheet fills with its delimiters.
                if not everything or everything.isspace():
                    continue
                if number == 1:
                    cells[0] = cells[0].removeprefix("\ufeff")
                    if _SEPARATOR_LINE.fullmatch(form.delimiter.join(cells)):
                        continue
                yield make_row(number, cells, len(everything) > MAX_CELL and max(map(len, cells)) > MAX_CELL)
        except csv.Error:
            number += 1
            yield Row(number, [], too_long=True)
        else:
            return


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        block = file.read(_BLOCK_BYTES)
        if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if block[:4096].count(0) * 3 > len(block[:4096]):  # UTF-16 without a BOM: every other byte is 0
            return "utf-16-be" if block[:1] == b"\0" else "utf-16-le"
        if block.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")):
            raise Unreadable  # another kind of file under this name
        has_bom = block.startswith(codecs.BOM_UTF8)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while block:
                if not block.isascii() or decoder.getstate()[0]:
                    decoder.decode(block)
                block = file.read(_BLOCK_BYTES)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            # With the mark it is UTF-8 with something broken in it, which the lines will tell.
            return "utf-8-sig" if has_bom else "cp1252"
    return "utf-8-sig" if has_bom else "utf-8"


def _sample(path: Path, encoding: str) -> str:
    with path.open("rb") as file:
        start = file.read(SAMPLE_BYTES)
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(start)
    # A line that goes on beyond the sample would look cut off.
    end = max(text.rfind("\n"), text.rfind("\r"))
    return text if len(start) < SAMPLE_BYTES or end < 0 else text[: end + 1]


def _delimiter(sample: str) -> str:
    """The one that cuts most rows into as many cells as the first has, and more than one."""

    def score(delimiter: str) -> tuple[int, int]:
        records = _records(io.StringIO(sample, newline=""), Format(delimiter=delimiter))
        widths = [len(row.cells) for _, row in zip(range(SAMPLE_ROWS), records, strict=False)]
        if not widths or widths[0] < 2:
            return 0, 0
        return widths.count(widths[0]), widths[0]

    return max(DELIMITERS, key=score)


# --- What the columns are ------------------------------------------------------------------------------------

_NAMES: Final = {
    "phone": """telefono tel celular movil cel fono whatsapp wsp numero numero_de_telefono nro_telefono nro_celular
        numero_telefono numero_de_celular numero_celular numero_whatsapp numero_de_whatsapp telefono_movil
        telefono_celular phone phone_number mobile mobile_phone mobile_number cell cell_phone cellphone number
        telephone contact_number whatsapp_number telefone fone numero_de_telefone telefone_celular telemovel""",
    "name": """nombre nombres nombre_completo nombre_y_apellido nombres_y_apellidos nombre_y_apellidos cliente contacto
        name full_name fullname first_name contact_name customer customer_name nome nome_completo contato""",
    "email": "email e_mail mail correo correo_electronico email_address e_mail_address correo_e endereco_de_email",
    "labels": "etiquetas etiqueta labels label tags tag grupos grupo groups group marcadores marcador rotulos rotulo",
}
_FIELD_OF: Final = {name: field for field, names in _NAMES.items() for name in names.split()}
# What our own export has beside the contact: not attributes of a person.
_OURS: Final = {"id", "opted_out"}
_ATTRIBUTE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")


def guess_columns(found: Head) -> dict[str, Any]:
    """Guess which column is what, by names in Spanish, Portuguese and English, and else by what stands in them.

    {"phone": 0, "name": 1, "email": 2, "labels": 3, "custom_attributes": {"region": 4}}; a field that no column
    seems to hold is missing.
    """
    columns: dict[str, Any] = {}
    rest = []
    for place, name in enumerate(found.names):
        field = _FIELD_OF.get(_slug(name))
        if field is not None and field not in columns:
            columns[field] = place
        elif name.casefold() not in _OURS:
            rest.append(place)
    if "phone" not in columns:
        _claim(columns, "phone", rest, found, lambda cell: _NUMBER_LIKE.fullmatch(cell) is not None)
    if not any(found.names):
        _claim(columns, "email", rest, found, lambda cell: "@" in cell)
        _claim(columns, "name", rest, found, lambda cell: any(map(str.isalpha, cell)))
    attributes: dict[str, int] = {}
    for place in rest:
        attributes[_attribute_name(found.names[place], place, attributes)] = place
    return {**columns, "custom_attributes": attributes}


def _claim(columns: dict[str, Any], field: str, rest: list[int], found: Head, fits: Any) -> None:
    """Give the field the first column of which most cells fit."""
    for place in rest:
        cells = [row[place].strip() for row in found.sample if row[place].strip()]
        if cells and sum(map(fits, cells)) * 2 > len(cells):
            columns[field] = place
            rest.remove(place)
            return


def _attribute_name(name: str, place: int, taken: Iterable[str]) -> str:
    """A name that messages can use: as it is where it can be, else `ciudad_de_origen`."""
    made = name if _ATTRIBUTE_NAME.fullmatch(name) else _slug(name)[:90] or f"columna_{place + 1}"
    number = 2
    base = made
    while made in taken:
        made, number = f"{base}_{number}", number + 1
    return made


def _slug(text: str) -> str:
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return re.sub(r"[\W_]+", "_", plain.casefold()).strip("_")


# --- XLSX ----------------------------------------------------------------------------------------------------


def xlsx_to_csv(source: Path, target: Path, most_rows: int) -> None:
    """Write the first visible sheet as UTF-8 CSV with the sheet's own line numbers.

    Raises Unreadable, TooManyRows; then there is no target.
    """
    unfinished = target.with_suffix(".part")
    written = 0
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            next_line = 1
            for line, cells in _sheet_rows(source):
                if written > most_rows:
                    raise TooManyRows  # one more than that: there may be a header
                if line > next_line + most_rows:
                    raise Unreadable
                file.write("\r\n" * (line - next_line))
                writer.writerow(cells)
                next_line = max(next_line, line) + 1
                written += 1
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def xlsx_head(source: Path) -> tuple[Head, bool]:
    """The header and first rows of an XLSX, and whether it has a header. Raises Unreadable, TooManyColumns."""
    first = [cells for _, (_, cells) in zip(range(SAMPLE_ROWS + 1), _sheet_rows(source), strict=False)]
    width = max(map(len, first), default=0)
    if width > MAX_COLUMNS:
        raise TooManyColumns
    has_header = bool(first) and is_header(first[0])
    padded = [[cell[:200] for cell in cells] + [""] * (width - len(cells)) for cells in first]
    names = [name.strip() for name in padded.pop(0)] if has_header else [""] * width
    return Head(names, padded[:SAMPLE_ROWS]), has_header


def _sheet_rows(source: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) of the rows that hold something."""
    try:
        with source.open("rb") as file, tempfile.TemporaryFile() as storage:
            yield from _read_sheet(file, storage)
    except (Unreadable, OSError, GeneratorExit):
        raise
    # openpyxl raises whatever a broken or hostile file leads it to: KeyError, ValueError, ParseError, BadZipFile…
    except Exception as error:
        raise Unreadable from error


def _read_sheet(file: BinaryIO, storage: Any) -> Iterator[tuple[int, list[str]]]:
    excel: Any = ExcelReader(file, read_only=True, data_only=True, keep_links=False)
    archive: zipfile.ZipFile = excel.archive
    if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED_BYTES:
        raise Unreadable
    excel.read_manifest()
    excel.read_workbook()
    apply_stylesheet(archive, excel.wb)  # which numbers are dates
    path = next(
        part.target
        for sheet, part in excel.parser.find_sheets()
        if sheet.state == "visible" and "chartsheet" not in part.Type
    )
    shared = excel.package.find(SHARED_STRINGS)
    strings = _SharedStrings(archive, shared.PartName[1:] if shared else None, storage)
    with archive.open(path) as xml:
        parser = WorkSheetParser(
            xml,
            strings,
            data_only=True,
            epoch=excel.wb.epoch,
            date_formats=excel.wb._date_formats,
            timedelta_formats=excel.wb._timedelta_formats,
        )
        parent, rows = None, 0
        for event, element in iterparse(xml, ("start", "end")):
            if event == "start":
                if element.tag == _SHEET_DATA:
                    parent = element
            elif element.tag == ROW_TAG and parent is not None:
                rows += 1
                if rows > SHEET_ROWS:
                    raise Unreadable
                line, found = parser.parse_row(element)
                # openpyxl's own loop keeps an empty element for each row: 100 MB for a million.
                parent.clear()
                cells: list[str] = []
                for cell in found:
                    value, place = cell["value"], cell["column"]
                    if value is None:
                        continue
                    if place > MAX_COLUMNS:
                        raise Unreadable
                    cells.extend([""] * (place - len(cells)))
                    cells[place - 1] = value if isinstance(value, str) else _as_text(value)
                if any(cells):
                    yield line, cells


def _as_text(value: Any) -> str:
    """A cell as a person sees it; a number without the .0 and the exponent that the file may have given it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e17 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


_SHEET_DATA = f"{{{SHEET_MAIN_NS}}}sheetData"
_STRING = f"{{{SHEET_MAIN_NS}}}si"
_TEXT = f"{{{SHEET_MAIN_NS}}}t"
_PHONETIC = f"{{{SHEET_MAIN_NS}}}rPh"
_TABLE = f"{{{SHEET_MAIN_NS}}}sst"


class _SharedStrings:
    """The texts that cells refer to by number: read as far as they are asked for, kept in a file.

    openpyxl holds them all: 200 MB for the names and addresses of a million people.
    """

    def __init__(self, archive: zipfile.ZipFile, path: str | None, storage: Any) -> None:
        self._texts = self._read(archive, path) if path else iter(())
        self._storage = storage
        self._ends = array("Q", [0])
        self._waiting: list[bytes] = []
        self._flushed = 0  # texts that are in the file

    def __getitem__(self, number: int) -> str:
        if number < 0:
            raise IndexError(number)
        while number >= len(self._ends) - 1:
            text = next(self._texts, None)
            if text is None:
                raise IndexError(number)
            self._keep(text.encode(errors="replace"))
        if number >= self._flushed:
            return self._waiting[number - self._flushed].decode()
        start = self._ends[number]
        return os.pread(self._storage.fileno(), self._ends[number + 1] - start, start).decode()

    def _keep(self, text: bytes) -> None:
        self._ends.append(self._ends[-1] + len(text))
        self._waiting.append(text)
        if len(self._waiting) == 1000:
            self._storage.write(b"".join(self._waiting))
            self._storage.flush()
            self._flushed += len(self._waiting)
            self._waiting.clear()

    @staticmethod
    def _read(archive: zipfile.ZipFile, path: str) -> Iterator[str]:
        with archive.open(path) as xml:
            table = None
            for event, element in iterparse(xml, ("start", "end")):
                if event == "start":
                    if element.tag == _TABLE:
                        table = element
                elif element.tag == _STRING and table is not None:
                    yield "".join(_texts(element))
                    table.clear()


def _texts(element: Any) -> Iterator[str]:
    """The runs of a text, without the reading aids of Japanese."""
    for child in element:
        if child.tag == _TEXT:
            yield child.text or ""
        elif child.tag != _PHONETIC:
            yield from _texts(child)
