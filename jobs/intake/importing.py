"""From a stored file to recipients: COPY in chunks, each of which commits with the job's `imported` counter.

Whoever comes later, after a crash or beside us, goes on at that counter; the row lock lets one work at a time.
"""

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from devices import phone_numbers
from jobs.erasing import erased
from jobs.erasing.erased import ERASED
from jobs.intake.recipient_file import BadRecipientFile, RecipientFile, Row
from jobs.models import Job, OnDuplicate, Suppression
from jobs.sending import finishing
from jobs.states import JOB_ENDED, RecipientState, recipient_move
from jobs.suppression import OPTED_OUT
from jobs.wording.job_reasons import FILE_LOST

CHUNK_ROWS = 20_000  # one transaction: about 0.2 s, and what a crash costs
BATCH_ROWS = 1_000  # lines written to the COPY at once

INVALID_NUMBER = "invalid_number"
DUPLICATE = "duplicate"
_LEAVE_OUT = recipient_move(RecipientState.QUEUED, RecipientState.SUPPRESSED)

Cursor = Any


class _FileLost(Exception):
    """The stored file cannot be read, or is no longer the one that was accepted."""


def import_slice(job_id: int, deadline: float) -> bool:
    """Import a job's file until done or until `deadline` (by time.monotonic()); at least one step.

    Returns whether there is more to do. False also when another worker is at it, or nothing is left to do. A
    job whose file is lost fails.
    """
    job = Job.unscoped.get(pk=job_id)
    if not job.upload_name:
        return False
    try:
        with closing(_rows(settings.UPLOAD_DIR / job.upload_name, job.default_country)) as rows:
            reader = _Reader(rows)
            while _step(job_id, reader):
                if time.monotonic() >= deadline:
                    return True
    except _FileLost:
        # Unless another worker, which had the file open before it was lost, has finished with it.
        if Job.unscoped.filter(pk=job_id, imported_at=None).exists():
            finishing.fail(job_id, FILE_LOST)
    return False


def _step(job_id: int, reader: "_Reader") -> bool:
    """Import one chunk, or finish; whether there is another step. One transaction."""
    with transaction.atomic():
        # FOR NO KEY UPDATE: others may still refer to the job. Skipped: another worker is at it.
        job = Job.unscoped.select_for_update(skip_locked=True, no_key=True).filter(pk=job_id).first()
        if job is None or not job.upload_name:
            return False
        if job.status in JOB_ENDED:
            _let_go(job)
            return False
        with connection.cursor() as cursor:
            if job.imported < job.total:
                _copy(cursor, job, reader)
                return True
            _leave_out_and_count(cursor, job)
            _let_go(job, imported_at=Now())
            return False


def _let_go(job: Job, **changes: Any) -> None:
    """Forget the job's file, and delete it once that is committed."""
    Job.unscoped.filter(pk=job.pk).update(upload_name="", updated_at=Now(), **changes)
    path = settings.UPLOAD_DIR / job.upload_name
    transaction.on_commit(lambda: path.unlink(missing_ok=True))


# --- Reading and copying ---------------------------------------------------------------------------


class _Reader:
    """The file's rows, and how many of them have been passed."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._passed = 0

    def batches(self, position: int, count: int) -> Iterator[list[Row]]:
        """Yield `count` rows from `position` on, in batches. Raises _FileLost where there are fewer."""
        # Forwards only: a position never falls. It is ahead of us where another worker has done some.
        _ = next(islice(self._rows, position - self._passed, position - self._passed), None)
        self._passed = position + count
        while count:
            batch = list(islice(self._rows, min(count, BATCH_ROWS)))
            if not batch:
                raise _FileLost
            count -= len(batch)
            yield batch


def _rows(path: Path, default_country: str) -> Generator[Row]:
    try:
        with path.open("rb", buffering=0) as file:
            yield from RecipientFile(file, default_country)
    except (FileNotFoundError, IsADirectoryError, PermissionError, BadRecipientFile):
        raise _FileLost from None


def _copy(cursor: Cursor, job: Job, reader: _Reader) -> None:
    """Write the job's next chunk of rows and count them as imported."""
    count = min(CHUNK_ROWS, job.total - job.imported)
    position = job.imported
    columns = '"job_id", "position", "phone", "values", "state", "error_code"'
    with cursor.copy(f"COPY jobs_recipient ({columns}) FROM STDIN") as copy:
        for batch in reader.batches(position, count):
            copy.write("".join([_line(job.pk, place, row) for place, row in enumerate(batch, position)]))
            position += len(batch)
    Job.unscoped.filter(pk=job.pk).update(imported=position)


def _line(job_id: int, position: int, row: Row) -> str:
    """One recipient in COPY's text format, whose values are an array literal: escaped twice."""
    if row.phone:
        phone, state, error_code = row.phone, RecipientState.QUEUED.value, ""
    else:
        phone = _escaped(row.raw_phone[: phone_numbers.RAW_MAX])
        state, error_code = RecipientState.FAILED.value, INVALID_NUMBER
    return f"{job_id}\t{position}\t{phone}\t{_array(row.values)}\t{state}\t{error_code}\n"


def _array(values: list[str]) -> str:
    if not values:
        return "{}"
    # Escaped all at once, around a character that no value can hold. In the literal a quote and a backslash
    # need a backslash, and COPY wants each backslash doubled.
    text = "\0".join(values).replace("\\", r"\\\\").replace('"', r"\\" + '"').replace("\t", r"\t")
    return '{"' + text.replace("\0", '","') + '"}'


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\t", r"\t")


# --- When all rows are there -----------------------------------------------------------------------


def _leave_out_and_count(cursor: Cursor, job: Job) -> None:
    """Take out opted-out and repeated phones, and count everybody who has ended before the start.

    By SQL over all rows at once: exact whatever the size, and in nobody's memory.
    """
    key = phone_numbers.key_sql("recipient.phone")
    is_erased, parameters = erased.joined(job.account_id, key)
    # Their row keeps its place in the file, and nothing of them.
    cursor.execute(
        f"""
        UPDATE jobs_recipient AS recipient SET state = %s, error_code = %s, phone = '', "values" = '{{}}'
        FROM jobs_erasure AS erased WHERE recipient.job_id = %s AND recipient.state = %s AND {is_erased}
        """,  # noqa: S608 - parameters are bound
        [_LEAVE_OUT.target, ERASED, job.pk, _LEAVE_OUT.source, *parameters],
    )
    if Suppression.objects.for_account(job.account_id).exists():
        cursor.execute(
            f"""
            UPDATE jobs_recipient AS recipient SET state = %s, error_code = %s
            FROM jobs_suppression AS suppression
            WHERE recipient.job_id = %s AND recipient.state = %s
              AND suppression.account_id = %s AND suppression.phone_key = {key}
            """,  # noqa: S608 - constants
            (_LEAVE_OUT.target, OPTED_OUT, job.pk, _LEAVE_OUT.source, job.account_id),
        )
    # By their keys, as suppressions are: a person has one number, however many spellings.
    key = phone_numbers.key_sql("phone")
    same = {OnDuplicate.SKIP_ROW: f'{key}, "values"', OnDuplicate.SKIP_PHONE: key, OnDuplicate.SEND: ""}
    if columns := same[OnDuplicate(job.on_duplicate)]:
        cursor.execute(
            f"""
            UPDATE jobs_recipient AS recipient SET state = %s, error_code = %s
            FROM (
                SELECT id, row_number() OVER (PARTITION BY {columns} ORDER BY "position") AS nth
                FROM jobs_recipient WHERE job_id = %s AND state = %s
            ) AS numbered
            WHERE recipient.id = numbered.id AND numbered.nth > 1
            """,  # noqa: S608 - constants
            (_LEAVE_OUT.target, DUPLICATE, job.pk, _LEAVE_OUT.source),
        )
    cursor.execute(
        """
        UPDATE jobs_job SET failed = (
            SELECT count(*) FROM jobs_recipient WHERE job_id = %s AND state <> 'queued'
        ) WHERE id = %s
        """,
        (job.pk, job.pk),
    )
