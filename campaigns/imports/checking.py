"""Checking a file of contacts: its people are counted, and nothing of them is written."""

import os
from array import array
from typing import Any, Final

from campaigns.contacts.consent_by_file import Consent
from campaigns.imports.chunks import MAX_ERRORS, Became, Chunk, ChunkReader
from campaigns.imports.upload import COUNTED_NOTHING, FOUND_NOTHING, GOES_ON, forgotten
from campaigns.models import ContactImport
from campaigns.states import Basis, ImportKind
from campaigns.wording import contact_line_problems

Status = ContactImport.Status
Cursor = Any

# Beside a key, whose 15 digits need 50 bits: what its line said.
_OUT: Final = 1 << 62
_IN: Final = 1 << 61
_KNOWN_IN: Final[dict[str, str]] = {
    ImportKind.CONTACTS: "campaigns_contact",
    ImportKind.SUPPRESSIONS: "jobs_suppression",
}


def check(cursor: Cursor, row: ContactImport, reader: ChunkReader, chunk: Chunk) -> Became:
    """Note the chunk's keys beside the file; at the end, count. Returns the next state, and what changes in the row."""
    changes: dict[str, Any] = {
        "error_count": row.error_count + chunk.error_count,
        "warning_count": row.warning_count + chunk.warning_count,
    }
    for name, told in (("errors", chunk.errors), ("warnings", chunk.warnings)):
        if told and len(getattr(row, name)) < MAX_ERRORS:
            changes[name] = [*getattr(row, name), *told][:MAX_ERRORS]
    if row.kind == ImportKind.EXCLUSIONS:
        return _count_lines(row, chunk, changes)
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


def _count_lines(row: ContactImport, chunk: Chunk, changes: dict[str, Any]) -> Became:
    """Of an exclusion list, whose numbers take the place of all before: only how many lines were read."""
    good = row.created_count + len(chunk.people)
    changes["created_count"] = good
    if row.processed + chunk.rows < row.rows:
        return None, changes
    if not good and row.mapping.get(GOES_ON):
        told = [contact_line_problems.stored(0, "exclusion_list_empty"), *changes.get("errors", row.errors)]
        return Status.FAILED, {**changes, **forgotten(row), "errors": told[:MAX_ERRORS]}
    return Status.READY, changes


def _mark(consent: Consent | None) -> int:
    if consent is None:
        return 0
    return _OUT if consent.is_out else _IN if consent.basis == Basis.CONSENT else 0


def _count_people(cursor: Cursor, row: ContactImport, reader: ChunkReader) -> tuple[int, int, int]:
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
