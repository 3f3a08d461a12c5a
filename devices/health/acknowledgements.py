"""The watch over devices whose gateway accepts messages of which nothing is ever heard: zombies, whose link is dead
while its state stays open.

Only devices whose receipts were heard once are watched (`devices_acknowledgement`): where no webhook works, silence
says nothing. A device is silent from when ACK_WATCHDOG_MESSAGES were accepted since its last receipt, whatever that
said; after ACK_WATCHDOG_MINUTES of it, it is taken out, for as long again and for twice as long each time that nothing
came of it. What it may send between is a trial: as many messages as make it silent, and no more until one of them is
heard of.

What is heard of one instance counts for that alone (`connects_to`). Who is out, for whatever reason, may have lost
what was to be told: the count begins anew.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from devices.health import breaker
from devices.lane.limits import INSTANCE
from devices.models import Acknowledgement, Incident, Webhook

log = structlog.get_logger(__name__)

Cursor = Any

NO_ACKNOWLEDGEMENT: Final = "no_acknowledgement"
LONGEST_OUT_MINUTES: Final = 240
# A gateway is behind where the newest it told of is so much older, for so long after it told of a newer one.
BEHIND_BY: Final = "30 seconds"
BEHIND_FOR: Final = "10 seconds"


class Accepted(NamedTuple):
    """Messages that a gateway accepted for one device; how many seconds ago the first and the last of them."""

    number: int
    first_ago: float
    last_ago: float


def accepted(by_device: Mapping[int, Accepted]) -> None:
    """Count what was accepted since the last time. One statement for however many devices.

    Where a receipt came since the first of these, nobody knows how many came after it: they are not counted.
    """
    rows = [(device_id, *what) for device_id, what in sorted(by_device.items())]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH locked AS MATERIALIZED (
                SELECT device_id FROM devices_acknowledgement WHERE device_id = ANY(%(devices)s::bigint[])
                ORDER BY device_id FOR NO KEY UPDATE
            )
            UPDATE devices_acknowledgement AS known
            SET unanswered = known.unanswered + given.number,
                silent_since = CASE WHEN known.unanswered + given.number >= %(enough)s THEN
                    coalesce(known.silent_since, clock_timestamp() - given.last_ago * interval '1 second') END
            FROM unnest(%(devices)s::bigint[], %(numbers)s::int[], %(firsts)s::float8[], %(lasts)s::float8[])
                AS given (device_id, number, first_ago, last_ago) JOIN locked USING (device_id)
            WHERE known.device_id = given.device_id
              AND known.heard_at < clock_timestamp() - given.first_ago * interval '1 second'
            """,
            {
                "devices": [row[0] for row in rows],
                "numbers": [row[1] for row in rows],
                "firsts": [row[2] for row in rows],
                "lasts": [row[3] for row in rows],
                "enough": settings.ACK_WATCHDOG_MESSAGES,
            },
        )


def may_be_missed_sql(device_id: str, sent_at: str) -> str:
    """Whether a message is to be heard of by now; given is SQL of its device's id and of when it was sent.

    Not where nothing was ever heard of the device, as the instance that it is now. Nor where its gateway is behind: it
    tells just now, one after another, of messages that were sent long before. After a job of a hundred thousand it may
    be so for minutes.
    """
    return f"""EXISTS (
        SELECT FROM devices_acknowledgement AS known JOIN devices_device AS device ON device.id = known.device_id
        WHERE known.device_id = {device_id} AND device.deleted_at IS NULL AND known.connects_to = {INSTANCE}
            AND NOT coalesce(known.told_at > clock_timestamp() - interval '{BEHIND_FOR}'
                AND known.told_of < {sent_at} - interval '{BEHIND_BY}', false)
    )"""


def heard(cursor: Cursor, at: Mapping[int, datetime]) -> None:
    """Note when receipts came of these devices' messages; in the caller's transaction.

    One that was out for its silence is asked how it is at once.
    """
    if not at:
        return
    ids = sorted(at)
    cursor.execute(
        """
        SELECT device_id FROM devices_acknowledgement WHERE device_id = ANY(%s::bigint[]) AND spells > 0
        ORDER BY device_id FOR NO KEY UPDATE
        """,
        (ids,),
    )
    well_again = [device_id for (device_id,) in cursor.fetchall()]
    cursor.execute(
        f"""
        INSERT INTO devices_acknowledgement AS known (device_id, connects_to, heard_at)
        SELECT device.id, {INSTANCE}, given.at
        FROM unnest(%s::bigint[], %s::timestamptz[]) AS given (device_id, at)
            JOIN devices_device AS device ON device.id = given.device_id AND device.deleted_at IS NULL
        ORDER BY device.id
        ON CONFLICT (device_id) DO UPDATE
        SET connects_to = excluded.connects_to, heard_at = greatest(known.heard_at, excluded.heard_at),
            unanswered = 0, silent_since = NULL, spells = 0, out_until = NULL
        """,  # noqa: S608 - a constant
        (ids, [at[device_id] for device_id in ids]),
    )
    if well_again:
        log.info("acknowledged again", devices=well_again)
        Incident.objects.filter(device__in=well_again, reason=NO_ACKNOWLEDGEMENT, over_at=None).update(over_at=Now())
        cursor.execute(
            """
            UPDATE devices_device SET next_check_at = clock_timestamp() WHERE id IN (
                SELECT id FROM devices_device WHERE id = ANY(%s::bigint[]) AND enabled AND status_reason = %s
                ORDER BY id FOR NO KEY UPDATE
            )
            """,
            (well_again, NO_ACKNOWLEDGEMENT),
        )


def told_of(cursor: Cursor, sent_at: Mapping[int, datetime]) -> None:
    """Note that these devices' gateways told of messages sent then, for the first time; after `heard`."""
    cursor.execute(
        """
        UPDATE devices_acknowledgement AS known SET told_of = given.sent_at, told_at = clock_timestamp()
        FROM unnest(%s::bigint[], %s::timestamptz[]) AS given (device_id, sent_at)
        WHERE known.device_id = given.device_id AND coalesce(known.told_of < given.sent_at, true)
        """,
        (list(sent_at), list(sent_at.values())),
    )


def watch() -> list[int]:
    """Take out the devices that were silent for too long; return which. To be called when all that came is worked."""
    if not settings.ACK_WATCHDOG_MINUTES:
        return []
    return [device_id for device_id in _silent() if _take_out(device_id)]


def try_again(device_id: int) -> None:
    """Let a device that is out for its silence have its next trial now: a person says so, or its link is a new one."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE devices_acknowledgement SET out_until = NULL, unanswered = 0, silent_since = NULL
            WHERE device_id = %s AND spells > 0
            """,
            (device_id,),
        )


def watch_no_more(device_id: int) -> None:
    """It is alive, as its gateway knows, and only what is told is lost: it is not watched until something arrives."""
    with transaction.atomic():
        Acknowledgement.objects.filter(device=device_id).delete()
        Incident.objects.filter(device=device_id, reason=NO_ACKNOWLEDGEMENT, over_at=None).update(over_at=Now())
        breaker.ask_now(device_id)


def _silent() -> list[int]:
    """Those that were silent for too long, and begin anew with those of whom nothing could be heard."""
    with connection.cursor() as cursor:
        # The index holds the few that have sent enough since they were heard of.
        cursor.execute(
            f"""
            WITH watched AS MATERIALIZED (
                SELECT known.device_id, known.silent_since, device.enabled AND device.deleted_at IS NULL
                    AND device.status = 'connected' AND known.connects_to = {INSTANCE} AS counts
                FROM devices_acknowledgement AS known JOIN devices_device AS device ON device.id = known.device_id
                WHERE known.silent_since IS NOT NULL
            ), anew AS (
                UPDATE devices_acknowledgement AS known SET unanswered = 0, silent_since = NULL
                FROM (
                    SELECT device_id FROM devices_acknowledgement
                    WHERE device_id IN (SELECT device_id FROM watched WHERE NOT counts)
                    ORDER BY device_id FOR NO KEY UPDATE
                ) AS locked
                WHERE known.device_id = locked.device_id
            )
            SELECT device_id FROM watched
            WHERE counts AND silent_since < clock_timestamp() - %s * interval '1 minute' ORDER BY device_id
            """,  # noqa: S608 - a constant
            (settings.ACK_WATCHDOG_MINUTES,),
        )
        return [device_id for (device_id,) in cursor.fetchall()]


def _take_out(device_id: int) -> bool:
    """False where it was heard of, or taken out, since we looked."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE devices_acknowledgement
            SET spells = spells + 1, unanswered = 0, silent_since = NULL, out_until = clock_timestamp()
                + least(%(minutes)s * power(2, least(spells, 10)), %(longest)s) * interval '1 minute'
            WHERE device_id = %(device)s AND silent_since < clock_timestamp() - %(minutes)s * interval '1 minute'
            RETURNING extract(epoch FROM out_until - clock_timestamp())::float8, spells
            """,
            {"minutes": settings.ACK_WATCHDOG_MINUTES, "longest": LONGEST_OUT_MINUTES, "device": device_id},
        )
        row = cursor.fetchone()
        if row is None or not breaker.take_out(device_id, NO_ACKNOWLEDGEMENT, timedelta(seconds=row[0])):
            transaction.set_rollback(True)
            return False
        # It may be its webhook that is broken, and not its link.
        Webhook.objects.filter(device=device_id).update(look_at=Now())
        if row[1] == 1:  # those after it are the same one still
            Incident.objects.create(device_id=device_id, reason=NO_ACKNOWLEDGEMENT)
    log.warning("device taken out", device=device_id, reason=NO_ACKNOWLEDGEMENT)
    return True
