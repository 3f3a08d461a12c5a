"""Asks the devices whose time has come how they are.

A round is woken by beat, and there is one at a time. It asks many devices at once and few at one gateway, so that a
slow one holds up nobody but its own; and while something hangs it goes on with who becomes due meanwhile.

Where several due devices can be asked about by one call (`Gateway.roll`), that is asked first, for all at that address.
It only confirms: whoever is not as it was, or is in trouble that may pass, is asked by itself.
"""

import logging
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from django.db import connection
from django.db.models import F, Q

from devices import needs
from devices.gateway.base import DeviceUnavailable, Link, Probe, Roll
from devices.gateway.registry import gateway_for
from devices.health import probes
from devices.health.breaker import HEARD_HOLDS, out_by_an_old_word
from devices.health.probes import PROBE_SECONDS, Health
from devices.models import Device, DeviceQuerySet
from devices.states import DeviceStatus

logger = logging.getLogger(__name__)

MOST_NOW: Final = 8
ROUND_SECONDS: Final = 25.0  # a round's deadline: nothing is begun that could outlast it
AT_ONCE: Final = 64
AT_ONE_GATEWAY: Final = 4
HELD: Final = 100  # devices of one gateway that are read from the database at a time
TAKE_EVERY_SECONDS: Final = 1.0
ENOUGH_FOR_A_LIST: Final = 5  # due devices: it costs its gateway more than one of them does
# So many looks in a row that met with silence speak for every device at that gateway.
# An instance that hangs beside others that are well is known: more of those than are asked at once.
CANNOT_CONNECT: Final = 3
NO_ANSWER: Final = 2 * AT_ONE_GATEWAY
_NOT_CONNECTED: Final = frozenset({"unreachable", "unknown_host", "bad_certificate"})
_SILENT: Final = _NOT_CONNECTED | {"no_answer"}
# Who is out for these is out until a person mends it, and a list says as much of it.
_LISTED: Final = frozenset({"instance_closed", "unknown_instance"})
_NOT_LISTED: Final = Probe(Link.CLOSED, "unknown_instance")
# A list that could not be had (denied, too long, too late) is not asked for again for so long.
WITHOUT_SECONDS: Final = 900.0

_without: dict[Roll, float] = {}  # of this process; monotonic seconds


def check_due(now: datetime) -> int:
    """Check the enabled devices whose time has come, the longest due first; return how many were checked.

    0 where another round is under way. What the time does not allow is left to a later round. Not inside a transaction.
    """
    if not _is_anybody_due(now):
        return 0
    with _alone() as is_alone:
        return _Round(now).run() if is_alone else 0


def look_now(devices: DeviceQuerySet, now: datetime) -> None:
    """Check at once those of the devices that are out by an old word, together: MOST_NOW of them, the last well first.

    For somebody who would else be told that there is no device. It may take 10 s; not inside a transaction.
    """
    old = list(out_by_an_old_word(devices).order_by(F("last_well_at").desc(nulls_last=True), "pk")[:MOST_NOW])
    if not old:
        return
    at_work = needs.at_work([device.pk for device in old])
    with ThreadPoolExecutor(MOST_NOW, thread_name_prefix="health") as pool:
        for device, found in zip(old, pool.map(probes.probe, old), strict=True):
            probes.record(device, found, now, at_work=device.pk in at_work)


def _is_anybody_due(now: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT next_check_at FROM devices_device WHERE enabled ORDER BY next_check_at NULLS FIRST LIMIT 1"
        )
        first = cursor.fetchone()
    return first is not None and (first[0] is None or first[0] <= now)


def _due(now: datetime) -> list[tuple[int, str]]:
    """Return (id, base URL) of those that are due, the longest due first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            (SELECT id, base_url FROM devices_device WHERE enabled AND next_check_at IS NULL ORDER BY id)
            UNION ALL
            (SELECT id, base_url FROM devices_device WHERE enabled AND next_check_at <= %s ORDER BY next_check_at, id)
            """,
            (now,),
        )
        return list(cursor.fetchall())


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether no other round is under way; it stays so meanwhile. A dead worker's session lets go by itself."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended('round of device checks', 0))")
        (is_mine,) = cursor.fetchone()
        try:
            yield is_mine
        finally:
            if is_mine and not connection.needs_rollback:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended('round of device checks', 0))")


@dataclass(slots=True)
class _Queue:
    """What is to be asked at one gateway. `silences`: how many looks in a row, the last ones, met with one."""

    waiting: "deque[_Look | _RollCall]" = field(default_factory=deque)
    under_way: int = 0
    silences: int = 0

    @property
    def may_start(self) -> bool:
        return bool(self.waiting) and self.under_way < AT_ONE_GATEWAY


@dataclass(slots=True)
class _Look:
    """One device is asked."""

    queue: _Queue
    device: Device
    at_work: bool

    def ask(self) -> Health:
        return probes.probe(self.device)


@dataclass(slots=True)
class _RollCall:
    """One call for several due devices, and for the others at their address."""

    queue: _Queue
    roll: Roll
    looks: list[_Look]

    def ask(self) -> Mapping[str, Probe] | None:
        return self.roll.call(PROBE_SECONDS)


class _Round:
    def __init__(self, now: datetime) -> None:
        self._now = now
        self._began = time.monotonic()
        self._queues: defaultdict[str, _Queue] = defaultdict(_Queue)
        self._ready: deque[_Queue] = deque()  # queues that may be able to start something
        # The threads only speak to gateways: the round's own alone speaks to the database.
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="health")
        self._under_way: dict[Future[Any], tuple[_Look | _RollCall, datetime]] = {}
        self._calls: dict[Roll, _RollCall] = {}  # not answered yet
        self._seen: set[int] = set()
        self._take_at = 0.0
        self._has_left_some = False
        self._checked = 0

    def run(self) -> int:
        try:
            while True:
                if self._elapsed < ROUND_SECONDS - PROBE_SECONDS:
                    if self._elapsed >= self._take_at or (self._has_left_some and not self._under_way):
                        self._take()
                    self._start()
                elif not self._under_way:
                    break
                if self._under_way:
                    self._collect()
                elif not self._has_left_some:
                    break
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)
        return self._checked

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _moment(self) -> datetime:
        return self._now + timedelta(seconds=self._elapsed)

    # --- Who is asked -------------------------------------------------------------------------------------

    def _take(self) -> None:
        """Read who is due by now, of each gateway as many as can be asked soon."""
        self._take_at = self._elapsed + TAKE_EVERY_SECONDS
        self._has_left_some = False
        spare = {place: HELD - len(queue.waiting) for place, queue in self._queues.items()}
        chosen = []
        for device_id, base_url in _due(self._moment()):
            if device_id in self._seen:
                continue
            place = _place(base_url)
            spare[place] = spare.get(place, HELD) - 1
            if spare[place] >= 0:
                chosen.append(device_id)
            else:
                self._has_left_some = True
        if chosen:
            self._queue(self._read(chosen))

    def _read(self, device_ids: Sequence[int]) -> list[Device]:
        """The devices, in this order, each once a round."""
        self._seen.update(device_ids)
        found = Device.unscoped.in_bulk(device_ids)
        return [found[device_id] for device_id in device_ids if device_id in found]

    def _queue(self, devices: Sequence[Device]) -> None:
        at_work = needs.at_work([device.pk for device in devices])
        together: defaultdict[Roll, list[_Look]] = defaultdict(list)
        for device in devices:
            queue = self._queues[_place(device.base_url)]
            look = _Look(queue, device, device.pk in at_work)
            roll = _roll_of(device) if _may_be_confirmed(device) else None
            if roll is not None and _without.get(roll, 0.0) <= time.monotonic():
                together[roll].append(look)
            else:
                self._wait(look)
        for roll, looks in together.items():
            if roll in self._calls:
                self._calls[roll].looks += looks
            elif len(looks) >= ENOUGH_FOR_A_LIST:
                self._calls[roll] = _RollCall(looks[0].queue, roll, looks)
                self._wait(self._calls[roll])
            else:
                for look in looks:
                    self._wait(look)

    def _wait(self, what: _Look | _RollCall) -> None:
        what.queue.waiting.append(what)
        self._ready.append(what.queue)

    # --- Asking -------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Begin what may be begun, of each gateway one in turn."""
        while self._ready and len(self._under_way) < AT_ONCE:
            queue = self._ready.popleft()
            if queue.may_start:
                what = queue.waiting.popleft()
                queue.under_way += 1
                self._under_way[self._pool.submit(what.ask)] = (what, self._moment())
                self._ready.append(queue)

    def _collect(self) -> None:
        """Wait for an answer, not for long, and note what has come."""
        done, _ = wait(self._under_way, timeout=TAKE_EVERY_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            what, asked_at = self._under_way.pop(future)
            what.queue.under_way -= 1
            self._ready.append(what.queue)
            said = _answer(future)
            if isinstance(what, _Look):
                self._note(what, said or Health(DeviceStatus.DISCONNECTED, "unexpected_answer"), asked_at)
            else:
                self._compare(what, said, asked_at)

    def _note(self, look: _Look, found: Health, asked_at: datetime) -> None:
        self._checked += probes.record(look.device, found, asked_at, at_work=look.at_work)
        queue = look.queue
        queue.silences = queue.silences + 1 if found.reason in _SILENT else 0
        if queue.silences >= (CANNOT_CONNECT if found.reason in _NOT_CONNECTED else NO_ANSWER):
            self._note_all_at(_place(look.device.base_url), found, asked_at)

    def _note_all_at(self, place: str, found: Health, asked_at: datetime) -> None:
        """Note a silence of all who are due at a gateway. Lists that are waited for are left to tell by themselves."""
        queue = self._queues[place]
        waiting = [what.device for what in queue.waiting if isinstance(what, _Look)]
        queue.waiting = deque(what for what in queue.waiting if isinstance(what, _RollCall))
        due = [pk for pk, base_url in _due(asked_at) if pk not in self._seen and _place(base_url) == place]
        devices = [*waiting, *self._read(due)]
        self._checked += probes.record_all(devices, found, asked_at, needs.at_work([device.pk for device in devices]))

    def _compare(self, call: _RollCall, said: Mapping[str, Probe] | None, asked_at: datetime) -> None:
        """Note who is as before by the list; have the others asked."""
        same: list[_Look] = []
        del self._calls[call.roll]
        if said is None:
            _without[call.roll] = time.monotonic() + WITHOUT_SECONDS
        for look in call.looks if said is None else [*call.looks, *self._others(call)]:
            if said is not None and _is_as_before(look.device, said):
                same.append(look)
            else:
                self._wait(look)
        at_work = {look.device.pk for look in same if look.at_work}
        self._checked += probes.confirm([look.device for look in same], asked_at, at_work)

    def _others(self, call: _RollCall) -> list[_Look]:
        """Those at the same address that the list speaks for as well, and of whom nothing was heard for a while."""
        known = call.looks[0].device
        there = Device.unscoped.filter(
            Q(last_well_at=None) | Q(last_well_at__lt=self._moment() - HEARD_HOLDS),
            Q(status=DeviceStatus.CONNECTED) | Q(status_reason__in=_LISTED),
            enabled=True,
            provider=known.provider,
            base_url=known.base_url,
        )
        others = [device for device in there if device.pk not in self._seen and _roll_of(device) == call.roll]
        self._seen.update(device.pk for device in others)
        at_work = needs.at_work([device.pk for device in others])
        return [_Look(call.queue, device, device.pk in at_work) for device in others]


def _place(base_url: str) -> str:
    """The gateway of an address: whose limit and whose silence it shares."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _roll_of(device: Device) -> Roll | None:
    try:
        return gateway_for(device).roll
    except DeviceUnavailable:
        return None


def _may_be_confirmed(device: Device) -> bool:
    return device.status == DeviceStatus.CONNECTED or device.status_reason in _LISTED


def _is_as_before(device: Device, said: Mapping[str, Probe]) -> bool:
    found = probes.meaning(said.get(device.instance_name, _NOT_LISTED))
    return (found.status, found.reason) == (device.status, device.status_reason)


def _answer(future: Future[Any]) -> Any:
    """What was found; None where a provider broke its promise and raised. That stops no round."""
    try:
        return future.result()
    except Exception:
        logger.exception("a provider that was asked how a device is raised")
        return None
