"""A file of an exclusion list: numbers, or hashes of numbers; which column holds them, and what one line says."""

from typing import Any, Final, NamedTuple

from campaigns.imports import columns as column_guess
from campaigns.imports import suppression_lines
from campaigns.imports.files.csv_records import Head, Row
from campaigns.imports.lines import Note, checked_cells
from devices import phone_numbers
from jobs.exclusions import spellings

FIELDS: Final = ("phone",)


class Entry(NamedTuple):
    """What one line says: the digest that is kept, and what it is of (`spellings.FORMS`)."""

    form: str
    digest: int
    notes: tuple[Note, ...] = ()


def guess(found: Head, country: str) -> column_guess.Guess:
    """Guess which column holds the numbers, or else the hashes: the first of which most cells are some."""
    for place in range(len(found.names)):
        cells = [row[place] for row in found.sample if row[place].strip()]
        if cells and 2 * sum(spellings.hash_in(cell) is not None for cell in cells) > len(cells):
            return column_guess.Guess({"phone": place, "custom_attributes": {}}, [])
    of_numbers = suppression_lines.guess(found, country)
    columns = {name: place for name, place in of_numbers.columns.items() if name in (*FIELDS, "custom_attributes")}
    return column_guess.Guess(columns, of_numbers.unsure)


def form_of(cells: list[str]) -> str:
    """What these cells of the chosen column are, by the first that is written: one of `spellings.FORMS`."""
    found = next((spellings.hash_in(cell) for cell in cells if cell.strip()), None)
    return spellings.PLAIN if found is None else found[0]


class ExclusionReader:
    """Reads lines as a mapping says; the counterpart of `LineReader`. A line is a hash or a number, whatever its
    neighbours are."""

    def __init__(self, mapping: dict[str, Any]) -> None:
        self.more_attributes: frozenset[str] = frozenset()  # of people alone
        self._place: int | None = mapping["columns"].get("phone")
        self._country: str = mapping["default_country"]
        self._columns = len(mapping["names"])
        self._width = (self._place or 0) + 1

    def read(self, row: Row) -> Entry:
        """Raises BadLine."""
        notes: list[Note] = []
        cells = checked_cells(row, self._width, self._columns, notes)
        cell = "" if self._place is None else cells[self._place]
        if len(cell) >= 32 and (hashed := spellings.hash_in(cell)) is not None:
            return Entry(*hashed, tuple(notes))
        phone = suppression_lines.number_in(cell, self._place, self._country, notes)
        return Entry(spellings.PLAIN, spellings.digest_of(phone_numbers.key_of(phone)), tuple(notes))
