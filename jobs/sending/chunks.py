"""Chunks: ranges of a job's positions, which a device takes, reads and sends; and the retries that are due.

Chunks are taken by moving the job's cursor, for many devices at once; a chunk's row is what a successor finds if its
taker dies. All of it runs in the caller's transaction, under the devices' leases.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import starmap
from typing import Any, NamedTuple

from devices.phone_numbers import key_sql
from jobs.rules.binding import Limits
from jobs.states import CanaryState

Cursor = Any


# Of a `job`: how far its cursor may go.
REACH = f"least(job.total, CASE WHEN job.canary_state = '{CanaryState.UNDER_WAY}' THEN job.canary_end END)"


class Waiting(NamedTuple):
    """A recipient read from its row, not yet claimed."""

    recipient_id: int
    position: int
    phone: str
    values: list[str]
    variant: int | None
    chunk_id: int | None
    is_banned: bool  # the account must not write to this number (any more)
    is_stranger: bool = False  # never wrote to the device that has read it, and it may write to so many only
    is_excluded: bool = False  # named by an exclusion list that its job heeds
    limits: Limits | None = None  # how often they may be written to, as of when they were read
    is_over: bool = False  # was written to as often, by then


class Want(NamedTuple):
    """How much a device would take: up to `size` positions, towards a job's end fewer, but `least`."""

    device_id: int
    size: int
    least: int


class Chunk(NamedTuple):
    """A range of positions, `end` excluded, that is a device's now."""

    chunk_id: int
    device_id: int
    start: int
    end: int


# Whose list of numbers a job heeds: its account's; nobody's where it confirms that somebody is on it.
LISTS_OF = "CASE WHEN job.purpose <> 'confirmation' THEN job.account_id END"
# Asked when they are read, and not only at the start: a job runs for days, and people say no meanwhile.
BANNED = f"""EXISTS (
    SELECT FROM jobs_suppression AS suppression
    WHERE suppression.account_id = %(account)s AND suppression.phone_key = {key_sql("recipient.phone")}
)"""


def take(cursor: Cursor, job_id: int, wants: Sequence[Want]) -> list[Chunk]:
    """Take for each device of what was given back, else of the job's next positions; the last may get nothing."""
    taken, cut = _take_given_back(cursor, job_id, deque(wants))
    cut += _advance(cursor, job_id, wants[len(taken) + len(cut) :])
    return taken + _insert(cursor, job_id, cut)


_Range = tuple[int, int, int]  # device id, start, end


def _take_given_back(cursor: Cursor, job_id: int, wants: deque[Want]) -> tuple[list[Chunk], list[_Range]]:
    """The chunks that are taken whole, and the ranges cut off from others."""
    cursor.execute(
        'SELECT id, "start", "end" FROM jobs_chunk WHERE job_id = %s AND device_id IS NULL'
        ' ORDER BY "start" LIMIT %s FOR UPDATE SKIP LOCKED',
        (job_id, len(wants)),
    )
    whole: list[tuple[int, int]] = []  # chunk id, device id
    cut: list[_Range] = []
    shortened: list[tuple[int, int]] = []  # chunk id, its new start
    for chunk_id, start, end in cursor.fetchall():
        rest = start
        while wants and end - rest > wants[0].size:
            want = wants.popleft()
            cut.append((want.device_id, rest, rest + want.size))
            rest += want.size
        if wants and rest == start:
            whole.append((chunk_id, wants.popleft().device_id))
        elif rest > start:
            shortened.append((chunk_id, rest))
    if shortened:
        cursor.execute(
            'UPDATE jobs_chunk AS chunk SET "start" = given.first FROM unnest(%s::bigint[], %s::int[])'
            " AS given (id, first) WHERE chunk.id = given.id",
            _columns(shortened),
        )
    if not whole:
        return [], cut
    # By a new id: late answers of its last taker, who may be this very process, name the old one.
    cursor.execute(
        """
        UPDATE jobs_chunk AS chunk
        SET device_id = given.device_id, id = nextval(pg_get_serial_sequence('jobs_chunk', 'id'))
        FROM unnest(%s::bigint[], %s::bigint[]) AS given (id, device_id) WHERE chunk.id = given.id
        RETURNING chunk.id, chunk.device_id, chunk."start", chunk."end"
        """,
        _columns(whole),
    )
    return list(starmap(Chunk, cursor.fetchall())), cut


def _advance(cursor: Cursor, job_id: int, wants: Sequence[Want]) -> list[_Range]:
    """Move the job's cursor; return the ranges it has passed."""
    if not wants:
        return []
    cursor.execute(
        f"""
        SELECT next_position, {REACH}, canary_state = '{CanaryState.UNDER_WAY}',
            (SELECT count(*) FROM jobs_jobdevice WHERE job_id = %(job)s)
        FROM jobs_job AS job WHERE id = %(job)s AND status = 'processing' AND next_position < {REACH}
        FOR NO KEY UPDATE
        """,  # noqa: S608 - constants
        {"job": job_id},
    )
    if (row := cursor.fetchone()) is None:
        return []
    position, reach, is_canary, devices = row
    ranges: list[_Range] = []
    for want in wants:
        # Towards the end smaller ones, so that all its devices are through at about the same time.
        # A canary is for each of them to show how it does, however fast one is.
        fair = max(1 if is_canary else want.least, (reach - position) // max(1, 2 * (devices - 1)))
        if (end := min(reach, position + min(want.size, fair))) == position:
            break
        ranges.append((want.device_id, position, end))
        position = end
    cursor.execute("UPDATE jobs_job SET next_position = %s WHERE id = %s", (position, job_id))
    return ranges


def _insert(cursor: Cursor, job_id: int, ranges: Sequence[_Range]) -> list[Chunk]:
    if not ranges:
        return []
    cursor.execute(
        """
        INSERT INTO jobs_chunk (job_id, device_id, "start", "end")
        SELECT %s, given.* FROM unnest(%s::bigint[], %s::int[], %s::int[]) AS given
        RETURNING id, device_id, "start", "end"
        """,
        (job_id, *_columns(ranges)),
    )
    return list(starmap(Chunk, cursor.fetchall()))


def read(cursor: Cursor, job_id: int, account_id: int | None, chunks: Sequence[Chunk]) -> list[Waiting]:
    """Who waits in these chunks, in order."""
    cursor.execute(
        f"""
        SELECT recipient.id, position, phone, values, variant, chunk.id, {BANNED}
        FROM unnest(%(chunks)s::bigint[], %(starts)s::int[], %(ends)s::int[]) AS chunk (id, first, last)
            -- By the index, a range at a time: where many are short the planner would rather read the whole table.
            CROSS JOIN LATERAL (
                SELECT * FROM jobs_recipient AS recipient
                WHERE job_id = %(job)s AND position >= chunk.first AND position < chunk.last
                    AND state = 'queued' AND due_at IS NULL
                ORDER BY position LIMIT chunk.last - chunk.first
            ) AS recipient
        ORDER BY position
        """,  # noqa: S608 - constants
        {
            "job": job_id,
            "account": account_id,
            "chunks": [chunk.chunk_id for chunk in chunks],
            "starts": [chunk.start for chunk in chunks],
            "ends": [chunk.end for chunk in chunks],
        },
    )
    return list(starmap(Waiting, cursor.fetchall()))


def read_retries(cursor: Cursor, job_id: int, account_id: int | None, limit: int) -> list[Waiting]:
    """Who is to be tried again by now, the longest due first."""
    cursor.execute(
        f"""
        SELECT id, position, phone, values, variant, NULL, {BANNED} FROM jobs_recipient AS recipient
        WHERE job_id = %(job)s AND due_at <= statement_timestamp() AND state = 'queued'
        ORDER BY due_at LIMIT %(limit)s
        """,  # noqa: S608 - constants
        {"job": job_id, "account": account_id, "limit": limit},
    )
    return list(starmap(Waiting, cursor.fetchall()))


def _columns(rows: Iterable[tuple[int, ...]]) -> list[list[int]]:
    return [list(column) for column in zip(*rows, strict=True)]
