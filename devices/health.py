"""Is a device fit to send? Asked of its gateway, now and again, and when somebody edits it.

An open connection is no proof: a zombie says "open" and delivers nothing. What happens to real sends says
more, see `breaker`.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from django.db.models import F, Q

from accounts.encryption import Sealed
from devices.breaker import FOR_A_PERSON
from devices.gateway import http
from devices.models import Device
from devices.states import DeviceStatus

PROBE_SECONDS: Final = 10.0  # one check's deadline
DUE_AFTER: Final = timedelta(seconds=25)  # a beat of 30 s that comes a little early still finds it due
SLICE_SECONDS: Final = 25.0  # a round's deadline, shorter than the beat
ROUND_SIZE: Final = 500
AT_ONCE: Final = 16

_UNREACHABLE: Final = {
    "DNSError": "unknown_host",
    "SSLError": "bad_certificate",
    "ReadTimeout": "no_answer",
    "AnswerTooLarge": "unexpected_answer",
    "egress_refused": "egress_refused",
}
_STATES: Final = {
    "open": (DeviceStatus.CONNECTED, ""),
    "connecting": (DeviceStatus.CONNECTING, "instance_connecting"),
    "close": (DeviceStatus.DISCONNECTED, "instance_closed"),
    "refused": (DeviceStatus.DISCONNECTED, "instance_closed"),
}


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
    """Ask the gateway how the instance is. Touches no database."""
    if isinstance(device.token, Sealed):
        return _out("token_unreadable")
    path = f"/instance/connectionState/{quote(device.instance_name, safe='')}"
    try:
        answer = http.request(
            "GET", device.base_url.rstrip("/") + path, headers={"apikey": device.token}, timeout=PROBE_SECONDS
        )
    except http.Unreachable as error:
        return _out(_UNREACHABLE.get(error.code, "unreachable"))
    return read(answer)


def read(answer: http.Response) -> Health:
    """Understand an answer to connectionState: the status code and, where it misleads, the body."""
    match answer.status:
        case 200:
            return _state(answer.json())
        case 401 | 403:
            return _out("unauthorized")
        case 404:
            # A route that does not exist has the same status: then this is no Evolution API.
            return _out("unknown_instance" if "instance does not exist" in answer.text else "wrong_address")
        case 503 if "LICENSE_REQUIRED" in answer.text:
            return _out("licence_required")
        case status if status >= 500 or status == 429:
            return _out("gateway_error")
        case _:
            return _out("wrong_address")


def record(device: Device, health: Health, now: datetime) -> bool:
    """Note what was found; False where the row has moved on since (edited, or judged by something newer)."""
    same = Device.unscoped.filter(pk=device.pk, base_url=device.base_url, instance_name=device.instance_name).filter(
        Q(status_checked_at=None) | Q(status_checked_at__lt=now)
    )
    return bool(same.update(status=health.status, status_reason=health.reason, status_checked_at=now))


def _state(body: object) -> Health:
    instance = body.get("instance") if isinstance(body, dict) else None
    if not isinstance(instance, dict):
        return _out("unexpected_answer")
    if "state" not in instance:  # in the gateway's database, but not in its memory
        return _out("instance_not_loaded")
    status, reason = _STATES.get(str(instance["state"]), (DeviceStatus.DISCONNECTED, "unexpected_answer"))
    return Health(status, reason)


def _out(reason: str) -> Health:
    return Health(DeviceStatus.BLOCKED if reason in FOR_A_PERSON else DeviceStatus.DISCONNECTED, reason)
