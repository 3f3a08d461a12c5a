"""What was missed is read from the gateways' own stores, and taken in as if it had come by the webhook: kept once,
whoever wants no more suppressed at once, receipts applied.

A round asks few devices at a time, and one for its next page only when the one before it is in. The newest is read
first, by time and not by page: whoever dies, and whatever comes meanwhile, the next goes on where this one stopped.
Between two absences nothing is asked: a gateway searches its whole table for it.
"""

import json
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import structlog
from django.db import connection, transaction

from devices.gateway.base import DeviceUnavailable, Stored
from devices.gateway.registry import READERS, gateway_for
from devices.models import CatchUp, Device
from devices.webhooks import absences
from devices.webhooks.admitting import Told, admit
from devices.webhooks.keeping import ANSWERS
from devices.webhooks.subscribing import BACK_OFF

log = structlog.get_logger(__name__)

NO_STORE: Final = "no_store"
# Before what was missed: of messages sent then the receipts may be missing, and clocks differ.
MARGIN: Final = timedelta(hours=1)
FURTHEST: Final = timedelta(hours=72)
MOST: Final = 100  # devices a round
AT_ONCE: Final = 4
ROUND_SECONDS: Final = 10.0
CALL_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = 0.25  # before each call: sixteen a second, all together
# Whoever dies while asking leaves it to a later round.
_ASKING: Final = timedelta(minutes=5)
_CLOCKS: Final = timedelta(minutes=1)  # a gateway's may be ahead of ours


class CaughtUp(NamedTuple):
    """How far what a device's gateway told in vain is known."""

    read_at: datetime | None = None  # until then nothing was missed, as far as its store tells
    missed_since: datetime | None = None  # what was told since then is being read, or waits to be
    reason: str = ""  # a code of `reasons`: why it cannot be


def standing(device: Device) -> CaughtUp:
    row = CatchUp.objects.filter(device=device).first()
    if row is None:
        return CaughtUp()
    is_through = row.missed_since is None and row.problem != NO_STORE
    return CaughtUp(row.began_at if is_through else None, row.missed_since, row.problem)


class _Reading(NamedTuple):
    """What is asked for next of one device's store."""

    device: Device
    since: datetime
    until: datetime
    began_at: datetime  # another one: it is to be read from the beginning by now

    @property
    def is_through(self) -> bool:
        return self.until <= self.since


def catch_up(now: datetime) -> int:
    """Go on reading for those whose turn it is; return how many pages were read. Not inside a transaction."""
    absences.note_outages()
    waiting = deque(_take(now))
    asked: dict[Future[Stored], _Reading] = {}
    deadline = time.monotonic() + ROUND_SECONDS
    pages = 0
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="stores") as pool:
        while asked or (waiting and time.monotonic() < deadline):
            while waiting and len(asked) < AT_ONCE and time.monotonic() < deadline:
                reading = waiting.popleft()
                asked[pool.submit(_ask, reading)] = reading
            for done in wait(asked, return_when=FIRST_COMPLETED).done:
                rest = _note(asked.pop(done), done.result(), now)
                pages += 1
                if rest is not None:
                    waiting.append(rest)
    _give_back([reading.device.pk for reading in waiting])
    return pages


def _take(now: datetime) -> list[_Reading]:
    """Those whose turn it is, which nobody else takes for a while."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE devices_catchup
            SET look_at = %(now)s + %(asking)s * interval '1 second', began_at = coalesce(began_at, clock_timestamp())
            WHERE device_id IN (
                SELECT known.device_id FROM devices_catchup AS known
                    JOIN devices_device AS device ON device.id = known.device_id
                    JOIN devices_webhook AS webhook ON webhook.device_id = known.device_id
                WHERE known.missed_since IS NOT NULL AND coalesce(known.look_at <= %(now)s, true)
                  AND webhook.set_at IS NOT NULL AND device.enabled AND device.deleted_at IS NULL
                  AND (device.status = 'connected' OR device.status_reason = ANY(%(answers)s))
                ORDER BY known.look_at NULLS FIRST, known.device_id LIMIT %(most)s
                FOR NO KEY UPDATE OF known SKIP LOCKED
            ) RETURNING device_id, missed_since, read_back_to, began_at
            """,
            {"now": now, "asking": _ASKING.total_seconds(), "answers": sorted(ANSWERS), "most": MOST},
        )
        taken = sorted(cursor.fetchall())
    devices = Device.unscoped.in_bulk([device_id for device_id, *_ in taken])
    return [
        _Reading(
            devices[device_id],
            max(missed_since - MARGIN, began_at - FURTHEST),
            read_back_to or began_at + _CLOCKS,
            began_at,
        )
        for device_id, missed_since, read_back_to, began_at in taken
        if device_id in devices
    ]


def _ask(reading: _Reading) -> Stored:
    """Speaks to the gateway alone."""
    if reading.is_through:
        return Stored()
    time.sleep(PAUSE_SECONDS)
    try:
        store = gateway_for(reading.device).store
        if store is None:
            return Stored(reason=NO_STORE)
        return store.read(reading.since, reading.until, CALL_SECONDS)
    except DeviceUnavailable as error:
        return Stored(reason=error.code)
    except Exception:
        log.exception("a provider that was asked for its store raised", device=reading.device.pk)
        return Stored(reason="unexpected_answer")


def _note(reading: _Reading, stored: Stored, now: datetime) -> _Reading | None:
    """Take in what was read, and note how far; return what is still to be read."""
    device = reading.device
    row = CatchUp.objects.filter(device=device, began_at=reading.began_at)
    if stored.reason and stored.reason != NO_STORE:
        in_vain = row.values_list("looks_in_vain", flat=True).first() or 0
        look_at = now + BACK_OFF[min(in_vain, len(BACK_OFF) - 1)]
        row.update(problem=stored.reason, looks_in_vain=min(in_vain + 1, 99), look_at=look_at)
        return None
    rest = reading._replace(until=stored.older_until or reading.since)
    with transaction.atomic():
        if stored.events:
            admit(list(_told(device, stored)))
        if rest.is_through:
            row.update(missed_since=None, read_back_to=None, look_at=None, looks_in_vain=0, problem=stored.reason)
            is_mine = False
        else:
            is_mine = bool(row.update(read_back_to=rest.until, looks_in_vain=0, problem=""))
    if rest.is_through:
        log.info("store read", device=device.pk, since=reading.since.isoformat(), problem=stored.reason)
    return rest if is_mine else None


def _told(device: Device, stored: Stored) -> Iterator[Told]:
    reader = READERS[device.provider]
    for event in stored.events:
        if (kept := reader.kept(event)) is not None:
            yield Told(device.pk, json.dumps(kept, separators=(",", ":")), reader.incoming(kept))


def _give_back(device_ids: list[int]) -> None:
    """To be gone on with in the next round."""
    CatchUp.objects.filter(device__in=device_ids, problem="").update(look_at=None)
