"""Is a device fit to send? What its gateway's word means for it, and when it is asked again.

How a gateway is asked is its provider's affair (`Gateway.probe`); who is asked when their time has come is `rounds`'.

An open connection is no proof: a zombie says "open" and delivers nothing. What happens to real sends says
more, see `breaker`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.db import connection

from devices import needs
from devices.gateway.base import DeviceUnavailable, Link, Probe
from devices.gateway.registry import gateway_for
from devices.health import acknowledgements
from devices.health.acknowledgements import NO_ACKNOWLEDGEMENT
from devices.health.breaker import BACK_OFF_SECONDS, FOR_A_PERSON, HEARD_EVERY, PASSING, back_off, sooner
from devices.lane.limits import INSTANCE
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


# One that is out for its silence is not brought back by an open state, which it had all the time.
_HELD: Final = f"""(
    device.status_reason = '{NO_ACKNOWLEDGEMENT}' AND found.status IN ('connected', 'connecting') AND coalesce((
        SELECT known.out_until > clock_timestamp() AND known.connects_to = {INSTANCE}
        FROM devices_acknowledgement AS known WHERE known.device_id = device.id
    ), false)
)"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Health:
    """What a check found. `reason` is a code of `reasons`, "" where all is well."""

    status: DeviceStatus
    reason: str = ""


def check(device: Device, now: datetime) -> DeviceStatus:
    """Ask the gateway and note the answer on the row and on `device`, for a person: one that is out for its silence is
    tried again. Not inside a transaction: it may take 10 s."""
    acknowledgements.try_again(device.pk)
    return note(device, probe(device), now)


def note(device: Device, health: Health, now: datetime) -> DeviceStatus:
    """Note on the row and on `device` what its gateway said."""
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
    return bool(record_all([device], health, now, {device.pk} if at_work else set()))


def record_all(devices: Sequence[Device], health: Health, now: datetime, at_work: Collection[int]) -> int:
    """Note what was found of several at once; return for how many. One statement."""

    def wait(device: Device) -> timedelta:
        if health.status == DeviceStatus.CONNECTED:
            return AT_WORK if device.pk in at_work else IDLE
        if health.reason in PASSING:
            return back_off(device.trouble_count + 1)
        return _wait_for_a_person(device, now, at_work=device.pk in at_work)

    return _note([_Finding(device, health, wait(device)) for device in devices], now, "true")


def confirm(devices: Sequence[Device], now: datetime, at_work: Collection[int]) -> int:
    """Note of devices that they are as they were; return how many still are, their rows unchanged. One statement."""
    findings = []
    for device in devices:
        if device.status == DeviceStatus.CONNECTED:
            wait = LISTED if device.pk in at_work else IDLE
        else:
            wait = max(LISTED, _wait_for_a_person(device, now, at_work=device.pk in at_work))
        findings.append(_Finding(device, Health(DeviceStatus(device.status), device.status_reason), wait))
    return _note(findings, now, "device.status = found.status AND device.status_reason = found.reason")


class _Finding(NamedTuple):
    device: Device
    health: Health
    wait: timedelta  # until it is asked again, at most


def _note(findings: Sequence[_Finding], now: datetime, only_where: str) -> int:
    """Write findings of one moment into their rows, and return into how many: those that were not edited since, and of
    which nothing newer is known."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE devices_device AS device
            SET status = CASE WHEN {_HELD} THEN device.status ELSE found.status END,
                status_reason = CASE WHEN {_HELD} THEN device.status_reason ELSE found.reason END,
                status_checked_at = %(now)s, next_check_at = %(now)s + found.wait * interval '1 second',
                trouble_count = CASE WHEN found.reason = ANY(%(passing)s)
                    THEN least(found.troubles + 1, %(most_troubles)s) ELSE device.trouble_count END,
                last_well_at = CASE WHEN found.status = 'connected' AND NOT {_HELD}
                    THEN greatest(device.last_well_at, %(now)s) ELSE device.last_well_at END
            FROM unnest(
                %(ids)s::bigint[], %(providers)s::text[], %(urls)s::text[], %(names)s::text[],
                %(statuses)s::text[], %(reasons)s::text[], %(troubles)s::int[], %(waits)s::float8[]
            ) AS found (id, provider, url, name, status, reason, troubles, wait)
            WHERE device.id = found.id AND device.provider = found.provider AND device.base_url = found.url
              AND device.instance_name = found.name AND coalesce(device.status_checked_at < %(now)s, true)
              AND {only_where}
              AND device.id IN (
                  SELECT id FROM devices_device WHERE id = ANY(%(ids)s::bigint[]) ORDER BY id FOR NO KEY UPDATE
              )
            """,  # noqa: S608 - constants
            {
                "now": now,
                "passing": sorted(PASSING),
                "most_troubles": len(BACK_OFF_SECONDS),
                "ids": [device.pk for device, _, _ in findings],
                "providers": [device.provider for device, _, _ in findings],
                "urls": [device.base_url for device, _, _ in findings],
                "names": [device.instance_name for device, _, _ in findings],
                "troubles": [device.trouble_count for device, _, _ in findings],
                "statuses": [health.status for _, health, _ in findings],
                "reasons": [health.reason for _, health, _ in findings],
                "waits": [sooner(wait).total_seconds() for _, _, wait in findings],
            },
        )
        return int(cursor.rowcount)


def _wait_for_a_person(device: Device, now: datetime, *, at_work: bool) -> timedelta:
    out_for = now - (device.last_well_at or device.created_at)
    return min(max(OUT_FOR * out_for, AT_WORK), AWAITED if at_work else IDLE)


def _out(reason: str) -> Health:
    return Health(DeviceStatus.BLOCKED if reason in FOR_A_PERSON else DeviceStatus.DISCONNECTED, reason)
