"""Imports of contacts in a worker: a file is checked, or becomes contacts, a chunk of rows in each transaction.

Whoever comes later, after a crash or beside us, goes on at `processed`. A person is known by the number's key, so a
number that stands in the file twice is one contact: the later line completes the earlier one, or is skipped where
contacts that exist are to be left alone. An empty cell never erases anything.
"""

import json
import os
import time
from array import array
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.written.folding import same_name
from campaigns.contacts import attributes, consent_by_file, labels
from campaigns.contacts.consent_by_file import SOURCE_CHARACTERS, Consent
from campaigns.imports import attribute_columns, table, vcards
from campaigns.imports.attribute_columns import AttributeColumn
from campaigns.imports.consent_columns import ConsentReader
from campaigns.imports.csv_records import Row
from campaigns.imports.lines import BadLine, LineReader, Note, Person
from campaigns.imports.recognition import Recognition
from campaigns.imports.suppression_lines import SuppressionReader
from campaigns.imports.unusable import MAX_COLUMNS, Unreadable, Unusable
from campaigns.imports.upload import (
    COUNTED_NOTHING,
    FOUND_NOTHING,
    GOES_ON,
    MADE,
    directory,
    format_of,
    made_csv,
    remove_files,
)
from campaigns.imports.workbook import workbook_calls
from campaigns.models import AttributeKind, ContactImport
from campaigns.states import IMPORT_OPEN, ImportKind, ImportStatus
from campaigns.wording import contact_line_problems
from jobs import suppression

CHUNK_ROWS: Final = 20_000  # one transaction: about a second, and what a crash costs
MAX_ERRORS: Final = 1_000  # that are told, and as many warnings; all are counted

Status = ContactImport.Status
Cursor = Any
_Became = tuple[ImportStatus | None, dict[str, Any]]  # another state or none, and what changes in the row


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
            reader = _Reader(row, path)
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
    ContactImport.unscoped.filter(pk=row.pk, status=row.status).move(
        Status.FAILED, errors=errors, finished_at=Now(), upload_name="", mapping=_without_people(row.mapping)
    )
    remove_files(row.upload_name)


def _without_people(mapping: dict[str, Any]) -> dict[str, Any]:
    return {**mapping, "sample": [], "encoding_words": []}


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
        except Unreadable:
            raise _FileLost from None
        except Unusable as error:
            is_wide = error.code == "import_too_many_columns"
            _fail(row, error.code, limit=MAX_COLUMNS if is_wide else settings.MAX_RECIPIENTS)
    return made


def _count(row: ContactImport, path: Path) -> bool:
    """Count the file's rows, and recognise what its columns hold; whether it can go on."""
    if not path.exists():
        return False
    number = 0
    recognition = _recognition(row)
    for one in _rows(row, path):
        number += 1
        recognition.look(one)
        if number > settings.MAX_RECIPIENTS:
            _fail(row, "import_too_many_rows", limit=settings.MAX_RECIPIENTS)
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


def _rows(row: ContactImport, path: Path) -> Iterator[Row]:
    form = format_of(row.mapping)
    if row.upload_name.endswith(MADE):
        return table.rows(path, form._replace(encoding="utf-8", delimiter=","), is_ours=True)
    return table.rows(path, form)


def _under_own_names(row: ContactImport) -> dict[str, Any]:
    """The mapping, its attributes named as the account names them; new ones are made once it is imported.

    Of two columns that are one attribute the second gets a number.
    """
    written = attribute_columns.resolved(row.mapping)
    name_of = attributes.ensure if row.status == Status.RUNNING else attributes.known
    own = name_of(row.account_id, written)
    taken: dict[str, AttributeColumn] = {}
    for name, column in sorted(written.items(), key=lambda item: item[1].place):
        number, free = 2, own[name]
        while same_name(free) in map(same_name, taken):
            number, free = number + 1, f"{own[name]} {number}"
        taken[free] = column
    if row.status == Status.RUNNING:
        attributes.ensure(row.account_id, taken)
        kinds = {name: column.type for name, column in taken.items() if column.type in AttributeKind.values}
        attributes.note_kinds(row.account_id, kinds)
    said = {name: column.as_json() for name, column in taken.items()}
    return {**row.mapping, "columns": {**row.mapping["columns"], "custom_attributes": said}}


class _Reader:
    """The file's rows as this mapping reads them, and how many have been passed."""

    def __init__(self, row: ContactImport, path: Path) -> None:
        self.row = row
        self._rows = _rows(row, path)
        self._passed = 0
        mapping = _under_own_names(row)
        self.lines: LineReader | SuppressionReader
        if row.kind == ImportKind.SUPPRESSIONS:
            self.has_consents = False
            self.lines = SuppressionReader(mapping, row.account.time_zone, timezone.now())
        else:
            consents = ConsentReader(mapping, row.account.time_zone, timezone.now())
            self.has_consents = bool(consents.places)
            self.lines = LineReader(mapping, consents if self.has_consents else None)
        self.keys_path = path.with_suffix(".keys")

    def is_for(self, row: ContactImport) -> bool:
        """Whether the row is still what we are reading it for."""
        was = self.row
        return (
            row.status == was.status
            and row.mapping == was.mapping
            and row.update_existing == was.update_existing
            and row.processed >= self._passed
        )

    def chunk(self, position: int) -> "_Chunk":
        """Read the next rows from `position` on."""
        # Forwards only: a position that fell is another reading.
        _ = next(islice(self._rows, position - self._passed, position - self._passed), None)
        people: list[Any] = []
        errors: list[dict[str, Any]] = []
        warnings: list[dict[str, Any]] = []
        number = warning_count = 0
        read = self.lines.read
        # No list of them: twice the objects, and Python's collector looks at each several times.
        for row in islice(self._rows, CHUNK_ROWS):
            number += 1
            try:
                person = read(row)
            except BadLine as bad:
                if len(errors) < MAX_ERRORS:
                    errors.append(contact_line_problems.stored(row.line, bad.code, **bad.details))
            else:
                people.append(person)
                if person.notes:
                    warning_count += len(person.notes)
                    if len(warnings) < MAX_ERRORS:
                        warnings += [self._warning(row.line, note) for note in person.notes]
        self._passed = position + number
        chunk = _Chunk(people, errors, number - len(people), warnings, warning_count)
        return self._settled(chunk) if self.has_consents else chunk

    def _settled(self, chunk: "_Chunk") -> "_Chunk":
        """The chunk without each yes that does not count, because its person has said no; that is told."""
        agreed = [person.phone_key for person in chunk.people if person.consent and not person.consent.is_out]
        if not agreed:
            return chunk
        known = consent_by_file.standing(self.row.account_id, agreed)
        people: list[Any] = []
        warnings = []
        for person in chunk.people:
            said, standing = person.consent, known.get(person.phone_key)
            if said and not said.is_out and standing:
                if standing.refuses(said):
                    warnings.append(contact_line_problems.stored(said.line, "opt_in_refused"))
                    person = person._replace(consent=None)
                elif standing.is_contact and not self.row.update_existing:
                    person = person._replace(consent=None)
            people.append(person)
        told = sorted([*chunk.warnings, *warnings], key=lambda one: int(one["line"]))
        return chunk._replace(
            people=people, warnings=told[:MAX_ERRORS], warning_count=chunk.warning_count + len(warnings)
        )

    def _warning(self, line: int, note: Note) -> dict[str, Any]:
        column = "" if note.place is None else self.row.mapping["names"][note.place] or f"#{note.place + 1}"
        return contact_line_problems.stored(line, note.code, column, **note.details)


class _Chunk(NamedTuple):
    """What a chunk's lines said."""

    people: list[Any]  # Person, or Entry of a file of suppressed numbers
    errors: list[dict[str, Any]]  # lines that were not read; the first 1,000
    error_count: int
    warnings: list[dict[str, Any]]  # what was left out of those that were; the first 1,000
    warning_count: int

    @property
    def rows(self) -> int:
        return len(self.people) + self.error_count


def _step(reader: _Reader) -> bool:
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
        changes: dict[str, Any] = {"processed": row.processed + chunk.rows}
        with connection.cursor() as cursor:
            if row.status == Status.CHECKING:
                target, changed = _check(cursor, row, reader, chunk)
            else:
                make = _ban if row.kind == ImportKind.SUPPRESSIONS else _import
                target, changed = make(cursor, row, chunk, reader.lines.more_attributes)
        rows, changes = ContactImport.unscoped.filter(pk=row.pk), {**changes, **changed}
        moved = rows.update(**changes) if target is None else rows.move(target, **changes)
        assert moved, f"import {row.pk} is {row.status}, and was to become {target}"
    # Only now: after a crash before the commit they are needed again.
    if target == Status.COMPLETED:
        remove_files(reader.row.upload_name)
    elif target == Status.READY:
        reader.keys_path.unlink(missing_ok=True)
        if reader.row.mapping.get(GOES_ON):
            return bool(ContactImport.unscoped.filter(pk=row.pk).move(Status.RUNNING, **COUNTED_NOTHING))
    return target is None


# --- Checking ------------------------------------------------------------------------------------------------


def _check(cursor: Cursor, row: ContactImport, reader: _Reader, chunk: _Chunk) -> _Became:
    """Note the chunk's keys beside the file; at the end, count. Returns the next state, and what changes in the row."""
    changes: dict[str, Any] = {
        "error_count": row.error_count + chunk.error_count,
        "warning_count": row.warning_count + chunk.warning_count,
    }
    for name, told in (("errors", chunk.errors), ("warnings", chunk.warnings)):
        if told and len(getattr(row, name)) < MAX_ERRORS:
            changes[name] = [*getattr(row, name), *told][:MAX_ERRORS]
    known = row.processed - row.error_count
    if reader.has_consents:
        keys = array("Q", [int(person.phone_key[1:]) | _mark(person.consent) for person in chunk.people])
    else:
        keys = array("Q", [int(person.phone_key[1:]) for person in chunk.people])
    # A crash may have left more than was committed, or (of the whole machine) less or nothing.
    with reader.keys_path.open("r+b" if known and reader.keys_path.exists() else "wb") as file:
        if file.seek(0, os.SEEK_END) < known * keys.itemsize:
            return None, {**COUNTED_NOTHING, **FOUND_NOTHING}
        file.truncate(known * keys.itemsize)
        file.seek(known * keys.itemsize)
        file.write(keys.tobytes())
    if row.processed + chunk.rows < row.rows:
        return None, changes
    good = known + len(chunk.people)
    new, opted_out, opted_in = _count_people(cursor, row, reader)
    repeated = good - new
    return Status.READY, {
        **changes,
        "created_count": new,
        "updated_count": repeated if row.update_existing else 0,
        "skipped_count": 0 if row.update_existing else repeated,
        "opted_out_count": opted_out,
        "opted_in_count": opted_in,
    }


# Beside a key, whose 15 digits need 50 bits: what its line said.
_OUT: Final = 1 << 62
_IN: Final = 1 << 61


_KNOWN_IN: Final[dict[str, str]] = {
    ImportKind.CONTACTS: "campaigns_contact",
    ImportKind.SUPPRESSIONS: "jobs_suppression",
}


def _mark(consent: Consent | None) -> int:
    return 0 if consent is None else _OUT if consent.is_out else _IN


def _count_people(cursor: Cursor, row: ContactImport, reader: _Reader) -> tuple[int, int, int]:
    """How many of these numbers no contact has, and how many people say no or yes, each counted once."""
    cursor.execute("CREATE TEMP TABLE checked_key (key bigint) ON COMMIT DROP")
    with reader.keys_path.open("rb") as file, cursor.copy("COPY checked_key FROM STDIN") as copy:
        while block := file.read(8 * 10_000):
            copy.write("\n".join(map(str, array("Q", block))) + "\n")
    opted_out = opted_in = 0
    if reader.has_consents:
        cursor.execute(
            """
            SELECT count(*) FILTER (WHERE says_no), count(*) FILTER (WHERE NOT says_no) FROM (
                SELECT bool_or(key & %(out)s <> 0) AS says_no FROM checked_key
                WHERE key >= %(in)s GROUP BY key & (%(in)s - 1)
            ) AS said
            """,
            {"out": _OUT, "in": _IN},
        )
        opted_out, opted_in = cursor.fetchone()
    cursor.execute("ANALYZE checked_key")
    cursor.execute(
        f"""
        SELECT count(*) FROM (SELECT DISTINCT '+' || (key & %s) AS phone_key FROM checked_key) AS wanted
        WHERE NOT EXISTS (
            SELECT FROM {_KNOWN_IN[row.kind]} AS known
            WHERE known.account_id = %s AND known.phone_key = wanted.phone_key
        )
        """,  # noqa: S608 - constants
        (_IN - 1, row.account_id),
    )
    (new,) = cursor.fetchone()
    cursor.execute("DROP TABLE checked_key")
    return int(new), int(opted_out), int(opted_in)


# --- Importing -----------------------------------------------------------------------------------------------


def _ban(cursor: Cursor, row: ContactImport, chunk: _Chunk, _: Collection[str]) -> _Became:
    """Put the chunk's numbers on the account's list. Returns as `_check` does."""
    bans = [suppression.Ban(one.phone, one.phone_key, one.reason, "", one.since) for one in chunk.people]
    added = suppression.ban(row.account_id, bans)
    return _ended(row, chunk, created=added, skipped=len(bans) - added)


def _import(cursor: Cursor, row: ContactImport, chunk: _Chunk, more_attributes: Collection[str]) -> _Became:
    """Make or complete the chunk's contacts. Returns as `_check` does.

    `more_attributes`: of those in them that stand in no column, their names.
    """
    people = _once_each(chunk.people, row.update_existing)
    labels.take_turns(row.account_id)
    written = {name for person in people for name in person.labels}
    own = labels.ensure(row.account_id, sorted(written))
    if any(own[name] != name for name in written):
        people = [person._replace(labels=labels.each_once(person.labels, own)) for person in people]
    own_attributes = attributes.ensure(row.account_id, sorted(more_attributes))
    attributes.note_kinds(row.account_id, dict.fromkeys(own_attributes.values(), AttributeKind.TEXT))
    if any(own_attributes[name] != name for name in more_attributes):
        people = [_under_names(person, own_attributes) for person in people]
    created = _write(cursor, row, people) if people else 0
    if said := {person.phone_key: (person.phone, person.consent) for person in people if person.consent}:
        consent_by_file.note(row.account_id, said, _file_as_source(row))
    others = len(chunk.people) - created
    if row.update_existing:
        return _ended(row, chunk, created=created, updated=others)
    return _ended(row, chunk, created=created, skipped=others)


def _ended(row: ContactImport, chunk: _Chunk, *, created: int, updated: int = 0, skipped: int = 0) -> _Became:
    changes: dict[str, Any] = {
        "created_count": row.created_count + created,
        "updated_count": row.updated_count + updated,
        "skipped_count": row.skipped_count + skipped,
        "error_count": row.error_count + chunk.error_count,
        "warning_count": row.warning_count + chunk.warning_count,
    }
    if row.processed + chunk.rows < row.rows:
        return None, changes
    ended = {"finished_at": Now(), "upload_name": "", "mapping": _without_people(row.mapping)}
    return Status.COMPLETED, {**changes, **ended}


def _under_names(person: Person, own: dict[str, str]) -> Person:
    return person._replace(attributes={own.get(name, name): value for name, value in person.attributes.items()})


def _once_each(people: list[Person], update_existing: bool) -> list[Person]:
    """One entry for each number, as if the lines had come one after the other."""
    by_key: dict[str, Person] = {}
    for person in people:
        known = by_key.get(person.phone_key)
        if known is None:
            by_key[person.phone_key] = person
        elif update_existing:
            by_key[person.phone_key] = Person(
                known.phone,
                known.phone_key,
                person.name or known.name,
                person.email or known.email,
                list(dict.fromkeys([*known.labels, *person.labels])),
                {**known.attributes, **person.attributes},
                consent_by_file.stronger(known.consent, person.consent),
            )
        elif person.consent and person.consent.is_out:
            by_key[person.phone_key] = known._replace(consent=consent_by_file.stronger(known.consent, person.consent))
    return list(by_key.values())


_UPDATE: Final = """
    DO UPDATE SET
        name = CASE WHEN excluded.name <> '' THEN excluded.name ELSE contact.name END,
        email = CASE WHEN excluded.email <> '' THEN excluded.email ELSE contact.email END,
        labels = contact.labels || ARRAY(
            SELECT name FROM unnest(excluded.labels) AS name WHERE name <> ALL (contact.labels)
        ),
        custom_attributes = contact.custom_attributes || excluded.custom_attributes,
        updated_at = now()
    -- A row that would stay as it is is not written again.
    WHERE (excluded.name <> '' AND excluded.name <> contact.name)
       OR (excluded.email <> '' AND excluded.email <> contact.email)
       OR NOT contact.labels @> excluded.labels
       OR NOT contact.custom_attributes @> excluded.custom_attributes
"""


def _write(cursor: Cursor, row: ContactImport, people: list[Person]) -> int:
    """Bring these people in by COPY and one INSERT; returns how many are new. A known phone keeps its spelling."""
    cursor.execute(
        """
        CREATE TEMP TABLE incoming_contact (
            phone text, phone_key text, name text, email text, labels varchar(100)[], custom_attributes jsonb,
            opted_in_at timestamptz, opted_in_source text, opted_out_at timestamptz
        ) ON COMMIT DROP
        """
    )
    with cursor.copy("COPY incoming_contact FROM STDIN") as copy:
        for start in range(0, len(people), 1_000):
            copy.write("".join([_line(person) for person in people[start : start + 1_000]]))
    cursor.execute(
        f"""
        WITH written AS (
            INSERT INTO campaigns_contact AS contact (
                account_id, phone, phone_key, name, email, labels, custom_attributes,
                opted_in_at, opted_in_source, opted_out_at, opted_out_source
            )
            SELECT %s, phone, phone_key, name, email, labels, custom_attributes,
                opted_in_at, opted_in_source, opted_out_at, CASE WHEN opted_out_at IS NULL THEN '' ELSE %s END
            FROM incoming_contact
            ON CONFLICT (account_id, phone_key) {_UPDATE if row.update_existing else "DO NOTHING"}
            RETURNING xmax = 0 AS is_new
        )
        SELECT count(*) FROM written WHERE is_new
        """,  # noqa: S608 - constants
        (row.account_id, _file_as_source(row)),
    )
    (created,) = cursor.fetchone()
    cursor.execute("DROP TABLE incoming_contact")
    return int(created)


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def _json(attributes: dict[str, Any]) -> str:
    """Numbers keep their decimals, as messages show them: 12.50."""
    try:
        return _encode(attributes)
    except TypeError:  # decimals, which JSON's encoder has not
        pairs = [
            f"{_encode(name)}:{value if isinstance(value, Decimal) else _encode(value)}"
            for name, value in attributes.items()
        ]
        return "{" + ",".join(pairs) + "}"


def _line(person: Person) -> str:
    """One contact in COPY's text format. Its labels are an array literal, escaped twice."""
    attributes = _escaped(_json(person.attributes)) if person.attributes else "{}"
    return (
        f"{person.phone}\t{person.phone_key}\t{_escaped(person.name)}\t{_escaped(person.email)}"
        f"\t{_array(person.labels)}\t{attributes}\t{_consent(person.consent)}\n"
    )


def _consent(said: Consent | None) -> str:
    """When somebody agreed, where, and when they said no."""
    if said is None:
        return "\\N\t\t\\N"
    at = (said.at or timezone.now()).isoformat()
    return f"\\N\t\t{at}" if said.is_out else f"{at}\t{_escaped(said.source)}\t\\N"


def _file_as_source(row: ContactImport) -> str:
    """Where a contact's no comes from, as it is kept."""
    return row.file_name[:SOURCE_CHARACTERS]


def _escaped(text: str) -> str:
    if text.isalnum():
        return text
    return text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")


def _array(values: list[str]) -> str:
    if not values:
        return "{}"
    # In the literal a quote and a backslash need a backslash, and COPY wants each backslash doubled.
    return "{" + ",".join(['"' + name.replace("\\", r"\\\\").replace('"', r"\\" + '"') + '"' for name in values]) + "}"
