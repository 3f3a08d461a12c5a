"""What gateways told and nobody has worked yet: two tables in turn, `devices_inbox_0` and `_1`.

Events are added to the open one. The closed one is worked in the order of its ids, each batch in the transaction that
also moves `worked_to`; then it is emptied by one TRUNCATE, and the two change places. Ids rise through both.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import OperationalError, connection, transaction

from devices.prepared import Prepared, numbers, texts

Cursor = Any

TURN: Final = "inbox"
# Somebody reads the whole database, for a backup: it is emptied when they are through.
LOCK_MILLISECONDS: Final = 200


class Event(NamedTuple):
    """One event as it was kept: JSON without its key."""

    id: int
    device_id: int
    provider: str
    received_at: datetime
    body: str


def keep(events: Sequence[tuple[int, str]]) -> None:
    """Add (device, body) to the inbox, all of them or none.

    The turn is locked before the first row has its id: what waits there while the tables change places must not come
    into the other with an id that is already passed. Nothing is added where there is no row to lock.
    """
    given = {
        "turn": TURN,
        "devices": numbers([device_id for device_id, _ in events]),
        "bodies": texts([body for _, body in events]),
    }
    if not _ADD.change(given) and events:
        with connection.cursor() as cursor:
            _ensure(cursor)
        _ADD.change(given)


# A hundred times a second, and from the door's one thread.
_ADD: Final = Prepared("""
    WITH turn AS MATERIALIZED (SELECT open FROM devices_turn WHERE name = %(turn)s FOR KEY SHARE)
    INSERT INTO devices_inbox (slot, device_id, body)
    SELECT turn.open, given.device_id, given.body
    FROM turn CROSS JOIN unnest(%(devices)s::bigint[], %(bodies)s::text[]) AS given (device_id, body)
""")


def take(cursor: Cursor, number: int) -> list[Event] | None:
    """Take up to so many events of the closed table, with the caller's transaction, at whose commit they are done with.

    None where another process is at it.
    """
    _ensure(cursor)
    cursor.execute("SELECT open, worked_to FROM devices_turn WHERE name = %s FOR NO KEY UPDATE SKIP LOCKED", (TURN,))
    turn = cursor.fetchone()
    if turn is None:
        return None
    is_open, worked_to = turn
    events = _read(cursor, 1 - is_open, worked_to, number)
    if events:
        cursor.execute("UPDATE devices_turn SET worked_to = %s WHERE name = %s", (events[-1].id, TURN))
    return events


def turn() -> bool:
    """Close the table that is written to, where it holds anything and all of the other is worked; False otherwise.

    Whoever was adding to it has committed then; what comes from here on is in the other.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        _ensure(cursor)
        cursor.execute("SELECT open, worked_to FROM devices_turn WHERE name = %s", (TURN,))
        is_open, worked_to = cursor.fetchone()
        if not _read(cursor, is_open, worked_to, 1):
            return False
        cursor.execute("SELECT open, worked_to FROM devices_turn WHERE name = %s FOR UPDATE", (TURN,))
        if cursor.fetchone() != (is_open, worked_to) or _read(cursor, 1 - is_open, worked_to, 1):
            return False  # another process was at it
        cursor.execute(
            "UPDATE devices_turn SET open = 1 - open, turned_at = clock_timestamp() WHERE name = %s", (TURN,)
        )
    return True


def _ensure(cursor: Cursor) -> None:
    """Have the turn's row, as the migration made it. Asked first: to insert it waits for whoever changes it."""
    cursor.execute("SELECT FROM devices_turn WHERE name = %s", (TURN,))
    if cursor.fetchone() is None:
        cursor.execute("INSERT INTO devices_turn (name) VALUES (%s) ON CONFLICT DO NOTHING", (TURN,))


def _read(cursor: Cursor, slot: int, worked_to: int, number: int) -> list[Event]:
    cursor.execute(
        """
        SELECT event.id, event.device_id, device.provider, event.received_at, event.body
        FROM (
            SELECT * FROM devices_inbox WHERE slot = %s AND id > %s ORDER BY id LIMIT %s
        ) AS event LEFT JOIN devices_device AS device ON device.id = event.device_id
        ORDER BY event.id
        """,
        (slot, worked_to, number),
    )
    return [Event(*row) for row in cursor.fetchall()]


def clear() -> None:
    """Empty the closed table, where all of it is worked. Not now, where somebody reads it: it costs only room."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 - open, worked_to FROM devices_turn WHERE name = %s FOR NO KEY UPDATE SKIP LOCKED", (TURN,)
            )
            turn = cursor.fetchone()
            if turn is None:
                return
            closed, worked_to = turn
            if _read(cursor, closed, worked_to, 1):
                return
            cursor.execute("SELECT EXISTS (SELECT FROM devices_inbox WHERE slot = %s)", (closed,))
            if cursor.fetchone()[0]:
                cursor.execute(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")
                cursor.execute(f"TRUNCATE devices_inbox_{int(closed)}")
    except OperationalError:
        return


# --- What is told of one person: `patterns` for LIKE, of a body's text ------------------------------------------


def holds_unworked(cursor: Cursor, device_ids: Sequence[int], patterns: Sequence[str]) -> bool:
    """Whether something that says one of these was told by these devices, and is not worked yet."""
    return _said(cursor, device_ids, patterns, is_worked=False) > 0


def forget_worked(cursor: Cursor, device_ids: Sequence[int], patterns: Sequence[str]) -> None:
    """Delete what says one of these and is worked: it would go with its table, where nobody was reading that."""
    _said(cursor, device_ids, patterns, is_worked=True)


def _said(cursor: Cursor, device_ids: Sequence[int], patterns: Sequence[str], *, is_worked: bool) -> int:
    does = "DELETE" if is_worked else "SELECT"
    cursor.execute(
        f"""
        {does} FROM devices_inbox
        WHERE device_id = ANY(%s) AND body LIKE ANY(%s)
          AND id {"<=" if is_worked else ">"} coalesce((SELECT worked_to FROM devices_turn WHERE name = %s), 0)
        """,  # noqa: S608 - constants
        (list(device_ids), list(patterns), TURN),
    )
    return int(cursor.rowcount)
