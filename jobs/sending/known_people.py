"""Whom a device writes to that may write only to people who wrote to it: they are looked for in its jobs.

Such a device takes no chunk. It walks along a job's positions, a stretch at a time, and whoever it knows is given a due
time, as those have who are tried again: they stand outside the chunks, and who dies with them leaves them to be found.
All others stay where they are, for other devices, or until it may write to them. When it has been through, it walks
again after a rest, for people may have written meanwhile.
"""

from itertools import starmap
from typing import Any, Final

from devices.health.correspondents import wrote_to
from jobs.sending.chunks import BANNED, Waiting

Cursor = Any

STRETCH: Final = 20_000  # positions looked at in one go
# To walk takes no more than a twentieth of the time. Longer than a device is taken before its slot.
REST_FACTOR: Final = 20.0
SHORTEST_REST_SECONDS: Final = 15.0
LONGEST_REST_SECONDS: Final = 300.0


def find(
    cursor: Cursor, device_id: int, job_id: int, account_id: int | None, first: int, end: int, number: int
) -> list[Waiting]:
    """Up to so many people whom the device knows and who wait from position `first` to before `end`, in order.

    A transaction of its own: recipients are locked before jobs.
    """
    cursor.execute(
        f"""
        WITH found AS MATERIALIZED (
            SELECT id FROM jobs_recipient AS recipient
            WHERE job_id = %(job)s AND position >= %(first)s AND position < %(end)s AND state = 'queued'
                AND coalesce(due_at <= statement_timestamp(), true) AND {wrote_to("%(device)s", "recipient.phone")}
            ORDER BY position LIMIT %(number)s FOR NO KEY UPDATE SKIP LOCKED
        ), recipient AS (
            UPDATE jobs_recipient AS recipient SET due_at = coalesce(due_at, statement_timestamp())
            FROM found WHERE recipient.id = found.id
            RETURNING recipient.id, position, phone, values, variant
        )
        SELECT recipient.*, NULL, {BANNED} FROM recipient ORDER BY position
        """,  # noqa: S608 - constants
        {
            "job": job_id,
            "account": account_id,
            "device": device_id,
            "first": first,
            "end": end,
            "number": number,
        },
    )
    return list(starmap(Waiting, cursor.fetchall()))
