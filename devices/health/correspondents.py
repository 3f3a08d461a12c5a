"""Who has written to a device, and when: to them it is no stranger.

Told by its gateway (`WebhookReader.incoming`), known by the key of their number. What they wrote is not here.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from devices.models import Correspondent
from devices.phone_numbers import key_of, key_sql

Cursor = Any


class Wrote(NamedTuple):
    """Somebody wrote to a device."""

    device_id: int
    phone: str  # "+" and digits
    at: datetime


def wrote_to(device: str, phone: str) -> str:
    """SQL that is true where the person of the column `phone` has written to the device of the column `device`.

    A look into the index for each: as an EXISTS it would be planned for many at once, by reading all of them.
    """
    return f"""(
      SELECT true FROM devices_correspondent AS known
      WHERE known.device_id = {device} AND known.phone_key = {key_sql(phone)}
    ) IS NOT NULL"""  # noqa: S608 - constants


def note(cursor: Cursor, messages: Iterable[Wrote]) -> None:
    """Remember who wrote, in the caller's transaction; doubled or late, it makes no difference."""
    first: dict[tuple[int, str], datetime] = {}
    last: dict[tuple[int, str], datetime] = {}
    for message in messages:
        who = (message.device_id, key_of(message.phone))
        first[who] = min(message.at, first.get(who, message.at))
        last[who] = max(message.at, last.get(who, message.at))
    if not first:
        return
    rows = sorted(first)
    # Of a device that is gone nothing is kept.
    cursor.execute(
        """
        INSERT INTO devices_correspondent AS known (device_id, phone_key, first_at, last_at)
        SELECT given.* FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[])
            AS given (device_id, phone_key, first_at, last_at)
            JOIN devices_device AS device ON device.id = given.device_id AND device.deleted_at IS NULL
        ORDER BY given.device_id, given.phone_key
        ON CONFLICT (device_id, phone_key) DO UPDATE
        SET first_at = least(known.first_at, excluded.first_at), last_at = greatest(known.last_at, excluded.last_at)
        WHERE known.last_at < excluded.last_at OR known.first_at > excluded.first_at
        """,
        (
            [device_id for device_id, _ in rows],
            [phone_key for _, phone_key in rows],
            [first[who] for who in rows],
            [last[who] for who in rows],
        ),
    )


def known(cursor: Cursor, people: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those of these (device, phone) who have written to that device."""
    keys = {(device_id, phone): key_of(phone) for device_id, phone in people}
    if not keys:
        return set()
    cursor.execute(
        """
        SELECT given.device_id, given.phone FROM unnest(%s::bigint[], %s::text[], %s::text[])
            AS given (device_id, phone, phone_key)
        WHERE (
            SELECT true FROM devices_correspondent AS known
            WHERE known.device_id = given.device_id AND known.phone_key = given.phone_key
        )
        """,
        ([device_id for device_id, _ in keys], [phone for _, phone in keys], list(keys.values())),
    )
    return {(device_id, phone) for device_id, phone in cursor.fetchall()}


def forget(device_ids: Collection[int]) -> None:
    """These devices are others' numbers now, or nobody's."""
    Correspondent.objects.filter(device__in=device_ids).delete()
