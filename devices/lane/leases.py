"""Who may send through a device: one runner at a time, under a lease with a fencing token.

A lease lasts as long as its runner (`runners`), unless it is given back. Every time is the database's own clock.
`cursor` is a plain psycopg cursor inside a transaction of the caller's, who holds the runner.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

Cursor = Any

# `DeviceQuerySet.available`, as the engine's own statements say it.
USABLE = "device.enabled AND device.deleted_at IS NULL AND device.status NOT IN ('disconnected', 'blocked')"

# It may write only to people who wrote to it: see `health.timelock`.
LOCKED = "coalesce(device.only_known_until > clock_timestamp(), false)"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send through a device. `slot_in_seconds`: when the next message may go, from now."""

    device_id: int
    token: int
    slot_in_seconds: float
    today: date  # UTC
    sent_today: int
    seconds_to_midnight: float


def take(cursor: Cursor, device_ids: Iterable[int], runner_id: int) -> list[Lease]:
    """Take the lease of each device that nobody holds. The token rises, which fences off whoever held it before."""
    cursor.execute(
        """
        INSERT INTO devices_lane AS lane (device_id, token, runner_id)
        SELECT id, 1, %(runner)s FROM unnest(%(ids)s::bigint[]) AS id
        ORDER BY id
        ON CONFLICT (device_id) DO UPDATE
            SET token = lane.token + 1, runner_id = excluded.runner_id WHERE lane.runner_id IS NULL
        RETURNING lane.device_id, lane.token,
                  greatest(0, extract(epoch FROM lane.next_slot_at - clock_timestamp()))::float8,
                  (clock_timestamp() AT TIME ZONE 'UTC')::date,
                  CASE WHEN lane.day = (clock_timestamp() AT TIME ZONE 'UTC')::date THEN lane.day_count ELSE 0 END,
                  extract(epoch FROM date_trunc('day', clock_timestamp(), 'UTC') + interval '1 day'
                                     - clock_timestamp())::float8
        """,
        {"ids": sorted(device_ids), "runner": runner_id},
    )
    return [
        Lease(device_id, token, slot or 0.0, today, sent_today, to_midnight)
        for device_id, token, slot, today, sent_today, to_midnight in cursor.fetchall()
    ]


def held(cursor: Cursor, leases: Iterable[tuple[int, int]], runner_id: int) -> set[int]:
    """Which of these leases, (device id, token) each, this runner still has: their devices' ids."""
    rows = list(leases)
    cursor.execute(
        """
        SELECT given.device_id FROM unnest(%s::bigint[], %s::bigint[]) AS given (device_id, token)
        WHERE (SELECT lane.token = given.token AND lane.runner_id = %s
               FROM devices_lane AS lane WHERE lane.device_id = given.device_id)
        """,
        ([row[0] for row in rows], [row[1] for row in rows], runner_id),
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


def count_strangers(cursor: Cursor, begun: Mapping[int, tuple[date, int]]) -> None:
    """Likewise for those of them to people who never wrote to the device: by device id, today by its own clock, and how
    many."""
    cursor.execute(
        """
        UPDATE devices_lane AS lane
        SET strangers_day = begun.day, strangers_count = greatest(
            0, begun.number + CASE WHEN lane.strangers_day = begun.day THEN lane.strangers_count ELSE 0 END
        )
        FROM unnest(%s::bigint[], %s::date[], %s::int[]) AS begun (device_id, day, number)
        WHERE lane.device_id = begun.device_id
        """,
        (list(begun), [day for day, _ in begun.values()], [number for _, number in begun.values()]),
    )


def release(cursor: Cursor, leases: Iterable[tuple[int, int]], runner_id: int) -> None:
    """Give leases back, as (device id, token), for the next runner to take at once; lost ones are left alone."""
    rows = sorted(leases)
    cursor.execute(
        """
        UPDATE devices_lane AS lane SET runner_id = NULL
        FROM unnest(%(lanes)s::bigint[], %(tokens)s::bigint[]) AS given (device_id, token)
            JOIN (
                SELECT device_id FROM devices_lane WHERE device_id = ANY(%(lanes)s::bigint[])
                ORDER BY device_id FOR NO KEY UPDATE
            ) AS locked USING (device_id)
        WHERE lane.device_id = given.device_id AND lane.token = given.token AND lane.runner_id = %(runner)s
        """,
        {"lanes": [row[0] for row in rows], "tokens": [row[1] for row in rows], "runner": runner_id},
    )
