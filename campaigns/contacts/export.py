"""Contacts as a file: one a line, safe to open in a spreadsheet, and the same contacts when it is imported again.

A CSV knows no types. Where an attribute's cells would not say by themselves that they are texts, or numbers, its header
does: "codigo [text]" (decision 0021).
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models import Q, QuerySet

from accounts.written.blanks import UNSEEN
from accounts.written.cells import as_cell, as_formula_free_cell
from accounts.written.spreadsheets import BOM
from campaigns.contacts import label_cells, type_marks
from campaigns.contacts.type_marks import BOOLEAN, JSON, NUMBER, TEXT
from campaigns.models import Contact

PAGE_ROWS: Final = 2_000
MAX_ATTRIBUTES: Final = 185  # columns: with those of the contact itself no more than an import takes
COLUMNS: Final = ("id", "name", "phone", "email", "labels", "opted_out")
# Only where somebody among the contacts has agreed or refused: as columns of an import are called.
CONSENT: Final = ("opted_out", "opted_out_at", "opted_in_at", "opted_in_source")
LONGEST_TEXT: Final = 1_000  # characters that an import takes for a text

# What an import recognises as numbers by itself, in PostgreSQL's regular expressions and Python's.
_PLAIN_NUMBER: Final = r"^-?(0|[1-9][0-9]{0,6})(\.[0-9]{1,2})?$"
_LIKE_ANOTHER_TYPE: Final = r"^([-+]?[.,]?[0-9]|(true|false|si|sí|yes|sim|verdadero|verdadeiro|no|não|nao|falso)$)"
_DAY: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_UNREADABLE: Final = re.compile("[\ufffd\ufdd0]")  # what readers take for a byte that they do not know, or an error
# Of a text, what a cell cannot hold as it is: blanks around it, and line ends beside what may look like other cells.
_UNWRITABLE: Final = f'^$|^[{UNSEEN}]|[{UNSEEN}]$|[\r\ufffd\ufdd0]|\n.*[,;|\t"]|[,;|\t"].*\n'


class _Attribute(NamedTuple):
    """A column."""

    name: str
    type: str  # that its header says, or ""

    @property
    def header(self) -> str:
        return type_marks.marked(self.name, self.type) if self.type else self.name

    def cell(self, attributes: dict[str, Any]) -> str:
        if self.name not in attributes:
            return ""
        value = attributes[self.name]
        if self.type == JSON:
            written = json.dumps(value, ensure_ascii=False)
            return as_formula_free_cell(_UNREADABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", written))
        return as_cell(value) if isinstance(value, str) else json.dumps(value)  # a number is no formula


def pages(rows: QuerySet[Contact]) -> Iterator[str]:
    """Yield the file in parts: the header, then 2,000 contacts each, in the order they were made.

    Page by page along the key rather than through one cursor: a slow reader then holds no transaction open.
    """
    rows = rows.order_by("id")
    attributes = _attributes(rows)
    consent = CONSENT[1:] if _speaks_of_consent(rows, attributes) else ()
    yield BOM + _lines([[*COLUMNS, *consent, *(as_cell(attribute.header) for attribute in attributes)]])
    last = 0
    while page := list(
        rows.filter(pk__gt=last).values_list(
            "id", "name", "phone", "email", "labels", "custom_attributes", *CONSENT[1:]
        )[:PAGE_ROWS]
    ):
        last = page[-1][0]
        yield _lines(
            [
                str(pk),
                as_cell(name),
                as_cell(phone or ""),
                as_cell(email),
                as_cell(label_cells.written(labels)),
                "true" if out_at else "false",
                *((_moment(out_at), _moment(in_at), as_cell(source)) if consent else ()),
                *(attribute.cell(said) for attribute in attributes),
            ]
            for pk, name, phone, email, labels, said, out_at, in_at, source in page
        )


def _speaks_of_consent(rows: QuerySet[Contact], attributes: list[_Attribute]) -> bool:
    """Whether its columns are there. They stand before attributes that are called so, and are told from them by it."""
    return (
        any(attribute.name in CONSENT for attribute in attributes)
        or rows.order_by().filter(Q(opted_out_at__isnull=False) | Q(opted_in_at__isnull=False)).exists()
    )


def _moment(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""


def _attributes(rows: QuerySet[Contact]) -> list[_Attribute]:
    """The attributes that these contacts have, by name. What those without a number have is nobody's to an import."""
    sql, parameters = rows.order_by().values("custom_attributes", "phone").query.sql_with_params()
    text = "one.value #>> '{}'"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT one.key, array_agg(DISTINCT jsonb_typeof(one.value)) FILTER (WHERE phone IS NOT NULL),
                   bool_and({text} ~ %s) FILTER (WHERE phone IS NOT NULL AND jsonb_typeof(one.value) = 'number'),
                   bool_and({text} ~* %s) FILTER (WHERE phone IS NOT NULL AND jsonb_typeof(one.value) = 'string'),
                   bool_and({text} ~ %s) FILTER (WHERE phone IS NOT NULL AND jsonb_typeof(one.value) = 'string'),
                   bool_or(length({text}) > %s OR {text} ~ %s)
                       FILTER (WHERE phone IS NOT NULL AND jsonb_typeof(one.value) = 'string')
            FROM ({sql}) AS chosen, jsonb_each(custom_attributes) AS one
            GROUP BY one.key ORDER BY one.key LIMIT %s
            """,  # noqa: S608 - Django's
            (_PLAIN_NUMBER, _LIKE_ANOTHER_TYPE, _DAY, LONGEST_TEXT, _UNWRITABLE, *parameters, MAX_ATTRIBUTES),
        )
        return [_Attribute(name, _mark(name, types or [], *said)) for name, types, *said in cursor]


def _mark(
    name: str,
    types: list[str],
    are_plain: bool | None,
    are_alike: bool | None,
    are_days: bool | None,
    is_odd: bool | None,
) -> str:
    """The type that a header must say, or "" where its cells say it themselves."""
    if is_odd or len(types) > 1 or not {"string", "number", "boolean"}.issuperset(types):
        return JSON
    has_mark = bool(type_marks.type_in(name)[1])  # a name that reads like a header with a type
    match types:
        case ["string"]:
            return TEXT if has_mark or (are_alike and not are_days) else ""
        case ["number"]:
            return NUMBER if has_mark or not are_plain or type_marks.may_be_codes(name) else ""
        case ["boolean"]:
            return BOOLEAN if has_mark else ""
    return TEXT if has_mark else ""


def _lines(rows: Any) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
