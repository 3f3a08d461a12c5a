"""The columns that become attributes: where they stand, what they hold, and how a cell of theirs is read.

A mapping says `{"region": 4, "edad": {"column": 5, "type": "number", "decimal": ","}}`. Whose type it does not say is
recognised (`recognition`), and stands beside it under "types" once it is.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from accounts.written import days, numerals
from accounts.written.cells import text_of, whole_text_of
from accounts.written.reading import is_storable, is_yes_or_no, yes_or_no
from campaigns.contacts.type_marks import BOOLEAN, DATE, JSON, NUMBER, TEXT, TYPES

MAX_ATTRIBUTE_CHARACTERS: Final = 1_000

_REMEMBERED: Final = 1_000  # cells of a column
_REMEMBERED_CHARACTERS: Final = 40

# How a number or a day is written: the key that says it, and what it may say.
READINGS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    NUMBER: ("decimal", numerals.SIGNS),
    DATE: ("order", days.ORDERS),
}
PROBLEMS: Final = {
    NUMBER: "attribute_not_a_number",
    BOOLEAN: "attribute_not_a_boolean",
    DATE: "attribute_not_a_date",
    JSON: "attribute_not_json",
}


class AttributeColumn(NamedTuple):
    """One of them. `type` is "" where it is to be recognised, `reading` where nothing says it."""

    place: int
    type: str = ""
    reading: str = ""

    def as_json(self) -> Any:
        """As a mapping says it: a text is just its column."""
        return self.place if self.type in ("", TEXT) else self.as_said()

    def as_said(self) -> dict[str, Any]:
        """As somebody says it, be it a text."""
        reading = {READINGS[self.type][0]: self.reading} if self.reading else {}
        return {"column": self.place, "type": self.type, **reading}


def of(said: Any) -> AttributeColumn:
    """What a mapping says of one column."""
    if isinstance(said, int):
        return AttributeColumn(said)
    kind: str = said.get("type", TEXT)
    return AttributeColumn(said["column"], kind, said.get(READINGS[kind][0], "") if kind in READINGS else "")


def problem_of(said: Mapping[str, Any]) -> str | None:
    """Why this is nothing that a mapping can say of a column, in Spanish; None where it is."""
    kind = said.get("type", TEXT)
    if kind not in TYPES:
        return f"el type de un atributo es uno de: {', '.join(TYPES)}"
    key, possible = READINGS.get(kind, ("", ()))
    if said.keys() - {"column", "type", key}:
        return "un atributo es una columna o un objeto con column y type, y con decimal (number) u order (date)"
    if key in said and said[key] not in possible:
        return f"{key} debe ser uno de: {' '.join(possible)}"
    return None


def resolved(mapping: Mapping[str, Any]) -> dict[str, AttributeColumn]:
    """The mapping's attributes, with what was recognised of them."""
    found: Mapping[str, Any] = mapping.get("types", {})
    columns = {name: of(said) for name, said in mapping["columns"]["custom_attributes"].items()}
    return {
        name: column._replace(type=found[name]["type"], reading=found[name].get("reading", ""))
        if name in found
        else column
        for name, column in columns.items()
    }


def shown(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping's columns with the types that were recognised; what is no more than a text stays as it was said."""
    columns = mapping["columns"]
    return {
        **columns,
        "custom_attributes": {
            name: columns["custom_attributes"][name] if column.type in ("", TEXT) else column.as_json()
            for name, column in resolved(mapping).items()
        },
    }


def reader(column: AttributeColumn) -> Callable[[str], Any] | None:
    """What reads a cell's text, or raises ValueError; None where it stays as it is."""
    if column.type == NUMBER:
        return partial(numerals.read, sign=column.reading or ".")
    if column.type == DATE:
        return partial(days.read, order=column.reading or "dmy")
    if column.type == BOOLEAN:
        return yes_or_no
    return _json if column.type == JSON else None


class BadCell(ValueError):
    """A cell that cannot be this attribute, by its code in `contact_line_problems`."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


NOTHING: Final = object()  # what an empty cell says; None is what JSON's null says


class ColumnCells(dict[str, Any]):
    """What the cells of one column say: `cells[cell]`, or NOTHING. Raises BadCell.

    What was read is remembered while there is room: mostly the same few come again and again.
    """

    def __init__(self, column: AttributeColumn) -> None:
        super().__init__()
        self._kind = column.type
        self._read = reader(column)

    def __missing__(self, cell: str) -> Any:
        said = self._said(cell)
        if len(self) < _REMEMBERED and len(cell) <= _REMEMBERED_CHARACTERS:
            self[cell] = said
        return said

    def _said(self, cell: str) -> Any:
        text = whole_text_of(cell) if self._kind == JSON else text_of(cell)
        if not text:
            return NOTHING
        if len(text) > MAX_ATTRIBUTE_CHARACTERS and self._kind != JSON:
            raise BadCell("attribute_too_long", limit=MAX_ATTRIBUTE_CHARACTERS)
        try:
            return text if self._read is None else self._read(text)
        except ValueError:
            raise BadCell(PROBLEMS[self._kind]) from None


def _json(text: str) -> Any:
    try:
        value = json.loads(text, parse_constant=_refuse)
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except RecursionError:
        raise ValueError("JSON") from None
    except ValueError:
        return _resaved(text)
    if "\\u0000" in written or not is_storable(written):
        raise ValueError("JSON that can be kept")
    return value


def _resaved(text: str) -> Any:
    """What a spreadsheet makes of JSON that is no text: VERDADERO, 12,5."""
    return yes_or_no(text) if is_yes_or_no(text) else numerals.read(text, ",")


def _refuse(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity, which PostgreSQL's JSON has not
