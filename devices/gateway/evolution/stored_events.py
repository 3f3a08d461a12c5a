"""What an instance's webhook told in vain: its store, by `/chat/findMessages`, read as the events it would have been.

    {"messages": {"total", "records": [{"key", "pushName", "message", "messageTimestamp", "contextInfo",
                                        "MessageUpdate": [{"status"}]}, …]}}

Records come newest first, people's messages and ours alike: `fromMe: false` is no filter, and both times are needed or
neither counts. A message of ours holds every status that WhatsApp told of it, in no order and without a time; one that
its writer edited holds its last words. Nothing is kept where DATABASE_SAVE_DATA_NEW_MESSAGE is off, and no status where
DATABASE_SAVE_MESSAGE_UPDATE is.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from devices.gateway import http
from devices.gateway.base import Stored
from devices.gateway.evolution import connection_state, incoming_messages, message_updates
from devices.gateway.evolution.instance_calls import Instance

# The smaller ones where pictures make a page too long: each brings its thumbnail along.
PAGE_SIZES: Final = (100, 20, 4, 1)
MOST_BYTES: Final = 8 * 1024 * 1024
MOST_IN_A_SECOND: Final = 500  # messages; who has more loses the rest of that second
_ONE_SECOND: Final = timedelta(seconds=1)
_OTHER_SHAPES: Final = (LookupError, TypeError, AttributeError, ValueError, OverflowError, OSError)


class _Refused(Exception):
    """The answer holds no messages; says why, by a code of `devices.reasons`."""


class StoredEvents:
    """One instance's MessageStore."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def read(self, since: datetime, until: datetime, timeout_seconds: float) -> Stored:
        deadline = time.monotonic() + timeout_seconds
        try:
            for size in PAGE_SIZES:
                try:
                    return self._read(since, until, size, deadline)
                except http.Unreachable as error:
                    if error.code != "AnswerTooLarge":
                        return Stored(reason=error.reason)
        except _Refused as refused:
            return Stored(reason=str(refused))
        except _OTHER_SHAPES:
            pass
        return Stored(reason="unexpected_answer")

    def _read(self, since: datetime, until: datetime, size: int, deadline: float) -> Stored:
        """The newest page; more of them while all of it is of one second, for the next is asked for by its time."""
        span = {"messageTimestamp": {"gte": _iso(since), "lte": _iso(until)}}
        records: list[Any] = []
        for page in range(1, 2 + MOST_IN_A_SECOND // size):
            total, found = self._page(span, page, size, deadline)
            records += [record for record in found if _has_time(record)]
            if not found or page * size >= total:
                if not total and not self._page({}, 1, 1, deadline)[0]:
                    return Stored(reason="no_store")
                return Stored(_events(records))
            oldest, newest = min(map(_time, records)), max(map(_time, records))
            if newest > until:
                raise _Refused("unexpected_answer")  # whoever does not keep to the times is never through
            if oldest < newest:
                return Stored(_events(records), older_until=oldest)
        return Stored(_events(records), older_until=oldest - _ONE_SECOND)

    def _page(self, where: dict[str, Any], page: int, size: int, deadline: float) -> tuple[int, list[Any]]:
        """How many there are, and a page of them."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise _Refused("no_answer")
        body = {"where": where, "page": page, "offset": size}
        answer = self._instance.call("POST", "chat/findMessages", body, left, most_bytes=MOST_BYTES)
        if answer.status not in {200, 201}:
            raise _Refused(connection_state.read(answer).reason or "unexpected_answer")
        found = answer.json()["messages"]
        if not isinstance(found["records"], list):
            raise _Refused("unexpected_answer")
        return int(found["total"]), found["records"][:size]


def _events(records: list[Any]) -> list[dict[str, Any]]:
    """Oldest first; what reads as nothing is left out, as it is at the door."""
    told = [event for record in sorted(records, key=_time) for event in _told(record)]
    return [event for event in told if incoming_messages.incoming(event) or message_updates.receipts(event)]


def _told(record: Any) -> Iterator[dict[str, Any]]:
    key = record.get("key")
    if not isinstance(key, dict):
        return
    updates = record.get("MessageUpdate")
    statuses = [update.get("status") for update in updates if isinstance(update, dict)] if updates else []
    if key.get("fromMe") is True:
        receipts = [{"keyId": key.get("id"), "fromMe": True, "status": status} for status in statuses]
        yield {"event": message_updates.EVENT, "data": receipts}
        return
    names = ("key", "pushName", "message", "messageTimestamp", "contextInfo")
    yield {"event": incoming_messages.EVENT, "data": {name: record.get(name) for name in names}}
    if "EDITED" in statuses:
        # Those who know the message by its first words hear of the last ones.
        words = {name: record.get(name) for name in ("pushName", "message", "messageTimestamp")}
        edit = {**key, "keyId": key.get("id"), **words}
        yield {"event": incoming_messages.EDITED, "data": edit}


def _has_time(record: Any) -> bool:
    try:
        _time(record)
    except _OTHER_SHAPES:
        return False
    return True


def _time(record: Any) -> datetime:
    return datetime.fromtimestamp(int(record["messageTimestamp"]), UTC)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
