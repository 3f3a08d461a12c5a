"""Is a device fit to send? Asked of its gateway, now and again, and when somebody edits it.

How a gateway is asked is its provider's affair (`Gateway.probe`); here stands what its answer means for the device.

An open connection is no proof: a zombie says "open" and delivers nothing. What happens to real sends says
more, see `breaker`.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Q

from devices.breaker import BACK_OFF_SECONDS, FOR_A_PERSON, PASSING, back_off
from devices.gateway.base import DeviceUnavailable, Link
from devices.gateway.registry import gateway_for
from devices.models import Device
from devices.states import DeviceStatus

PROBE_SECONDS: Final = 10.0  # one check's deadline
EVERY: Final = timedelta(seconds=30)  # a device that is well, or that a person must mend
SLICE_SECONDS: Final = 25.0  # a round's deadline
TAKEN_FOR: Final = timedelta(seconds=30)  # one whose checker died, or did not come to it, is due again then
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
    """Check the enabled devices whose time has come, the longest due first; return how many were checked.

    Several at once, so that one which hangs delays no other; what the time does not allow is left to a later round.
    Rounds may overlap: what one has taken, another does not ask.
    """
    with transaction.atomic():
        due = list(
            Device.unscoped.select_for_update(skip_locked=True, no_key=True)
            .filter(Q(next_check_at=None) | Q(next_check_at__lte=now), enabled=True)
            .order_by(F("next_check_at").asc(nulls_first=True), "pk")[:ROUND_SIZE]
        )
        Device.unscoped.filter(pk__in=[device.pk for device in due]).update(next_check_at=now + TAKEN_FOR)
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
    found: dict[str, Any] = {"status": health.status, "status_reason": health.reason, "status_checked_at": now}
    if health.status == DeviceStatus.CONNECTED:
        found |= {"last_well_at": now, "next_check_at": now + EVERY}
    elif health.reason in PASSING:
        troubles = min(device.trouble_count + 1, len(BACK_OFF_SECONDS))
        found |= {"trouble_count": troubles, "next_check_at": now + back_off(troubles)}
    else:
        found["next_check_at"] = now + EVERY
    return bool(same.update(**found))


def _out(reason: str) -> Health:
    return Health(DeviceStatus.BLOCKED if reason in FOR_A_PERSON else DeviceStatus.DISCONNECTED, reason)
