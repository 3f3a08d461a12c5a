"""Cuts a CSV into records, in constant memory. A quote that is never closed costs its own line and no other.

Quotes are CSV's: a quoted cell may hold delimiters and line ends. A record that goes over several lines is believed
only if its quotes are where they may be and it is no wider than the rows so far; else its first line is broken, and
reading goes on at the next one. Nothing is passed over in silence: each line that holds something is a record, part
of one, or an error.
"""

import csv
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple, TextIO

MAX_CELL: Final = 8 * 1024  # characters
SEVERAL_LINES: Final = 200  # that one record may go over
SEVERAL_LINES_CHARACTERS: Final = 4 * MAX_CELL

_LINE_CHARACTERS = 64 * 1024  # a longer line is none of people


class Format(NamedTuple):
    """How the bytes of a CSV become cells, and where the table begins."""

    encoding: str = "utf-8"
    delimiter: str = ","
    header: bool = True
    start: int = 1  # the line of the header, or of the first row; what is above is passed over


class Row(NamedTuple):
    """One record that has something in it."""

    line: int  # 1-based, as a spreadsheet numbers it: the header counts, and so do blank lines
    cells: list[str]
    problem: str = ""  # "line_too_long", "quote_unclosed": the cells are then no more than a guess


class Head(NamedTuple):
    """The beginning of a table."""

    names: list[str]  # of the columns; "" where there is no header
    sample: list[list[str]]


class Seen:
    """What has been seen of a file: whoever goes on where a record ended has to know it."""

    def __init__(self, line: int = 0, width: int = 0) -> None:
        self.line = line  # of the last record
        self.width = width  # the most cells of one so far
        self.waiting: deque[str] = deque()  # lines that were looked at, and are to be read again


def records(text: TextIO, delimiter: str, seen: Seen | None = None) -> Iterator[Row]:
    """Yield the records that have something in them, after those that were `seen`. `text` keeps its line ends
    (newline="").
    """
    pieces = iter(partial(text.readline, _LINE_CHARACTERS), "")
    seen = seen or Seen()
    waiting, number, width = seen.waiting, seen.line, seen.width
    make_row = Row
    while line := waiting.popleft() if waiting else next(pieces, ""):
        number += 1
        problem = ""
        if len(line) >= _LINE_CHARACTERS and not _is_ended(line):
            _pass_over_rest(waiting, pieces)
            seen.line = number
            yield make_row(number, [], "line_too_long")
            continue
        if '"' not in line:
            cells = line.rstrip("\r\n").split(delimiter)
        else:
            found, looked_at = _quoted(line, partial(_following, waiting, pieces), delimiter, width)
            waiting.extendleft(reversed(looked_at))
            if found is None:
                cells, problem = line.replace('"', "").rstrip("\r\n").split(delimiter), "quote_unclosed"
            else:
                cells = found
        everything = "".join(cells)
        # Blank lines, and those that a spreadsheet fills with its delimiters.
        if not everything or everything.isspace():
            continue
        if number == 1:
            cells[0] = cells[0].removeprefix("\ufeff")
        if len(cells) > width:
            width = seen.width = len(cells)
        if len(everything) > MAX_CELL and max(map(len, cells)) > MAX_CELL:
            problem = problem or "line_too_long"
        seen.line = number
        yield make_row(number, cells, problem)


def own_records(text: TextIO, delimiter: str, seen: Seen | None = None) -> Iterator[Row]:
    """As `records`, of a CSV that we have written: every quote in it is right."""
    seen = seen or Seen()
    # By its method: a file that is iterated over does not say where it is.
    for number, cells in enumerate(csv.reader(iter(text.readline, ""), delimiter=delimiter), seen.line + 1):
        everything = "".join(cells)
        if everything and not everything.isspace():
            seen.line = number
            is_long = len(everything) > MAX_CELL and max(map(len, cells)) > MAX_CELL
            yield Row(number, cells, "line_too_long" if is_long else "")


def _is_ended(line: str) -> bool:
    return line[-1] in "\r\n"


def _following(waiting: deque[str], pieces: Iterator[str]) -> str:
    return waiting.popleft() if waiting else next(pieces, "")


def _pass_over_rest(waiting: deque[str], pieces: Iterator[str]) -> None:
    while (piece := _following(waiting, pieces)) and not _is_ended(piece):
        pass


def _quoted(first: str, following: Callable[[], str], delimiter: str, width: int) -> tuple[list[str] | None, list[str]]:
    """The record that begins with this line, or None where its quotes are broken; and the lines to be read again."""
    lines = [first]
    size = len(first)
    cells, is_open = _strictly(lines, delimiter)
    while is_open and size < SEVERAL_LINES_CHARACTERS and len(lines) < SEVERAL_LINES and (line := following()):
        lines.append(line)
        size += len(line)
        if '"' in line:
            cells, is_open = _strictly(lines, delimiter)
    if cells is not None and (len(lines) == 1 or _is_one(cells, lines[-1], delimiter, width)):
        return cells, []
    if len(lines) == 1 and not is_open:
        return _leniently(first, delimiter, width), []
    return None, lines[1:]


def _is_one(cells: list[str], last: str, delimiter: str, width: int) -> bool:
    """Whether a record of several lines is one, and no two that a stray quote has joined.

    It is no wider than the rows so far, if there are any, and its last line is no whole row by itself.
    """
    if 2 <= width < len(cells):
        return False
    alone, _ = _strictly([last], delimiter)
    return alone is None or len(alone) < max(2, width) or any('"' in cell for cell in alone)


def _strictly(lines: list[str], delimiter: str) -> tuple[list[str] | None, bool]:
    """The record that these lines are, or None; and whether a quote is still open at their end."""
    reader = csv.reader([*lines, ""], delimiter=delimiter, strict=True)
    try:
        return next(reader), False
    except csv.Error:
        return None, reader.line_num > len(lines)


def _leniently(line: str, delimiter: str, width: int) -> list[str] | None:
    """A line with a quote where none may be (`"Ana "Nena" Paz"`), if it has as many cells as the rows so far."""
    reader = csv.reader([line, ""], delimiter=delimiter)
    cells = next(reader)
    return cells if reader.line_num == 1 and len(cells) == width else None
