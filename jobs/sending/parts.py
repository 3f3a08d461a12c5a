"""What became of the parts of a job: of those written to through one device, with one variant of its message.

What receipts say is counted as it comes, by `receipts.counting`. How many there were, and were sent to, is counted from
the rows when the job ends, as its results are: while it is being sent each exchange would write a row more for each
device. Later receipts move it along.

A part is locked after its job, always.
"""

from collections.abc import Mapping
from operator import add
from typing import Any, NamedTuple

from jobs.states import RECIPIENT_SENT, RecipientState, sql_list

Cursor = Any

NOBODY = 0  # the device of those whom nobody tried
# Counted as failed here; who is suppressed is in no part, and the rest of those who ended is unknown.
FAILED = frozenset({RecipientState.FAILED, RecipientState.CANCELLED})


class Part(NamedTuple):
    """Which: a recipient's own columns, without nulls."""

    job_id: int
    device_id: int
    variant: int


def settle(cursor: Cursor, job_id: int) -> None:
    """Count from the rows how many each part has, in a job whose row is locked and that ends now, or has ended."""
    # Read first, and written then: a statement that writes is not shared out among several processes of PostgreSQL.
    cursor.execute(
        f"""
        SELECT device_id, variant, count(*), count(*) FILTER (WHERE state IN ({sql_list(RECIPIENT_SENT)})),
               count(*) FILTER (WHERE state IN ({sql_list(FAILED)}))
        FROM jobs_recipient WHERE job_id = %s AND state <> '{RecipientState.SUPPRESSED}' GROUP BY device_id, variant
        """,  # noqa: S608 - constants
        (job_id,),
    )
    counted: dict[tuple[int, int], list[int]] = {}
    for device_id, variant, *counts in cursor.fetchall():
        part = (device_id or NOBODY, variant or 0)
        counted[part] = list(map(add, counted.get(part, (0, 0, 0)), counts))
    cursor.execute("UPDATE jobs_jobpart SET total = 0, sent = 0, failed = 0 WHERE job_id = %s", (job_id,))
    rows = [(*part, *counts) for part, counts in sorted(counted.items())]
    cursor.execute(
        """
        INSERT INTO jobs_jobpart (job_id, device_id, variant, total, sent, failed)
        SELECT %s, given.* FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::int[], %s::int[]) AS given
        ON CONFLICT (job_id, device_id, variant)
        DO UPDATE SET total = excluded.total, sent = excluded.sent, failed = excluded.failed
        """,
        [job_id, *([list(column) for column in zip(*rows, strict=True)] or [[]] * 5)],
    )


def forget_refusals(cursor: Cursor, refused: Mapping[Part, int]) -> None:
    """So many of these parts, in jobs whose rows are locked, are refused no longer."""
    cursor.execute(
        """
        UPDATE jobs_jobpart AS part SET failed_after = part.failed_after - given.number
        FROM unnest(%s::bigint[], %s::bigint[], %s::int[], %s::int[]) AS given (job_id, device_id, variant, number)
        WHERE part.job_id = given.job_id AND part.device_id = given.device_id AND part.variant = given.variant
        """,
        [
            [part.job_id for part in refused],
            [part.device_id for part in refused],
            [part.variant for part in refused],
            list(refused.values()),
        ],
    )
