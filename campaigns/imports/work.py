"""Imports of contacts in a worker: a file is checked, or becomes contacts, a chunk of rows in each transaction.

Whoever comes later, after a crash or beside us, goes on at `processed`. A person is known by the number's key, so a
number that stands in the file twice is one contact: the later line completes the earlier one, or is skipped where
contacts that exist are to be left alone. An empty cell never erases anything.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from campaigns.contacts import attributes
from campaigns.imports import checking, writing
from campaigns.imports.chunks import ChunkReader, rows_of
from campaigns.imports.files import vcards, workbook_calls
from campaigns.imports.files.unusable import MAX_COLUMNS, Unusable
from campaigns.imports.recognition import Recognition
from campaigns.imports.upload import COUNTED_NOTHING, GOES_ON, MADE, directory, forgotten, made_csv, remove_files
from campaigns.models import ContactImport
from campaigns.states import IMPORT_OPEN
from campaigns.wording import contact_line_problems

Status = ContactImport.Status


class _FileLost(Exception):
    """The stored file cannot be read, or is no longer the one that was accepted."""


class _Changed(Exception):
    """A person has corrected the mapping meanwhile."""


def unfinished() -> list[int]:
    """The imports that a worker should be at."""
    return list(ContactImport.unscoped.filter(status__in=IMPORT_OPEN).order_by("id").values_list("id", flat=True))


def advance(import_id: int, deadline: float) -> bool:
    """Check or import until done or until `deadline` (by time.monotonic()); at least one chunk.

    Returns whether there is more to do. False also when another worker is at it, or nothing is left to do.
    """
    with _alone(import_id) as is_mine:
        row = ContactImport.unscoped.filter(pk=import_id).first() if is_mine else None
        if row is None or row.status not in IMPORT_OPEN:
            return False
        try:
            path = _as_csv(row)
            if not row.rows and not _count(row, path):
                return False
            reader = ChunkReader(row, path)
            while (more := _step(reader)) and time.monotonic() < deadline:
                pass
        except _FileLost:
            _fail(row, "import_file_lost")
            return False
        except _Changed:
            return True
        return more


@contextmanager
def _alone(import_id: int) -> Iterator[bool]:
    """Whether nobody else is at this import; it stays so meanwhile. A dead worker's connection lets go by itself."""
    key = f"contact_import:{import_id}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (key,))
        (is_mine,) = cursor.fetchone()
        try:
            yield is_mine
        finally:
            if is_mine and not connection.needs_rollback:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (key,))


def _fail(row: ContactImport, code: str, **details: Any) -> None:
    errors = [contact_line_problems.stored(0, code, **details)]
    ContactImport.unscoped.filter(pk=row.pk, status=row.status).move(Status.FAILED, errors=errors, **forgotten(row))
    remove_files(row.upload_name)


def _as_csv(row: ContactImport) -> Path:
    """The CSV to read: of an XLSX, the one made of it, now if there is none yet."""
    path = directory() / row.upload_name
    if not row.upload_name or not path.is_file():
        raise _FileLost
    if path.suffix not in MADE:
        return path
    made = made_csv(row)
    if not made.exists():
        try:
            if path.suffix == ".vcf":
                vcards.to_csv(path, made, settings.MAX_RECIPIENTS)
            else:
                workbook_calls.to_csv(path, row.mapping.get("sheet", 0), made, settings.MAX_RECIPIENTS)
        except Unusable as error:
            is_wide = error.code == "import_too_many_columns"
            _fail(row, error.code, limit=MAX_COLUMNS if is_wide else settings.MAX_RECIPIENTS)
    return made


def _count(row: ContactImport, path: Path) -> bool:
    """Count the file's rows, and recognise what its columns hold; whether it can go on."""
    if not path.exists():
        return False
    number, most = 0, settings.MAX_RECIPIENTS
    recognition = _recognition(row)
    for number, one in enumerate(rows_of(row, path), 1):
        recognition.look(one)
        if number > most:
            _fail(row, "import_too_many_rows", limit=most)
            return False
    if not number:
        # Read as it was said, nothing is left of it: a person may say otherwise.
        ContactImport.unscoped.filter(pk=row.pk, status=row.status, mapping=row.mapping).move(Status.READY)
        return False
    mapping = {**row.mapping, "types": recognition.types()}
    ContactImport.unscoped.filter(pk=row.pk, mapping=row.mapping).update(rows=number, mapping=mapping)
    row.rows, row.mapping = number, mapping
    return True


def _recognition(row: ContactImport) -> Recognition:
    names = row.mapping["columns"]["custom_attributes"]
    known = {name: own.kind for name, own in attributes.described(row.account_id, names).items()}
    return Recognition(row.mapping, known, row.account.default_country)


def _step(reader: ChunkReader) -> bool:
    """Check or import one chunk; whether there is another step. One transaction."""
    with transaction.atomic():
        row: ContactImport | None = (
            ContactImport.unscoped.select_for_update(no_key=True).filter(pk=reader.row.pk).first()
        )
        if row is None or row.status not in IMPORT_OPEN:
            return False
        if not reader.is_for(row):
            raise _Changed
        chunk = reader.chunk(row.processed)
        if not chunk.rows and row.processed < row.rows:
            raise _FileLost
        changes: dict[str, Any] = {"processed": row.processed + chunk.rows, "place": reader.place}
        with connection.cursor() as cursor:
            if row.status == Status.CHECKING:
                target, changed = checking.check(cursor, row, reader, chunk)
            else:
                target, changed = writing.write(cursor, row, chunk, reader.lines.more_attributes)
        rows, changes = ContactImport.unscoped.filter(pk=row.pk), {**changes, **changed}
        moved = rows.update(**changes) if target is None else rows.move(target, **changes)
        assert moved, f"import {row.pk} is {row.status}, and was to become {target}"
    # Only now: after a crash before the commit they are needed again.
    if target in (Status.COMPLETED, Status.FAILED):
        remove_files(reader.row.upload_name)
    elif target == Status.READY:
        reader.keys_path.unlink(missing_ok=True)
        if reader.row.mapping.get(GOES_ON):
            return bool(ContactImport.unscoped.filter(pk=row.pk).move(Status.RUNNING, **COUNTED_NOTHING))
    return target is None
