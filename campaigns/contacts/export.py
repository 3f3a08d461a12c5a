"""Contacts as a file: one a line, safe to open in a spreadsheet, fit to be imported again."""

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from django.db import connection
from django.db.models import QuerySet

from accounts.written.blanks import kept_as_written
from accounts.written.spreadsheets import BOM, defuser
from campaigns.models import Contact

PAGE_ROWS: Final = 2_000
MAX_ATTRIBUTES: Final = 200  # columns; what a spreadsheet can show
COLUMNS: Final = ("id", "name", "phone", "email", "labels", "opted_out")

_defuse = defuser(",;|\t\r\n")
_PHONE = re.compile(r"\+[0-9]{1,15}")


def pages(rows: QuerySet[Contact]) -> Iterator[str]:
    """Yield the file in parts: the header, then 2,000 contacts each, in the order they were made.

    Page by page along the key rather than through one cursor: a slow reader then holds no transaction open.
    """
    rows = rows.order_by("id")
    names = _attribute_names(rows)
    yield BOM + _lines([[*COLUMNS, *names]])
    last = 0
    while page := list(
        rows.filter(pk__gt=last).values_list(
            "id", "name", "phone", "email", "labels", "opted_out_at", "custom_attributes"
        )[:PAGE_ROWS]
    ):
        last = page[-1][0]
        yield _lines(
            [
                str(pk),
                name,
                phone or "",
                email,
                ", ".join(labels),
                "true" if opted_out_at else "false",
                *(_text(attributes.get(attribute)) for attribute in names),
            ]
            for pk, name, phone, email, labels, opted_out_at, attributes in page
        )


def _attribute_names(rows: QuerySet[Contact]) -> list[str]:
    sql, parameters = rows.order_by().values("custom_attributes").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT jsonb_object_keys(custom_attributes) FROM ({sql}) AS chosen "  # noqa: S608 - Django's
            "WHERE custom_attributes <> '{}' ORDER BY 1 LIMIT %s",
            (*parameters, MAX_ATTRIBUTES),
        )
        return [name for (name,) in cursor]


def _lines(rows: Any) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([[_cell(cell) for cell in row] for row in rows])
    return text.getvalue()


def _cell(text: str) -> str:
    """Never a formula, and never taken for nothing; a phone stays as it is, "+" and digits."""
    return text if _PHONE.fullmatch(text) else kept_as_written(_defuse(text))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
