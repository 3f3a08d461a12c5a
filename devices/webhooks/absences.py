"""When what gateways told may have been lost: nobody stood at the door, a webhook was broken, a device was away.

A gateway tries again for some twenty minutes, forgets all of it when it restarts, and never tries again what a proxy
answered for us with 404. So each of these leaves a mark, and what was missed is read from the gateway's own store
(`catching_up`).
"""

import asyncio
from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final

import structlog
from channels.db import database_sync_to_async
from django.db import Error, connection, transaction

from devices.models import CatchUp, Device

log = structlog.get_logger(__name__)

Cursor = Any

BEAT_SECONDS: Final = 10.0
# A shorter absence the gateway's next tries outlast.
GONE_FOR: Final = timedelta(seconds=60)
# Outages are looked for so far back; which of them are caught up with, the rows know.
LOOK_BACK: Final = timedelta(days=1)


class Doorkeeper:
    """The server's own time (ASGI's `lifespan`): while it serves, the door is known to be open."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        beating: asyncio.Task[None] | None = None
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                beating = asyncio.create_task(_beat())
                await send({"type": "lifespan.startup.complete"})
            else:
                if beating is not None:
                    beating.cancel()
                await send({"type": "lifespan.shutdown.complete"})
                return


async def _beat() -> None:
    note = database_sync_to_async(stand_at_the_door, thread_sensitive=False)
    while True:
        try:
            await note()
        except Error:
            log.warning("not noted that the door is open", exc_info=True)  # nor can anything be kept meanwhile
        await asyncio.sleep(BEAT_SECONDS)


def stand_at_the_door() -> int:
    """Note that the door is open; return for how many devices something may have been lost while none was."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO devices_presence (id, open_at) VALUES (1, clock_timestamp()) ON CONFLICT DO NOTHING
            """
        )
        cursor.execute(
            """
            WITH before AS MATERIALIZED (SELECT open_at FROM devices_presence WHERE id = 1 FOR NO KEY UPDATE)
            UPDATE devices_presence AS presence SET open_at = clock_timestamp() FROM before WHERE presence.id = 1
            RETURNING before.open_at, before.open_at < clock_timestamp() - %s * interval '1 second'
            """,
            (GONE_FOR.total_seconds(),),
        )
        since, was_away = cursor.fetchone()
        if not was_away:
            return 0
        marked = _mark(
            cursor, "SELECT device_id, %s::timestamptz AS since FROM devices_webhook WHERE set_at IS NOT NULL", (since,)
        )
    log.info("nobody stood at the door", since=since.isoformat(), devices=marked)
    return marked


def note_broken(device: Device) -> None:
    """Note that a device's webhook does not stand, or did not until now: since it was last heard."""
    with connection.cursor() as cursor:
        _mark(
            cursor,
            """
            SELECT device_id, coalesce(heard_at, set_at) AS since FROM devices_webhook
            WHERE device_id = %s AND coalesce(heard_at, set_at) IS NOT NULL
            """,
            (device.pk,),
        )


def note_outages() -> int:
    """Note which devices came back lately that were away for longer, or were closed; return how many."""
    with connection.cursor() as cursor:
        return _mark(
            cursor,
            """
            SELECT outage.device_id, min(outage.began_at) AS since
            FROM devices_outage AS outage JOIN devices_webhook AS webhook ON webhook.device_id = outage.device_id
                LEFT JOIN devices_catchup AS known ON known.device_id = outage.device_id
            WHERE outage.over_at > clock_timestamp() - %s * interval '1 second' AND webhook.heard_at IS NOT NULL
              AND (outage.reason = 'instance_closed' OR outage.over_at - outage.began_at >= %s * interval '1 second')
              AND NOT coalesce(known.began_at >= outage.over_at, known.missed_since <= outage.began_at, false)
            GROUP BY outage.device_id
            """,
            (LOOK_BACK.total_seconds(), GONE_FOR.total_seconds()),
        )


def forget(device_ids: Collection[int]) -> None:
    """Other numbers from here on: what was missed was not theirs."""
    CatchUp.objects.filter(device__in=device_ids).delete()


def _mark(cursor: Cursor, devices: str, parameters: tuple[Any, ...]) -> int:
    """Have the stores of these devices, (device_id, since) by SQL, read from the beginning; return how many."""
    cursor.execute(
        f"""
        INSERT INTO devices_catchup AS known (device_id, missed_since, looks_in_vain, problem)
        SELECT marked.device_id, marked.since, 0, '' FROM ({devices}) AS marked
            JOIN devices_device AS device ON device.id = marked.device_id AND device.deleted_at IS NULL
        ORDER BY marked.device_id
        ON CONFLICT (device_id) DO UPDATE
        SET missed_since = least(known.missed_since, excluded.missed_since), began_at = NULL, read_back_to = NULL,
            look_at = NULL, looks_in_vain = 0, problem = ''
        """,  # noqa: S608 - constants
        parameters,
    )
    return int(cursor.rowcount)
