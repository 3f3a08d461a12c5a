"""Who sends: a row for each process that does, as alive as its database session.

All leases of a runner stand and fall with its row. To renew them all is to renew one row; to take over from a dead
runner is to delete that row first, which fences it off from everything it held.

Every time is the database's own clock. `cursor` is a plain psycopg cursor inside a transaction of the caller's. Lock
order: runners before lanes.
"""

from typing import Any, Final

from devices.lane.pacing import MARGIN

Cursor = Any

# What the database tells runners by: a device was changed, a job has work (triggers of the tables themselves).
CHANNEL: Final = "runners"

# Its lease ran out, or its database session is gone: it is dead, or cut off. So a killed worker's devices wait
# seconds, not LEASE_SECONDS.
_DEAD = """(
    runner.expires_at < clock_timestamp() OR NOT EXISTS (
        SELECT FROM pg_stat_activity AS session
        WHERE session.pid = runner.session_pid
          AND coalesce(session.backend_start = runner.session_started_at, true)
    )
)"""


def register(cursor: Cursor, name: str, lease_seconds: float) -> int:
    """Add a runner that lives as long as this session; return its id. `name` says to people where it runs."""
    cursor.execute(
        """
        INSERT INTO devices_runner (name, session_pid, session_started_at, expires_at)
        SELECT %s, me.pid, me.backend_start, clock_timestamp() + %s * interval '1 second'
        FROM pg_stat_activity AS me WHERE me.pid = pg_backend_pid()
        RETURNING id
        """,
        (name, lease_seconds),
    )
    return int(cursor.fetchone()[0])


def move_here(cursor: Cursor, runner_id: int) -> None:
    """Have a runner live as long as this session, after the one it had was lost; nothing where it is dead already."""
    cursor.execute(
        """
        UPDATE devices_runner SET session_pid = me.pid, session_started_at = me.backend_start
        FROM pg_stat_activity AS me WHERE me.pid = pg_backend_pid() AND id = %s
        """,
        (runner_id,),
    )


def hold(cursor: Cursor, runner_id: int, lease_seconds: float) -> bool:
    """Renew all of a runner's leases, and lock them until the transaction ends; False where it counts as dead."""
    cursor.execute(
        "UPDATE devices_runner SET expires_at = clock_timestamp() + %s * interval '1 second' WHERE id = %s",
        (lease_seconds, runner_id),
    )
    return bool(cursor.rowcount)


def leave(cursor: Cursor, runner_id: int) -> None:
    """Take a runner that holds no lease off the list. One that does is buried, when its session ends."""
    cursor.execute(
        "DELETE FROM devices_runner WHERE id = %s AND NOT EXISTS (SELECT FROM devices_lane WHERE runner_id = %s)",
        (runner_id, runner_id),
    )


def count(cursor: Cursor) -> tuple[int, int]:
    """How many runners there are, and how many devices they hold together."""
    cursor.execute("SELECT (SELECT count(*) FROM devices_runner), count(runner_id) FROM devices_lane")
    runners, held = cursor.fetchone()
    return runners, held


def bury(cursor: Cursor) -> list[int]:
    """Strike the dead off the list and set free the devices they held; return those devices' ids.

    Nobody knows when such a device sent last: it rests as long as its pace asks between two messages. The caller
    must settle what was in flight in the same transaction.
    """
    cursor.execute(f"DELETE FROM devices_runner AS runner WHERE {_DEAD} RETURNING id")  # noqa: S608 - a constant
    dead = [runner_id for (runner_id,) in cursor.fetchall()]
    if not dead:
        return []
    # A statement of its own: it sees what the dead had committed until just now.
    cursor.execute(
        """
        WITH left_behind AS (
            SELECT device_id FROM devices_lane WHERE runner_id = ANY(%(dead)s) ORDER BY device_id FOR NO KEY UPDATE
        )
        UPDATE devices_lane AS lane
        SET runner_id = NULL, next_slot_at = greatest(lane.next_slot_at, clock_timestamp() + coalesce(
            60.0 * %(margin)s / device.messages_per_minute * (1 + device.jitter_percent / 100.0), 0
        ) * interval '1 second')
        FROM left_behind JOIN devices_device AS device ON device.id = left_behind.device_id
        WHERE lane.device_id = left_behind.device_id
        RETURNING lane.device_id
        """,
        {"dead": dead, "margin": MARGIN},
    )
    return [device_id for (device_id,) in cursor.fetchall()]


def listen(cursor: Cursor) -> None:
    """Have this session told of changes, through CHANNEL."""
    cursor.execute(f"LISTEN {CHANNEL}")


def tell(cursor: Cursor) -> None:
    """Tell all runners to look around."""
    cursor.execute(f"NOTIFY {CHANNEL}")
