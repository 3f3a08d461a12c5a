"""Chunks: ranges of a job's positions, which one device takes, reads and sends; and the retries that are due.

A chunk is taken by moving the job's cursor; its row is what a successor finds if its taker dies. All of it runs
in the caller's transaction, under the device's lease.
"""

from itertools import starmap
from typing import Any, NamedTuple

from devices.phone_numbers import key_sql

Cursor = Any


class Waiting(NamedTuple):
    """A recipient read from its row, not yet claimed."""

    recipient_id: int
    position: int
    phone: str
    values: list[str]
    variant: int | None
    chunk_id: int | None
    is_banned: bool  # the account must not write to this number (any more)


# Asked when they are read, and not only at the start: a job runs for days, and people say no meanwhile.
_BANNED = f"""EXISTS (
    SELECT FROM jobs_suppression AS suppression
    WHERE suppression.account_id = %(account)s AND suppression.phone_key = {key_sql("recipient.phone")}
)"""


def take(cursor: Cursor, device_id: int, job_id: int, size: int, window: int) -> tuple[int, int, int] | None:
    """Take of a chunk that was given back, else of the job's next positions: (chunk id, start, end)."""
    cursor.execute(
        'SELECT id, "start", "end" FROM jobs_chunk WHERE job_id = %s AND device_id IS NULL'
        ' ORDER BY "start" LIMIT 1 FOR UPDATE SKIP LOCKED',
        (job_id,),
    )
    if (free := cursor.fetchone()) is not None:
        chunk_id, start, end = free
        if end - start <= size:
            # By a new id: late answers of its last taker, who may be this very process, name the old one.
            cursor.execute(
                "UPDATE jobs_chunk SET device_id = %s, id = nextval(pg_get_serial_sequence('jobs_chunk', 'id'))"
                " WHERE id = %s RETURNING id",
                (device_id, chunk_id),
            )
            return cursor.fetchone()[0], start, end
        end = start + size
        cursor.execute('UPDATE jobs_chunk SET "start" = %s WHERE id = %s', (end, chunk_id))
    else:
        cursor.execute(
            """
            WITH job AS (
                -- Towards the end smaller ones, so that all its devices are through at about the same time.
                SELECT id, next_position AS first, least(total, next_position + least(%(size)s, greatest(
                    %(window)s, (total - next_position) / greatest(1, 2 * (
                        SELECT count(*) - 1 FROM jobs_jobdevice WHERE job_id = %(job)s
                    ))
                ))) AS last
                FROM jobs_job WHERE id = %(job)s AND status = 'processing' FOR NO KEY UPDATE
            )
            UPDATE jobs_job SET next_position = job.last FROM job
            WHERE jobs_job.id = job.id AND job.first < job.last
            RETURNING job.first, job.last
            """,
            {"size": size, "window": window, "job": job_id},
        )
        if (advanced := cursor.fetchone()) is None:
            return None
        start, end = advanced
    cursor.execute(
        'INSERT INTO jobs_chunk (job_id, "start", "end", device_id) VALUES (%s, %s, %s, %s) RETURNING id',
        (job_id, start, end, device_id),
    )
    return cursor.fetchone()[0], start, end


def read(cursor: Cursor, job_id: int, account_id: int, chunk_id: int, start: int, end: int) -> list[Waiting]:
    cursor.execute(
        f"""
        SELECT id, position, phone, values, variant, %(chunk)s::bigint, {_BANNED} FROM jobs_recipient AS recipient
        WHERE job_id = %(job)s AND position >= %(start)s AND position < %(end)s
          AND state = 'queued' AND due_at IS NULL
        ORDER BY position
        """,  # noqa: S608 - constants
        {"job": job_id, "account": account_id, "chunk": chunk_id, "start": start, "end": end},
    )
    return list(starmap(Waiting, cursor.fetchall()))


def read_retries(cursor: Cursor, job_id: int, account_id: int, limit: int) -> list[Waiting]:
    cursor.execute(
        f"""
        SELECT id, position, phone, values, variant, NULL, {_BANNED} FROM jobs_recipient AS recipient
        WHERE job_id = %(job)s AND due_at <= clock_timestamp() AND state = 'queued'
        ORDER BY due_at LIMIT %(limit)s
        """,  # noqa: S608 - constants
        {"job": job_id, "account": account_id, "limit": limit},
    )
    return list(starmap(Waiting, cursor.fetchall()))
