"""Is a device fit to send? What its gateway's word means for it, and when it is asked again.

How a gateway is asked is its provider's affair (`Gateway.probe`); who is asked when their time has come is `rounds`'.

An open connection is no proof: a zombie says "open" and delivers nothing. What happens to real sends says
more, see `breaker`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Q

from devices import needs
from devices.breaker import BACK_OFF_SECONDS, FOR_A_PERSON, HEARD_EVERY, PASSING, back_off, sooner
from devices.gateway.base import DeviceUnavailable, Link, Probe
from devices.gateway.registry import gateway_for
from devices.models import Device
from devices.states import DeviceStatus

PROBE_SECONDS: Final = 10.0  # one check's deadline
# How long after a look the next one is, at most:
AT_WORK: Final = HEARD_EVERY  # it has something to send, and nothing was heard from it
LISTED: Final = timedelta(minutes=1)  # likewise, and a list confirmed it, which costs its gateway more
IDLE: Final = timedelta(minutes=5)
# One that a person must mend: an eighth of the time that it has been out, so that who mends it soon sees it soon.
OUT_FOR: Final = 1 / 8
AWAITED: Final = timedelta(minutes=2)  # and no longer than this where a job waits for it


@dataclass(frozen=True, slots=True)
class Health:
    """What a check found. `reason` is a code of `reasons`, "" where all is well."""

    status: DeviceStatus
    reason: str = ""


def check(device: Device, now: datetime) -> DeviceStatus:
    """Ask the gateway and note the answer on the row and on `device`. Not inside a transaction: it may take 10 s."""
    health = probe(device)
    record(device, health, now, at_work=device.pk in needs.at_work([device.pk]))
    device.status, device.status_reason, device.status_checked_at = health.status, health.reason, now
    return health.status


def probe(device: Device) -> Health:
    """Ask the gateway how the device is. Touches no database."""
    try:
        gateway = gateway_for(device)
    except DeviceUnavailable as error:
        return _out(error.code)
    return meaning(gateway.probe(PROBE_SECONDS))


def meaning(said: Probe) -> Health:
    """What a gateway's word is for the device."""
    link, reason = said
    match link:
        case Link.OPEN:
            return Health(DeviceStatus.CONNECTED)
        case Link.OPENING:
            return Health(DeviceStatus.CONNECTING, reason)
        case Link.CLOSED:
            return _out(reason)


def record(device: Device, health: Health, now: datetime, *, at_work: bool = False) -> bool:
    """Note what was found; False where the row has moved on since (edited, or judged by something newer)."""
    same = Device.unscoped.filter(
        Q(status_checked_at=None) | Q(status_checked_at__lt=now),
        pk=device.pk,
        provider=device.provider,
        base_url=device.base_url,
        instance_name=device.instance_name,
    )
    found: dict[str, Any] = {"status": health.status, "status_reason": health.reason, "status_checked_at": now}
    if health.status == DeviceStatus.CONNECTED:
        wait = AT_WORK if at_work else IDLE
        found["last_well_at"] = now
    elif health.reason in PASSING:
        found["trouble_count"] = min(device.trouble_count + 1, len(BACK_OFF_SECONDS))
        wait = back_off(found["trouble_count"])
    else:
        wait = _wait_for_a_person(device, now, at_work=at_work)
    return bool(same.update(**found, next_check_at=now + sooner(wait)))


def confirm(devices: Sequence[Device], now: datetime, at_work: Collection[int]) -> int:
    """Note of devices that they are as they were; return how many still are, their rows unchanged. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE devices_device AS device
            SET status_checked_at = %(now)s, next_check_at = %(now)s + same.wait * interval '1 second',
                last_well_at = CASE WHEN device.status = 'connected' THEN greatest(device.last_well_at, %(now)s)
                               ELSE device.last_well_at END
            FROM unnest(
                %(ids)s::bigint[], %(statuses)s::text[], %(reasons)s::text[], %(urls)s::text[], %(names)s::text[],
                %(waits)s::float8[]
            ) AS same (id, status, reason, url, name, wait)
            WHERE device.id = same.id AND device.status = same.status AND device.status_reason = same.reason
              AND device.base_url = same.url AND device.instance_name = same.name
              AND coalesce(device.status_checked_at < %(now)s, true)
              AND device.id IN (
                  SELECT id FROM devices_device WHERE id = ANY(%(ids)s::bigint[]) AND enabled
                  ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
              )
            """,
            {
                "now": now,
                "ids": [device.pk for device in devices],
                "statuses": [device.status for device in devices],
                "reasons": [device.status_reason for device in devices],
                "urls": [device.base_url for device in devices],
                "names": [device.instance_name for device in devices],
                "waits": [
                    sooner(_wait_of_the_listed(device, now, at_work=device.pk in at_work)).total_seconds()
                    for device in devices
                ],
            },
        )
        return int(cursor.rowcount)


def _wait_of_the_listed(device: Device, now: datetime, *, at_work: bool) -> timedelta:
    if device.status == DeviceStatus.CONNECTED:
        return LISTED if at_work else IDLE
    return max(LISTED, _wait_for_a_person(device, now, at_work=at_work))


def _wait_for_a_person(device: Device, now: datetime, *, at_work: bool) -> timedelta:
    out_for = now - (device.last_well_at or device.created_at)
    return min(max(OUT_FOR * out_for, AT_WORK), AWAITED if at_work else IDLE)


def _out(reason: str) -> Health:
    return Health(DeviceStatus.BLOCKED if reason in FOR_A_PERSON else DeviceStatus.DISCONNECTED, reason)
