"""Writing what a chunk says: contacts are made or completed, or numbers are put on the account's list of suppressed
ones, or on an exclusion list."""

import json
from collections.abc import Collection
from decimal import Decimal
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, Final

from django.utils import timezone

from campaigns.contacts import attributes, consent_by_file, labels
from campaigns.contacts.consent_by_file import SOURCE_CHARACTERS, Consent, File
from campaigns.exclusions import loads
from campaigns.imports.chunks import Became, Chunk
from campaigns.imports.lines import Person
from campaigns.imports.upload import forgotten
from campaigns.models import AttributeKind, ContactImport
from campaigns.states import ImportKind
from campaigns.wording import contact_line_problems
from jobs import suppression

Status = ContactImport.Status
Cursor = Any


def write(cursor: Cursor, row: ContactImport, chunk: Chunk, more_attributes: Collection[str]) -> Became:
    """Write a chunk of a file, of whatever it is. Returns the next state, and what changes in the row.

    `more_attributes`: of those in its people that stand in no column, their names.
    """
    if row.kind == ImportKind.SUPPRESSIONS:
        return ban(row, chunk)
    if row.kind == ImportKind.EXCLUSIONS:
        return exclude(cursor, row, chunk)
    return import_people(cursor, row, chunk, more_attributes)


def ban(row: ContactImport, chunk: Chunk) -> Became:
    """Put the chunk's numbers on the account's list. Returns the next state, and what changes in the row."""
    bans = [suppression.Ban(one.phone, one.phone_key, one.reason, "", one.since) for one in chunk.people]
    lines = {one.phone_key: one.line for one in reversed(chunk.people)}
    consent_by_file.note_bans(row.account_id, bans, lines, _file(row))
    added = suppression.ban(row.account_id, bans)
    return _ended(row, chunk, created=added, skipped=len(bans) - added)


def exclude(cursor: Cursor, row: ContactImport, chunk: Chunk) -> Became:
    """Keep the chunk's numbers for an exclusion list; with the last of them they are in force, in the same moment that
    those of the file before are not. Returns the next state, and what changes in the row."""
    load = loads.of_import(row)
    if load is None:
        told = [contact_line_problems.stored(0, "exclusion_list_gone")]
        return Status.FAILED, {**forgotten(row), "errors": told}
    added = loads.write(cursor, load, [(one.form, one.digest) for one in chunk.people])
    target, changes = _ended(row, chunk, created=added, skipped=len(chunk.people) - added)
    if target == Status.COMPLETED:
        loads.put_in_force(cursor, load, row)
    return target, changes


def import_people(cursor: Cursor, row: ContactImport, chunk: Chunk, more_attributes: Collection[str]) -> Became:
    """Make or complete the chunk's contacts. Returns the next state, and what changes in the row.

    `more_attributes`: of those in them that stand in no column, their names.
    """
    people = _once_each(chunk.people, row.update_existing)
    labels.take_turns(row.account_id)
    written = {name for names in {person.labels for person in people} for name in names}
    own = labels.ensure(row.account_id, sorted(written))
    if any(own[name] != name for name in written):
        people = [person._replace(labels=tuple(labels.each_once(person.labels, own))) for person in people]
    own_attributes = attributes.ensure(row.account_id, sorted(more_attributes))
    attributes.note_kinds(row.account_id, dict.fromkeys(own_attributes.values(), AttributeKind.TEXT))
    if any(own_attributes[name] != name for name in more_attributes):
        people = [_under_names(person, own_attributes) for person in people]
    created = _write(cursor, row, people) if people else 0
    if said := {person.phone_key: (person.phone, person.consent) for person in people if person.consent}:
        consent_by_file.note(row.account_id, said, _file(row))
    others = len(chunk.people) - created
    if row.update_existing:
        return _ended(row, chunk, created=created, updated=others)
    return _ended(row, chunk, created=created, skipped=others)


def _ended(row: ContactImport, chunk: Chunk, *, created: int, updated: int = 0, skipped: int = 0) -> Became:
    changes: dict[str, Any] = {
        "created_count": row.created_count + created,
        "updated_count": row.updated_count + updated,
        "skipped_count": row.skipped_count + skipped,
        "error_count": row.error_count + chunk.error_count,
        "warning_count": row.warning_count + chunk.warning_count,
    }
    if row.processed + chunk.rows < row.rows:
        return None, changes
    return Status.COMPLETED, {**changes, **forgotten(row)}


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
                tuple(dict.fromkeys((*known.labels, *person.labels))),
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


# Of whoever is new, what the file says of their consent. Of others `consent_by_file.note` keeps it.
_KEPT: Final = f""", changed AS (
            SELECT id, phone_key, phone, basis, source, version, said_at AS at, line
            FROM written JOIN incoming_contact USING (phone_key) WHERE is_new AND said_at IS NOT NULL
        ), kept AS ({consent_by_file.KEPT})"""  # noqa: S608 - a constant


def _write(cursor: Cursor, row: ContactImport, people: list[Person]) -> int:
    """Bring these people in by COPY and one INSERT; returns how many are new. A known phone keeps its spelling."""
    cursor.execute(
        """
        CREATE TEMP TABLE incoming_contact (
            phone text, phone_key text, name text, email text, labels varchar(100)[], custom_attributes jsonb,
            said_at timestamptz, basis text, source text, version text, line int
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
                opted_in_at, opted_in_source, opted_out_at, opted_out_source, other_basis
            )
            SELECT %(account)s, phone, phone_key, name, email, labels, custom_attributes,
                CASE basis WHEN 'consent' THEN said_at END, CASE basis WHEN 'consent' THEN source ELSE '' END,
                CASE basis WHEN '' THEN said_at END,
                CASE WHEN basis = '' AND said_at IS NOT NULL THEN %(file)s ELSE '' END,
                CASE basis WHEN 'consent' THEN '' ELSE basis END
            FROM incoming_contact
            ON CONFLICT (account_id, phone_key) {_UPDATE if row.update_existing else "DO NOTHING"}
            RETURNING id, phone_key, xmax = 0 AS is_new
        ){_KEPT if any(person.consent for person in people) else ""}
        SELECT count(*) FROM written WHERE is_new
        """,  # noqa: S608 - constants
        {"account": row.account_id, **consent_by_file.kept_of(_file(row))},
    )
    (created,) = cursor.fetchone()
    cursor.execute("DROP TABLE incoming_contact")
    return int(created)


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def _json(attributes: dict[str, Any]) -> str:
    """Numbers keep their decimals, as messages show them: 12.50."""
    return "{" + ",".join([f"{encode_basestring(name)}:{_json_of(value)}" for name, value in attributes.items()]) + "}"


def _json_of(value: Any) -> str:
    kind = type(value)
    if kind is str:
        return encode_basestring(value)
    return str(value) if kind is int or kind is Decimal else _encode(value)


def _line(person: Person) -> str:
    """One contact in COPY's text format. Its labels are an array literal, escaped twice."""
    attributes = _json(person.attributes).replace("\\", r"\\") if person.attributes else "{}"
    return (
        f"{person.phone}\t{person.phone_key}\t{_escaped(person.name)}\t{_escaped(person.email)}"
        f"\t{_array(person.labels)}\t{attributes}\t{_consent(person.consent)}\n"
    )


def _consent(said: Consent | None) -> str:
    """When somebody said yes or no, on which basis ("": no), where, to which text, and in which line."""
    if said is None:
        return "\\N\t\t\t\t\\N"
    at = (said.at or timezone.now()).isoformat()
    if said.is_out:
        return f"{at}\t\t\t\t{said.line}"
    return f"{at}\t{said.basis}\t{_escaped(said.source)}\t{_escaped(said.version)}\t{said.line}"


def _file(row: ContactImport) -> File:
    """Where a contact's yes or no comes from, as it is kept."""
    return File(row.file_name[:SOURCE_CHARACTERS], row.pk, row.created_by_id)


def _escaped(text: str) -> str:
    if text.isprintable() and "\\" not in text:
        return text
    return text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")


@lru_cache(maxsize=4_096)
def _array(values: tuple[str, ...]) -> str:
    if not values:
        return "{}"
    # In the literal a quote and a backslash need a backslash, and COPY wants each backslash doubled.
    return "{" + ",".join(['"' + name.replace("\\", r"\\\\").replace('"', r"\\" + '"') + '"' for name in values]) + "}"
