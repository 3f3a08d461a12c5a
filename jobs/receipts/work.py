"""The work on what gateways told: batches from the inbox, and what is parked, each batch one transaction.

A batch is taken by one process at a time. What is taken is done with at its commit, so that whoever is killed leaves
all of it to the next.
"""

import json
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import structlog
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from devices.gateway.registry import READERS
from devices.health import acknowledgements, timelock
from devices.health.timelock import Told
from devices.webhooks import inbox
from devices.webhooks.inbox import Event
from jobs.receipts import lifting, parking
from jobs.receipts.applying import Applied, Message, apply
from jobs.receipts.lifting import News
from jobs.receipts.telling import ReceiptFeed
from jobs.replies import confirming, keeping, opting_out
from jobs.replies.opting_out import Came
from jobs.sending import canary, finishing

log = structlog.get_logger(__name__)

BATCH: Final = 1_000


class _Busy(Exception):
    """Another process works the inbox."""


def work(deadline: float) -> bool:
    """Work what was told until now, until `deadline` (time.monotonic seconds); True when there is more of it."""
    feed = ReceiptFeed()
    try:
        is_through = _drain(feed, deadline)
        # What came since: no more than once, or it would go on for a handful at a time.
        if is_through and inbox.turn():
            is_through = _drain(feed, deadline)
        if is_through:
            acknowledgements.watch()
            timelock.end_due()
            now = timezone.now()
            for job_id in canary.overdue(now):
                canary.judge(job_id, now, all_is_told=True)
    except _Busy:
        return False
    finally:
        feed.tell(last=True)
    return not is_through


def _drain(feed: ReceiptFeed, deadline: float) -> bool:
    """Work the closed table and what is parked; whether all of it is done."""
    number = BATCH
    while time.monotonic() < deadline:
        try:
            applied, worked = _batch(number)
        except (_Busy, OperationalError):
            raise
        except Exception:
            # Whatever it is, it costs the one event that holds it.
            log.exception("receipts not applied", events=number)
            if number == 1:
                _skip()
            number = max(1, number // 10)
            continue
        timelock.ask(applied.locked)
        feed.note(applied.job_ids)
        feed.tell()
        for job_id in applied.through:
            finishing.finish(job_id)
        for job_id in canary.watched(applied.job_ids):
            canary.judge(job_id, timezone.now())
        if worked < number:
            inbox.clear()
            return True
        number = BATCH
    return False


def _batch(number: int) -> tuple[Applied, int]:
    """Work up to so many events, and as many of those parked; return the larger of both numbers, too. Raises _Busy."""
    with transaction.atomic(), connection.cursor() as cursor:
        events = _take(cursor, number)
        # While something is wrong with a batch, its events alone are looked at.
        again = parking.due(cursor, number) if number == BATCH else {}
        said, came, wrote = read(events)
        for message, news in again.items():
            said[message] = lifting.together(said.get(message, News()), news)
        if wrote:
            kept = keeping.keep(cursor, opting_out.heard_of(cursor, wrote))
            confirming.confirm(kept.obeyed)
            for one in kept.answered:
                message = Message(one.device_id, one.message_id)
                answer = lifting.answered(one.at, is_quoted=one.is_quoted)
                said[message] = lifting.together(said.get(message, News()), answer)
        applied = apply(cursor, said)
        parking.let_go(cursor, [message for message in again if message not in applied.parked])
        parking.keep(cursor, applied.parked)
        acknowledgements.heard(cursor, came)
        acknowledgements.told_of(cursor, _newest(applied.told))
        applied.locked = timelock.note(cursor, applied.told)
    return applied, max(len(events), len(again))


def _newest(told: Iterable[Told]) -> dict[int, datetime]:
    """When the newest of these messages was sent, by device."""
    newest: dict[int, datetime] = {}
    for one in told:
        if one.sent_at is not None:
            newest[one.device_id] = max(one.sent_at, newest.get(one.device_id, one.sent_at))
    return newest


def _take(cursor: inbox.Cursor, number: int) -> list[Event]:
    events = inbox.take(cursor, number)
    if events is None:
        raise _Busy
    return events


def _skip() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for event in _take(cursor, 1):
            log.error("event skipped", number=event.id, device=event.device_id)


def read(events: Iterable[Event]) -> tuple[dict[Message, News], dict[int, datetime], list[Came]]:
    """What these events say, by message; when receipts, whatever they say, came last, by device; and what people
    wrote.

    What has no time of its own happened when it came.
    """
    said: dict[Message, News] = {}
    came: dict[int, datetime] = {}
    wrote: list[Came] = []
    for event in events:
        reader = READERS.get(event.provider)
        if reader is None:
            continue  # its device is gone
        body = json.loads(event.body)
        wrote += [Came(event.device_id, message, event.received_at) for message in reader.incoming(body)]
        for receipt in reader.receipts(body):
            came[event.device_id] = event.received_at
            news = lifting.news(receipt.tick, receipt.at or event.received_at)
            if news:
                message = Message(event.device_id, receipt.message_id)
                said[message] = lifting.together(said.get(message, News()), news)
    return said, came, wrote
