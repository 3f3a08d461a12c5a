"""Is a device fit to send? Asked of its gateway, now and again, and when somebody edits it.

How a gateway is asked is its provider's affair (`Gateway.probe`); here stands what its answer means for the device.

An open connection is no proof: a zombie says "open" and delivers nothing. What happens to real sends says
more, see `breaker`.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import F, Q

from devices.breaker import FOR_A_PERSON
from devices.gateway.base import DeviceUnavailable, Link
from devices.gateway.registry import gateway_for
from devices.models import Device
from devices.states import DeviceStatus

PROBE_SECONDS: Final = 10.0  # one check's deadline
DUE_AFTER: Final = timedelta(seconds=25)  # a beat of 30 s that comes a little early still finds it due
SLICE_SECONDS: Final = 25.0  # a round's deadline, shorter than the beat
ROUND_SIZE: Final = 500
AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class Health:
    """What a check found. `reason` is a code of `reasons`, "" where all is well."""

    status: DeviceStatus
    reason: str = ""


def check(device: Device, now: datetime) -> DeviceStatus:
    """Ask the gateway and note the answer on the row and on `device`. Not inside a transaction: it may take 10 s."""
    health = probe(device)
    record(device, health, now)
    device.status, device.status_reason, device.status_checked_at = health.status, health.reason, now
    return health.status


def check_due(now: datetime) -> int:
    """Check the enabled devices whose last check is old, the oldest first; return how many were checked.

    Several at once, so that one which hangs delays no other; what the time does not allow is left to
    the next round.
    """
    due = (
        Device.unscoped.filter(enabled=True)
        .filter(Q(status_checked_at=None) | Q(status_checked_at__lte=now - DUE_AFTER))
        .order_by(F("status_checked_at").asc(nulls_first=True), "pk")[:ROUND_SIZE]
    )
    return _check_all(due, now)


def _check_all(devices: Iterable[Device], now: datetime) -> int:
    checked = 0
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="health")
    # The threads only speak to gateways: this one alone speaks to the database.
    probes = {pool.submit(probe, device): device for device in devices}
    try:
        for done in as_completed(probes, timeout=SLICE_SECONDS):
            checked += record(probes[done], done.result(), now)
    except TimeoutError:
        pass
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return checked


def probe(device: Device) -> Health:
    """Ask the gateway how the device is. Touches no database."""
    try:
        gateway = gateway_for(device)
    except DeviceUnavailable as error:
        return _out(error.code)
    link, reason = gateway.probe(PROBE_SECONDS)
    match link:
        case Link.OPEN:
            return Health(DeviceStatus.CONNECTED)
        case Link.OPENING:
            return Health(DeviceStatus.CONNECTING, reason)
        case Link.CLOSED:
            return _out(reason)


def record(device: Device, health: Health, now: datetime) -> bool:
    """Note what was found; False where the row has moved on since (edited, or judged by something newer)."""
    same = Device.unscoped.filter(
        Q(status_checked_at=None) | Q(status_checked_at__lt=now),
        pk=device.pk,
        provider=device.provider,
        base_url=device.base_url,
        instance_name=device.instance_name,
    )
    return bool(same.update(status=health.status, status_reason=health.reason, status_checked_at=now))


def _out(reason: str) -> Health:
    return Health(DeviceStatus.BLOCKED if reason in FOR_A_PERSON else DeviceStatus.DISCONNECTED, reason)
