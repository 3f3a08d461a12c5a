"""WhatsApp's time-lock: it refuses, after the gateway took it, whatever a device writes to people who never wrote to
it (463, of which the gateway tells ERROR and no more). From then on that device writes only to those who did.

It is known by TIME_LOCK_ERRORS refusals of messages to strangers in a row, with nothing delivered to a stranger
between, each within COUNTS_FOR of the one before. It lasts TIME_LOCK_HOURS, or until when the gateway says where it can
(`Gateway.limits`). `Device.only_known_until` is what the engine obeys; an Incident is what people are told of.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from devices.gateway.base import DeviceUnavailable
from devices.gateway.registry import gateway_for
from devices.health import correspondents
from devices.models import Acknowledgement, Device, Incident

log = structlog.get_logger(__name__)

Cursor = Any

TIME_LOCK: Final = "time_lock"
COUNTS_FOR: Final = timedelta(hours=1)
ASK_SECONDS: Final = 5.0


class Told(NamedTuple):
    """What a receipt told, for the first time, of a message that a device sent."""

    device_id: int
    phone: str  # "+" and digits
    is_refused: bool  # else it was delivered
    sent_at: datetime | None = None


class TimeLock(NamedTuple):
    """From when until when a device writes only to people who wrote to it."""

    began_at: datetime
    until: datetime


def of(device: Device, now: datetime) -> TimeLock | None:
    """The device's time-lock; None where it has none."""
    until = device.only_known_until
    if until is None or until <= now:
        return None
    began = Incident.objects.filter(device=device, reason=TIME_LOCK, over_at=None).values_list("began_at", flat=True)
    return TimeLock(began.last() or now, until)


def note(cursor: Cursor, told: Sequence[Told]) -> list[int]:
    """Count refusals, in the caller's transaction, after `acknowledgements.heard`; return which devices are locked now.

    `told` is in the order in which it came. Where nobody was refused lately it is one look at each device's row.
    """
    if not settings.TIME_LOCK_ERRORS or not told:
        return []
    cursor.execute(
        """
        SELECT device_id, CASE WHEN refused_at > clock_timestamp() - %s THEN refusals ELSE 0 END
        FROM devices_acknowledgement
        WHERE device_id = ANY(%s::bigint[]) AND (refusals > 0 OR device_id = ANY(%s::bigint[]))
        ORDER BY device_id FOR NO KEY UPDATE
        """,
        (COUNTS_FOR, list({one.device_id for one in told}), list({one.device_id for one in told if one.is_refused})),
    )
    counts: dict[int, int] = dict(cursor.fetchall())
    if not counts:
        return []
    concerned = [one for one in told if one.device_id in counts]
    known = correspondents.known(cursor, {(one.device_id, one.phone) for one in concerned})
    before, reached = dict(counts), set()
    for one in concerned:
        if (one.device_id, one.phone) in known:
            continue  # says nothing of strangers
        counts[one.device_id] = counts[one.device_id] + 1 if one.is_refused else 0
        if counts[one.device_id] >= settings.TIME_LOCK_ERRORS:
            reached.add(one.device_id)
    changed = [device_id for device_id in counts if counts[device_id] != before[device_id]]
    cursor.execute(
        """
        UPDATE devices_acknowledgement AS known
        SET refusals = given.refusals, refused_at = CASE WHEN given.refusals > 0 THEN clock_timestamp() END
        FROM unnest(%s::bigint[], %s::int[]) AS given (device_id, refusals) WHERE known.device_id = given.device_id
        """,
        (changed, [min(counts[device_id], settings.TIME_LOCK_ERRORS) for device_id in changed]),
    )
    return _begin(cursor, sorted(reached))


def _begin(cursor: Cursor, device_ids: list[int]) -> list[int]:
    """Those that are locked already go on as they are: what was under way then is refused, too."""
    if not device_ids:
        return []
    cursor.execute(
        """
        WITH locked AS (
            UPDATE devices_device SET only_known_until = clock_timestamp() + %(hours)s * interval '1 hour'
            WHERE id IN (
                SELECT id FROM devices_device
                WHERE id = ANY(%(devices)s::bigint[]) AND deleted_at IS NULL
                  AND coalesce(only_known_until <= clock_timestamp(), true)
                ORDER BY id FOR NO KEY UPDATE
            )
            RETURNING id
        ), begun AS (
            INSERT INTO devices_incident (device_id, reason)
            SELECT id, %(reason)s FROM locked WHERE NOT EXISTS (
                SELECT FROM devices_incident WHERE device_id = locked.id AND reason = %(reason)s AND over_at IS NULL
            )
        )
        SELECT id FROM locked ORDER BY id
        """,
        {"hours": settings.TIME_LOCK_HOURS, "devices": device_ids, "reason": TIME_LOCK},
    )
    locked = [device_id for (device_id,) in cursor.fetchall()]
    if locked:
        log.warning("devices locked for strangers", devices=locked)
    return locked


def ask(device_ids: Collection[int]) -> None:
    """Ask the gateways of devices just locked until when they are, those that can tell. Not inside a transaction."""
    for device in Device.unscoped.filter(pk__in=device_ids):
        try:
            limits = gateway_for(device).limits
        except DeviceUnavailable:
            continue
        until = limits.only_known_until(ASK_SECONDS) if limits is not None else None
        if until is not None:
            Device.unscoped.filter(pk=device.pk, only_known_until__isnull=False).update(only_known_until=until)


def end_due() -> list[int]:
    """End those whose time is over; return which devices. Each is as any other again."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE devices_device SET only_known_until = NULL WHERE id IN (
                SELECT id FROM devices_device
                WHERE only_known_until <= statement_timestamp() ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
            )
            RETURNING id
            """
        )
        over = [device_id for (device_id,) in cursor.fetchall()]
        if over:
            _over(over)
    return over


def forget(device: Device) -> None:
    """Another number from here on: whom this one knew and what it was refused is not its own.

    In the transaction that changes it.
    """
    correspondents.forget([device.pk])
    Acknowledgement.objects.filter(device=device).update(refusals=0, refused_at=None)
    if Device.unscoped.filter(pk=device.pk, only_known_until__isnull=False).update(only_known_until=None):
        _over([device.pk])


def _over(device_ids: Collection[int]) -> None:
    Incident.objects.filter(device__in=device_ids, reason=TIME_LOCK, over_at=None).update(over_at=Now())
    Acknowledgement.objects.filter(device__in=device_ids).update(refusals=0, refused_at=None)
