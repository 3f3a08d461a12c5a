"""One loop that calls endpoints: many at once, each apart from the others.

A slow endpoint holds no more than its window of calls, a failing one a single one, and neither delays another. What is
in flight when a slice ends stays so, and is answered for in the next one; what a dead process had in flight is due
again after a minute.
"""

import json
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import structlog

from devices import egress
from devices.egress import CheckedAddress, EgressRefused
from devices.endpoints import outbox, outcomes, signatures
from devices.endpoints.outbox import Called, Due
from devices.endpoints.outcomes import Outcome
from devices.gateway.base import WireFailure, WireRequest, WireResponse
from devices.gateway.transport import Transport
from devices.models import WebhookEndpoint

log = structlog.get_logger(__name__)

CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 15.0
WINDOW: Final = 64  # calls of one endpoint at once
MOST_AT_ONCE: Final = 512
KNOWN_FOR_SECONDS: Final = 1.0  # what a person changes holds after that
ADDRESS_KNOWN_FOR_SECONDS: Final = 30.0
MOST_ADDRESSES: Final = 1000
TURN_SECONDS: Final = 0.05
_HEADERS: Final = ("Content-Type: application/json", "User-Agent: Pregonero")


@dataclass(slots=True)
class _Endpoint:
    """What the loop knows of one. Times are time.monotonic seconds, but for those of its row."""

    pk: int
    url: str
    secrets: list[str]
    headers: tuple[str, ...]
    failures: int
    failing_since: datetime | None
    paused_until: datetime | None
    in_flight: int = 0
    failed_at: float = 0.0

    @property
    def window(self) -> int:
        return 1 if self.failures else WINDOW


@dataclass(slots=True)
class _Address:
    """Where a URL leads, or is being found to."""

    asked_at: float
    answer: "Future[CheckedAddress]"


@dataclass(frozen=True, slots=True)
class _Call:
    due: Due
    begun_at: float
    at: datetime


@dataclass(slots=True)
class Caller:
    """Used from one thread. One a process, kept from slice to slice."""

    _transport: Transport[int] = field(default_factory=lambda: Transport(CONNECT_SECONDS, ANSWER_SECONDS, MOST_AT_ONCE))
    _names: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(16, "endpoint-names"))
    _endpoints: dict[int, _Endpoint] = field(default_factory=dict)
    _addresses: dict[str, _Address] = field(default_factory=dict)
    _calls: dict[int, _Call] = field(default_factory=dict)  # in flight, by delivery
    _done: list[Called] = field(default_factory=list)
    _looked_at: float = 0.0

    def run(self, seconds: float, should_stop: Callable[[], bool] = lambda: False) -> None:
        """Call who is to be called, for so long at most."""
        until = time.monotonic() + seconds
        while True:
            self._look()
            self._take()
            for delivery_id, answer in self._transport.pump(TURN_SECONDS if self._is_busy else 0.0):
                self._end(self._calls.pop(delivery_id), answer)
            self._record()
            if not self._is_busy or time.monotonic() >= until or should_stop():
                return

    def close(self) -> None:
        self._transport.close()
        self._names.shutdown(wait=False, cancel_futures=True)

    @property
    def _is_busy(self) -> bool:
        return bool(self._calls) or any(self._may_be_called(one) for one in self._endpoints.values())

    def _may_be_called(self, endpoint: _Endpoint) -> bool:
        return endpoint.paused_until is None or endpoint.paused_until <= datetime.now(tz=UTC)

    def _look(self) -> None:
        """Know who has something due; the rows of those that are in flight, too, since their state is written back."""
        now = time.monotonic()
        if now - self._looked_at < KNOWN_FOR_SECONDS:
            return
        self._looked_at = now
        kept = {pk: one for pk, one in self._endpoints.items() if one.in_flight}
        ids = outbox.endpoints_with_work()
        for row in WebhookEndpoint.unscoped.filter(pk__in={*ids, *kept}):
            known = kept.get(row.pk)
            self._endpoints[row.pk] = _known(row, known)
        for pk in self._endpoints.keys() - {*ids, *kept}:
            del self._endpoints[pk]

    def _take(self) -> None:
        rooms: dict[int, int] = {}
        spare = MOST_AT_ONCE - len(self._calls)
        for endpoint in self._endpoints.values():
            room = min(spare, endpoint.window - endpoint.in_flight)
            if room > 0 and self._may_be_called(endpoint) and self._address(endpoint.url).done():
                rooms[endpoint.pk] = room
                spare -= room
        if not rooms:
            return
        taken = outbox.take(rooms)
        for due in taken:
            self._begin(due)
        for pk in rooms.keys() - {due.endpoint_id for due in taken}:
            if not self._endpoints[pk].in_flight:
                del self._endpoints[pk]  # nothing is due any more

    def _address(self, url: str) -> "Future[CheckedAddress]":
        now = time.monotonic()
        if len(self._addresses) > MOST_ADDRESSES:
            self._addresses = {place: one for place, one in self._addresses.items() if not one.answer.done()}
        known = self._addresses.get(url)
        if known is None or (known.answer.done() and now - known.asked_at > ADDRESS_KNOWN_FOR_SECONDS):
            known = self._addresses[url] = _Address(now, self._names.submit(_resolve, url))
        return known.answer

    def _begin(self, due: Due) -> None:
        endpoint = self._endpoints[due.endpoint_id]
        at = datetime.now(tz=UTC)
        call = _Call(due, time.monotonic(), at)
        endpoint.in_flight += 1
        if not all(endpoint.secrets):  # none of our keys opens it: rotating it gives it another
            self._end(call, WireFailure("token_unreadable", nothing_written=True))
            return
        try:
            address = self._address(endpoint.url).result(0)
        except EgressRefused:
            self._end(call, WireFailure("egress_refused", nothing_written=True))
            return
        except (OSError, TimeoutError):
            self._end(call, WireFailure("DNSError", nothing_written=True))
            return
        signed = signatures.sign(due.message_id, at, due.body, endpoint.secrets)
        headers = (*_HEADERS, *endpoint.headers, *(f"{name}: {value}" for name, value in signed.items()))
        self._calls[due.delivery_id] = call
        self._transport.start(due.delivery_id, WireRequest(endpoint.url, headers, due.body), address)

    def _end(self, call: _Call, answer: WireResponse | WireFailure) -> None:
        now, at = time.monotonic(), datetime.now(tz=UTC)
        outcome = outcomes.read(answer)
        tries = call.due.tries + 1
        next_try = None if outcome.is_delivered else outcomes.next_try(tries, at)
        milliseconds = round(1000 * (now - call.begun_at))
        self._done.append(Called(call.due, outcome, call.at, milliseconds, next_try))
        endpoint = self._endpoints[call.due.endpoint_id]
        endpoint.in_flight -= 1
        if outcome.is_delivered:
            if endpoint.failures:
                endpoint.failures, endpoint.failing_since, endpoint.paused_until = 0, None, None
                outbox.note_endpoint(endpoint.pk, 0, None, None)
        elif call.begun_at >= endpoint.failed_at:  # those that went beside the first one say the same
            self._note_failure(endpoint, outcome, now, at)

    def _note_failure(self, endpoint: _Endpoint, outcome: Outcome, now: float, at: datetime) -> None:
        endpoint.failed_at = now
        endpoint.failures += 1
        endpoint.failing_since = endpoint.failing_since or at
        endpoint.paused_until = outcomes.pause(endpoint.failures, outcome.asked_to_wait, at)
        outbox.note_endpoint(endpoint.pk, endpoint.failures, endpoint.failing_since, endpoint.paused_until)
        if (reason := outcomes.why_off(outcome, endpoint.failing_since, at)) and outbox.switch_off(endpoint.pk, reason):
            log.warning("webhook endpoint switched off", endpoint=endpoint.pk, reason=reason)

    def _record(self) -> None:
        if self._done:
            outbox.record(self._done)
            self._done = []


def _known(row: WebhookEndpoint, before: _Endpoint | None) -> _Endpoint:
    return _Endpoint(
        pk=row.pk,
        url=row.url,
        secrets=signatures.in_force(row.secret, row.secret_before, row.rotated_at, datetime.now(tz=UTC)),
        headers=tuple(f"{name}: {value}" for name, value in json.loads(row.headers or "{}").items()),
        failures=row.failures,
        failing_since=row.failing_since,
        paused_until=row.paused_until,
        in_flight=before.in_flight if before else 0,
        failed_at=before.failed_at if before else 0.0,
    )


def _resolve(url: str) -> CheckedAddress:
    """Judge an address as gateways' are; besides, only a network that the operator named is spoken to in the clear."""
    address = egress.resolve(url)
    if address.scheme != "https" and not egress.is_named(address.ip):
        raise EgressRefused("endpoint_https")
    return address
