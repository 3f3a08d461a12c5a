"""What each device did, day by day: written where the counts are at hand anyway, many devices at once.

By those who send, when they tell of what was accepted (each 30 s; what a killed one had not told is lost), and with
each batch of receipts, in its transaction. A day is one of the account's own clock.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final

from django.db import connection
from django.utils import timezone

from accounts.time_zones import known_zone
from devices.health.tally import Sent

Cursor = Any

KEPT_FOR: Final = timedelta(days=400)


@dataclass(slots=True)
class Ticks:
    """How the receipts of a device's messages change what is known of them."""

    delivered: int = 0
    read: int = 0
    refused: int = 0


@dataclass(slots=True)
class _Row:
    accepted: int = 0
    failed: int = 0
    delivered: int = 0
    read: int = 0
    refused: int = 0
    last_accepted_at: datetime | None = None
    last_failed_at: datetime | None = None
    failed_in_a_row: int = 0


class TicksByMoment:
    """Ticks of messages, by device and by when they went out, to the quarter of an hour: no clock differs by less."""

    def __init__(self) -> None:
        self.found: defaultdict[tuple[int, datetime], Ticks] = defaultdict(Ticks)

    def of(self, device_id: int, sent_at: datetime) -> Ticks:
        quarter = sent_at.replace(minute=sent_at.minute // 15 * 15, second=0, microsecond=0)
        return self.found[device_id, quarter]


def note_sent(by_device: Mapping[int, Sent]) -> None:
    """Count what became of messages at their gateways since the last time."""
    now = timezone.now()
    with connection.cursor() as cursor:
        zones = zones_of(cursor, by_device)
        rows: defaultdict[tuple[int, date], _Row] = defaultdict(_Row)
        for device_id, sent in by_device.items():
            if device_id not in zones:
                continue
            accepted_at = now - timedelta(seconds=sent.accepted.last_ago) if sent.accepted else None
            failed_at = now - timedelta(seconds=sent.failed_ago) if sent.failed else None
            latest = max(moment for moment in (accepted_at, failed_at) if moment)
            row = rows[device_id, latest.astimezone(zones[device_id]).date()]
            row.accepted = sent.accepted.number if sent.accepted else 0
            row.failed, row.failed_in_a_row = sent.failed, sent.in_a_row
            row.last_accepted_at, row.last_failed_at = accepted_at, failed_at
        _add(cursor, rows)


def note_ticks(cursor: Cursor, ticks: TicksByMoment) -> None:
    """Count what receipts said, in the caller's transaction."""
    if not ticks.found:
        return
    zones = zones_of(cursor, {device_id for device_id, _ in ticks.found})
    rows: defaultdict[tuple[int, date], _Row] = defaultdict(_Row)
    for (device_id, moment), one in ticks.found.items():
        if device_id in zones:
            row = rows[device_id, moment.astimezone(zones[device_id]).date()]
            row.delivered += one.delivered
            row.read += one.read
            row.refused += one.refused
    _add(cursor, rows)


def zones_of(cursor: Cursor, device_ids: Iterable[int]) -> dict[int, tzinfo]:
    """The clocks of the devices' accounts."""
    cursor.execute(
        """
        SELECT device.id, account.time_zone FROM devices_device AS device
            JOIN accounts_account AS account ON account.id = device.account_id
        WHERE device.id = ANY(%s::bigint[])
        """,
        (list(device_ids),),
    )
    return {device_id: known_zone(name) or UTC for device_id, name in cursor.fetchall()}


def forget_old(now: datetime) -> int:
    """Delete what is older than KEPT_FOR; return how many rows. One that is out for that long stays out."""
    deleted = 0
    before = now - KEPT_FOR
    with connection.cursor() as cursor:
        for statement in (
            "DELETE FROM devices_day WHERE day < %s",
            "DELETE FROM devices_outage WHERE over_at < %s",
            "DELETE FROM devices_incident WHERE over_at < %s AND over_told_at IS NOT NULL",
        ):
            cursor.execute(statement, (before,))
            deleted += cursor.rowcount
    return deleted


def _add(cursor: Cursor, rows: Mapping[tuple[int, date], _Row]) -> None:
    """Add to what is known of each device and day, by rising device and day."""
    if not rows:
        return
    cursor.execute(
        """
        INSERT INTO devices_day AS known (device_id, day, accepted, failed, delivered, read, refused,
            last_accepted_at, last_failed_at, failed_in_a_row)
        SELECT device_id, day, accepted, failed, delivered, read, refused, accepted_at, failed_at, in_a_row
        FROM unnest(%s::bigint[], %s::date[], %s::int[], %s::int[], %s::int[], %s::int[], %s::int[], %s::timestamptz[],
            %s::timestamptz[], %s::int[]) WITH ORDINALITY
          AS given (device_id, day, accepted, failed, delivered, read, refused, accepted_at, failed_at, in_a_row, place)
        ORDER BY place
        ON CONFLICT (device_id, day) DO UPDATE
        SET accepted = known.accepted + excluded.accepted, failed = known.failed + excluded.failed,
            delivered = known.delivered + excluded.delivered, read = known.read + excluded.read,
            refused = known.refused + excluded.refused,
            last_accepted_at = greatest(known.last_accepted_at, excluded.last_accepted_at),
            last_failed_at = greatest(known.last_failed_at, excluded.last_failed_at),
            failed_in_a_row = CASE WHEN excluded.accepted > 0 THEN 0 ELSE known.failed_in_a_row END
                + excluded.failed_in_a_row
        """,
        [list(column) for column in zip(*((*key, *astuple(rows[key])) for key in sorted(rows)), strict=True)],
    )
