"""Who may send through a device: one lane runner at a time, under a lease with a fencing token.

Every time is the database's own clock. `cursor` is a plain psycopg cursor inside a transaction of the caller's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

Cursor = Any

# A lease is free for the taking when nobody holds it, when it ran out, or when the database session of its
# holder is gone: that one is dead, or cut off and fenced. So a killed worker's devices wait seconds, not LEASE_SECONDS.
FREE = """(
    lane.holder = '' OR lane.expires_at < clock_timestamp() OR NOT EXISTS (
        SELECT FROM pg_stat_activity AS session
        WHERE session.pid = lane.session_pid
          AND coalesce(session.backend_start = lane.session_started_at, true)
    )
)"""


# `DeviceQuerySet.available`, as the engine's own statements say it.
USABLE = "device.enabled AND device.deleted_at IS NULL AND device.status NOT IN ('disconnected', 'blocked')"

# Lanes to be updated, locked by rising id as `take` locks them. An UPDATE alone takes its rows as they come, and two
# sessions that meet in another order would wait for each other.
IN_ORDER = """(
    SELECT device_id FROM devices_lane WHERE device_id = ANY(%(lanes)s::bigint[]) ORDER BY device_id FOR NO KEY UPDATE
)"""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send through a device. `slot_in_seconds`: when the next message may go, from now."""

    device_id: int
    token: int
    slot_in_seconds: float
    today: date  # UTC
    sent_today: int
    seconds_to_midnight: float


def take(cursor: Cursor, device_ids: Iterable[int], holder: str, lease_seconds: float) -> list[Lease]:
    """Take the lease of each device that is free.

    The token rises, which fences off whoever held it before. The caller must settle what that one left
    before it sends anything.
    """
    cursor.execute(
        f"""
        INSERT INTO devices_lane AS lane (device_id, token, holder, session_pid, session_started_at, expires_at)
        SELECT id, 1, %(holder)s, me.pid, me.backend_start, clock_timestamp() + %(lease)s * interval '1 second'
        FROM unnest(%(ids)s::bigint[]) AS id, pg_stat_activity AS me
        WHERE me.pid = pg_backend_pid()
        ORDER BY id
        ON CONFLICT (device_id) DO UPDATE
            SET token = lane.token + 1, holder = excluded.holder, session_pid = excluded.session_pid,
                session_started_at = excluded.session_started_at, expires_at = excluded.expires_at
            WHERE {FREE}
        RETURNING lane.device_id, lane.token,
                  greatest(0, extract(epoch FROM lane.next_slot_at - clock_timestamp()))::float8,
                  (clock_timestamp() AT TIME ZONE 'UTC')::date,
                  CASE WHEN lane.day = (clock_timestamp() AT TIME ZONE 'UTC')::date THEN lane.day_count ELSE 0 END,
                  extract(epoch FROM date_trunc('day', clock_timestamp(), 'UTC') + interval '1 day'
                                     - clock_timestamp())::float8
        """,  # noqa: S608 - a constant
        {"ids": sorted(device_ids), "holder": holder, "lease": lease_seconds},
    )
    return [
        Lease(device_id, token, slot or 0.0, today, sent_today, to_midnight)
        for device_id, token, slot, today, sent_today, to_midnight in cursor.fetchall()
    ]


def renew(cursor: Cursor, held: Iterable[tuple[int, int, float]], lease_seconds: float) -> set[int]:
    """Renew leases given as (device id, token, seconds until the next slot); return the ids still held.

    Also locks those lanes until the transaction ends: nobody can take them over in between.
    """
    rows = sorted(held)
    cursor.execute(
        f"""
        UPDATE devices_lane AS lane
        SET expires_at = clock_timestamp() + %(lease)s * interval '1 second',
            next_slot_at = clock_timestamp() + held.slot * interval '1 second'
        FROM unnest(%(lanes)s::bigint[], %(tokens)s::bigint[], %(slots)s::float8[]) AS held (device_id, token, slot)
            JOIN {IN_ORDER} AS locked USING (device_id)
        WHERE lane.device_id = held.device_id AND lane.token = held.token
        RETURNING lane.device_id
        """,  # noqa: S608 - a constant
        {
            "lanes": [row[0] for row in rows],
            "tokens": [row[1] for row in rows],
            "slots": [row[2] for row in rows],
            "lease": lease_seconds,
        },
    )
    return {device_id for (device_id,) in cursor.fetchall()}


def count_today(cursor: Cursor, begun: Mapping[int, int]) -> None:
    """Add messages begun, by device id, to what their devices sent today; less than none for those that did not go out.

    The caller holds their leases.
    """
    cursor.execute(
        """
        UPDATE devices_lane AS lane
        SET day = today.day,
            day_count = greatest(0, begun.number + CASE WHEN lane.day = today.day THEN lane.day_count ELSE 0 END)
        FROM unnest(%s::bigint[], %s::int[]) AS begun (device_id, number),
             (SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date AS day) AS today
        WHERE lane.device_id = begun.device_id
        """,
        (list(begun), list(begun.values())),
    )


def release(cursor: Cursor, held: Iterable[tuple[int, int]]) -> None:
    """Give leases back, as (device id, token), for the next runner to take at once; lost ones are left alone."""
    rows = sorted(held)
    cursor.execute(
        f"""
        UPDATE devices_lane AS lane SET holder = '', expires_at = NULL
        FROM unnest(%(lanes)s::bigint[], %(tokens)s::bigint[]) AS held (device_id, token)
            JOIN {IN_ORDER} AS locked USING (device_id)
        WHERE lane.device_id = held.device_id AND lane.token = held.token
        """,  # noqa: S608 - a constant
        {"lanes": [row[0] for row in rows], "tokens": [row[1] for row in rows]},
    )
