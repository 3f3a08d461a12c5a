"""One line of a file of contacts: from its cells, by the mapping of its columns, to a person."""

import re
from functools import lru_cache
from typing import Any, Final, NamedTuple

from accounts.written.blanks import is_blank, is_nameless
from accounts.written.cells import text_of
from accounts.written.folding import same_name
from campaigns.contacts import label_cells, labels
from campaigns.contacts.consent_by_file import Consent
from campaigns.contacts.people import NAME_CHARACTERS
from campaigns.imports import attribute_columns
from campaigns.imports.attribute_columns import MAX_ATTRIBUTE_CHARACTERS, NOTHING, BadCell, ColumnCells
from campaigns.imports.consent_columns import ConsentReader
from campaigns.imports.files.csv_records import Row
from campaigns.imports.files.encodings import UNDECODABLE
from campaigns.imports.files.workbooks import ERROR_MARK
from devices import phone_numbers
from devices.numbers.country_names import country_named


class Note(NamedTuple):
    """What of a line that was read was left out: its code in `contact_line_problems`, and the column it stood in."""

    code: str
    place: int | None = None
    details: dict[str, Any] = {}


class Person(NamedTuple):
    """What one line says of somebody; "" and empty where it says nothing."""

    phone: str
    phone_key: str
    name: str
    email: str
    labels: tuple[str, ...]
    attributes: dict[str, Any]
    consent: Consent | None = None
    notes: tuple[Note, ...] = ()


class BadLine(Exception):
    """A line that cannot be imported, by its code in `contact_line_problems`."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


MAX_EMAIL_CHARACTERS: Final = 254

_REMEMBERED_CHARACTERS: Final = 200  # of a cell of labels: 4,096 of them are no memory to speak of

_BETWEEN_EMAILS = re.compile(r"[\s,;|/<>()\[\]\"']+|mailto:|:::", re.IGNORECASE)
_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s.,;<>\"]+")


class LineReader:
    """Reads lines as a mapping says. The same for checking and importing: what is announced is what happens."""

    def __init__(self, mapping: dict[str, Any], consents: ConsentReader | None = None) -> None:
        columns = mapping["columns"]
        self._phone, self._email, self._labels = (columns.get(field) for field in ("phone", "email", "labels"))
        self._more_phones: list[int] = columns.get("more_phones", [])
        name = columns.get("name", [])
        self._names: list[int] = name if isinstance(name, list) else [name]
        self._attributes = [
            (name, column.place, ColumnCells(column))
            for name, said in columns["custom_attributes"].items()
            for column in (attribute_columns.of(said),)
        ]
        self._own_names = {same_name(name): name for name, *_ in self._attributes}
        self.more_attributes: set[str] = set()  # that no column is, and somebody got: phone_2, phone_3, …
        self._add_labels: tuple[str, ...] = tuple(mapping["add_labels"])
        self._country: str = mapping["default_country"]
        self._country_said: int | None = columns.get("country")
        places = [
            *(self._phone, self._email, self._labels, self._country_said),
            *(self._more_phones + self._names + (consents.places if consents else [])),
            *(place for _, place, *_ in self._attributes),
        ]
        self._consents = consents
        self._columns = len(mapping["names"])
        self._width = max([place for place in places if place is not None], default=0) + 1

    def read(self, row: Row) -> Person:
        """Raises BadLine."""
        notes: list[Note] = []
        cells = checked_cells(row, self._width, self._columns, notes)
        country = self._country
        if self._country_said is not None and (said := text_of(cells[self._country_said])):
            if named := country_named(said):
                country = named
            elif self._phone is not None and "+" not in cells[self._phone]:
                notes.append(Note("country_unknown", self._country_said))
        number = self._read_phone(cells, country)
        if number.is_landline and phone_numbers.is_surely_landline(number.e164):
            notes.append(Note("phone_landline"))
        return Person(
            number.e164,
            phone_numbers.key_of(number.e164),
            self._read_name(cells, notes),
            "" if self._email is None else self._read_email(cells[self._email], notes),
            self._add_labels if self._labels is None else self._read_labels(cells[self._labels], notes),
            self._with_others(self._read_attributes(cells, notes) if self._attributes else {}, number.others),
            self._read_consent(cells, row.line, notes) if self._consents else None,
            tuple(notes),
        )

    def _read_consent(self, cells: list[str], line: int, notes: list[Note]) -> Consent | None:
        assert self._consents is not None
        said = {place: _known_text_of(cells[place]) for place in self._consents.places}
        return self._consents.read(said, line, lambda code, place: notes.append(Note(code, place)))

    def _read_name(self, cells: list[str], notes: list[Note]) -> str:
        if len(self._names) == 1:
            name = text_of(cells[self._names[0]])
        else:
            name = " ".join([text for place in self._names if (text := text_of(cells[place]))])
        if len(name) > NAME_CHARACTERS:
            notes.append(Note("name_too_long", self._names[0], {"limit": NAME_CHARACTERS}))
            return ""
        return "" if not name or is_nameless(name) else name

    def _read_email(self, cell: str, notes: list[Note]) -> str:
        """The first e-mail of a cell; "" where there is none."""
        text = text_of(cell)
        if not text or (len(text) <= MAX_EMAIL_CHARACTERS and _EMAIL.fullmatch(text)):
            return text
        found = [part for part in _BETWEEN_EMAILS.split(text) if "@" in part]
        emails = [part for part in found if len(part) <= MAX_EMAIL_CHARACTERS and _EMAIL.fullmatch(part)]
        if not emails:
            notes.append(Note("email_invalid", self._email))
            return ""
        if len(dict.fromkeys(map(str.casefold, found))) > 1:
            notes.append(Note("email_several", self._email))
        return emails[0]

    def _read_phone(self, cells: list[str], country: str) -> phone_numbers.Number:
        """The line's number, the first mobile, and what else is written where it may stand. Raises BadLine."""
        raw = "" if self._phone is None else cells[self._phone]
        if not self._more_phones and ":::" not in raw:
            try:
                return phone_numbers.read(raw, country)
            except phone_numbers.Unreadable as problem:
                raise BadLine("phone_missing" if is_blank(raw) else problem.code) from None
        written = [
            text.strip()
            for cell in (raw, *(cells[place] for place in self._more_phones))
            for text in cell.split(":::")
            if not is_blank(text)
        ]
        if not written:
            raise BadLine("phone_missing")
        numbers: list[phone_numbers.Number] = []
        others: list[str] = []
        problems: list[str] = []
        for text in written:
            try:
                number = phone_numbers.read(text, country)
            except phone_numbers.Unreadable as problem:
                problems.append(problem.code)
                others.append(text)
            else:
                numbers.append(number)
                others += [text, *number.others]
        if not numbers:
            raise BadLine(problems[0])
        taken = next((number for number in numbers if not number.is_landline), numbers[0])
        return taken._replace(others=[text for text in others if phone_numbers.parse(text, country) != taken.e164])

    def _with_others(self, attributes: dict[str, Any], others: list[str]) -> dict[str, Any]:
        """A person's other numbers are attributes: phone_2, phone_3, … unless a column already says them."""
        if not others:
            return attributes
        number = 2
        said = set(map(str, attributes.values()))
        for other in dict.fromkeys(others):
            if other in said:
                continue
            while (name := self._name_of(number)) in attributes:
                number += 1
            attributes[name] = other[:MAX_ATTRIBUTE_CHARACTERS]
        return attributes

    def _name_of(self, number: int) -> str:
        name = f"phone_{number}"
        if (own := self._own_names.get(name)) is None:
            self.more_attributes.add(name)
        return own or name

    def _read_labels(self, cell: str, notes: list[Note]) -> tuple[str, ...]:
        found, bad = _labels_in(cell) if len(cell) <= _REMEMBERED_CHARACTERS else _labels_in.__wrapped__(cell)
        if bad:
            notes += [Note("label_invalid", self._labels, {"limit": labels.MAX_CHARACTERS})] * bad
        if self._add_labels:
            found = tuple(dict.fromkeys((*self._add_labels, *found)))
        if len(found) > labels.MAX_ON_A_CONTACT:
            notes.append(Note("too_many_labels", self._labels, {"limit": labels.MAX_ON_A_CONTACT}))
        return found[: labels.MAX_ON_A_CONTACT]

    def _read_attributes(self, cells: list[str], notes: list[Note]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, place, known in self._attributes:
            try:
                said = known[cells[place]]
            except BadCell as bad:
                notes.append(Note(bad.code, place, bad.details))
            else:
                if said is not NOTHING:
                    found[name] = said
        return found


_known_text_of = lru_cache(maxsize=256)(text_of)  # of cells that are mostly alike: "false", "Feria", ""


@lru_cache(maxsize=4_096)
def _labels_in(cell: str) -> tuple[tuple[str, ...], int]:
    """The labels that a cell says, and how many cannot be one: the same few cells come again and again."""
    names = dict.fromkeys(label_cells.read(text_of(cell)))
    good = tuple([name for name in names if labels.clean(name) is not None])
    return good, len(names) - len(good)


def checked_cells(row: Row, width: int, columns: int, notes: list[Note]) -> list[str]:
    """The cells of a row, at least `width`, for a table of `columns`; what of them cannot be read is empty and noted.

    Raises BadLine.
    """
    cells = row.cells
    if row.problem:
        raise BadLine(row.problem)
    if len(cells) < width:
        cells = cells + [""] * (width - len(cells))
    everything = "".join(cells)
    if "\0" in everything:
        raise BadLine("nul_byte")
    if not everything.isascii():
        if UNDECODABLE in everything:
            raise BadLine("undecodable")
        if ERROR_MARK in everything:
            notes += [Note("cell_error", place) for place, cell in enumerate(cells) if cell.startswith(ERROR_MARK)]
            cells = ["" if cell.startswith(ERROR_MARK) else cell for cell in cells]
    if len(cells) > columns and not all(map(is_blank, cells[columns:])):
        notes.append(Note("cells_beyond_header"))
    return cells
