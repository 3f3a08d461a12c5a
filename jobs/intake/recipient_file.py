"""Reads the recipient file of seed 000: `phone|value|value…`, one recipient a line, in constant memory.

The format, as settled in the contract:

- UTF-8, with or without BOM; a line ends with LF, CRLF or CR and with nothing else (U+2028 is ordinary text).
- A blank line is skipped. The first other line is a header if its first cell holds no digit, or a word for a phone
  and besides a year two at most: "Celular 1", "WhatsApp 2026".
- Values have no blanks around them.
- A cell wholly wrapped in double quotes is unwrapped: inside it `|` is text and `""` is one quote. Any other
  quote is ordinary text, and a record never spans two lines.
- Refused: a NUL character, a line over 8 KiB, more than 50 columns, bytes that are not UTF-8.
"""

import codecs
import io
import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from accounts.written.folding import loose_letter
from devices import phone_numbers

MAX_LINE_BYTES = 8 * 1024
MAX_COLUMNS = 50
MAX_PROBLEMS = 20
BLOCK_BYTES = 1024 * 1024

# What a line may hold in characters and still be below the limit in bytes, whatever the characters are.
_SURELY_SHORT = MAX_LINE_BYTES // 4
# A cell and the separator before it: quoted up to a quote that ends the cell, or else up to the next separator.
_CELL = re.compile(r'(?:^|\|)(?:"([^"]*(?:""[^"]*)*)"(?=\||\Z)|([^|]*))')
# Of any script: a first line with Arabic digits is a recipient with a bad phone, not a header.
_DIGIT = re.compile(r"\d")
_YEAR = re.compile(r"\b20[0-9]{2}\b", re.ASCII)
_PHONE_WORD = re.compile("tel|cel|movil|mobil|fone|phone|whats|zap|numer|number")


class BinaryFile(Protocol):
    """What is read from: anything that gives blocks of bytes."""

    def read(self, size: int, /) -> bytes: ...


class Row(NamedTuple):
    """One recipient as the file has it."""

    line: int  # 1-based
    phone: str | None  # "+" and digits; None where raw_phone is no phone number
    raw_phone: str
    values: list[str]  # what stands for @valor1, @valor2, …


class Problem(NamedTuple):
    """What is wrong with one line, by its code in `wire`."""

    line: int  # 1-based
    code: str


class BadRecipientFile(Exception):
    """The file cannot be used. Carries the first 20 problems in file order, never any of the file's text."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(", ".join(f"line {line}: {code}" for line, code in problems))
        self.problems = problems

    @property
    def line(self) -> int:
        return self.problems[0].line

    @property
    def code(self) -> str:
        return self.problems[0].code


class RecipientFile:
    """The rows of one file, read once from its start. `columns` is known from the first row on.

    `default_country` ("PE") is what numbers without "+" belong to; without one their digits stand as they are.
    """

    def __init__(self, binary_file: BinaryFile, default_country: str = "") -> None:
        self._file = binary_file
        self._read_phone = phone_numbers.reader(default_country)
        self._problems: list[Problem] = []
        self.columns: list[str] = []  # the header's names of @valor1, @valor2, …, without "@"
        self.has_header = False

    def __iter__(self) -> Iterator[Row]:
        """Yield one Row per recipient, in file order.

        Raises BadRecipientFile at the 20th problem or, with fewer, at the end.
        """
        number = 0
        is_first = True
        read_phone, make_row = self._read_phone, Row
        for lines in self._blocks_of_lines():
            for line in lines:
                number += 1
                cells = line.split("|")
                # The closer look takes three times as long, and few files need it.
                if '"' in line or "\0" in line or len(line) > _SURELY_SHORT or len(cells) > MAX_COLUMNS:
                    cells = self._read_carefully(number, line)
                    if not cells:
                        continue
                if len(cells) == 1 and (not line or line.isspace()):
                    continue
                raw_phone = cells[0]
                if is_first:
                    is_first = False
                    if _is_header(raw_phone):
                        self.has_header = True
                        self.columns = [name.strip().removeprefix("@") for name in cells[1:]]
                        continue
                del cells[0]
                yield make_row(number, read_phone(raw_phone), raw_phone, [cell.strip() for cell in cells])
        if self._problems:
            raise BadRecipientFile(self._problems)

    def _read_carefully(self, number: int, line: str) -> list[str]:
        """Return the line's cells, or none after noting what is wrong with it."""
        if "\0" in line:
            self._note(number, "nul_byte")
        elif len(line) > _SURELY_SHORT and len(line.encode()) > MAX_LINE_BYTES:
            self._note(number, "line_too_long")
        else:
            cells = split_cells(line)
            if len(cells) <= MAX_COLUMNS:
                return cells
            self._note(number, "too_many_columns")
        return []

    def _note(self, line: int, code: str) -> None:
        self._problems.append(Problem(line, code))
        if len(self._problems) == MAX_PROBLEMS:
            raise BadRecipientFile(self._problems)

    def _blocks_of_lines(self) -> Iterator[list[str]]:
        """Yield the file's lines, a block's worth at a time; never holds more than a block and one line."""
        utf8 = codecs.getincrementaldecoder("utf-8-sig")()
        newlines = io.IncrementalNewlineDecoder(decoder=None, translate=True)
        rest = ""  # of a line that goes on in the next block
        lines_before = 0
        ended = False
        while not ended:
            block = self._file.read(BLOCK_BYTES)
            ended = not block
            try:
                text = utf8.decode(block, final=ended)
            except UnicodeDecodeError as error:
                good = error.object[: error.start].decode()
                line = lines_before + newlines.decode(good, final=True).count("\n") + 1
                raise BadRecipientFile([*self._problems, Problem(line, "not_utf8")]) from None
            # Not splitlines(), which also splits at U+2028, U+0085, form feeds and the like.
            lines = (rest + newlines.decode(text, final=ended)).split("\n")
            rest = lines.pop()
            lines_before += len(lines)
            if len(rest) > MAX_LINE_BYTES:
                rest = rest[: MAX_LINE_BYTES + 1]  # enough to be refused for its length when its end is found
            yield lines
        yield [rest]


def _is_header(cell: str) -> bool:
    if not _DIGIT.search(cell):
        return True
    digits = len(_DIGIT.findall(_YEAR.sub("", cell, count=1)))
    return digits <= 2 and _PHONE_WORD.search("".join(map(loose_letter, cell))) is not None


def split_cells(line: str) -> list[str]:
    """Split one line into its cells, quotes understood."""
    return [quoted.replace('""', '"') if quoted else plain for quoted, plain in _CELL.findall(line)]
