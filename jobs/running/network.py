"""The network's half of a runner: requests are begun when their slot has come, and answers understood.

No database here: what becomes of a message waits as an outcome for the next order, and what is to be noted of a device
goes to `tell`, which the database's thread carries out.
"""

import resource
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

import structlog
from django.conf import settings

from devices.gateway.base import NotSent, OutgoingMessage, Scope, SendError, WireFailure, WireResponse
from devices.gateway.transport import TOO_LATE, Transport
from devices.health import acknowledgements, breaker, days
from devices.health.tally import Tally
from jobs.running import answers
from jobs.running.lanes import LONGEST_PAUSE_SECONDS, Lane
from jobs.sending import resting
from jobs.sending.outcomes import Claim, Outcome, accepted, not_written, refused, unsendable

log = structlog.get_logger(__name__)

WINDOWS = 512  # requests at once in one process, of devices without a pace; more costs sockets, not speed
MOST_FILES = 65_536
SPARE_FILES = 128  # beside the sockets of requests

Tell = Callable[..., object]  # a function and its arguments


def _sockets() -> int:
    """How many requests this process may have in flight: as many as it may have files open."""
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = max(files, MOST_FILES if most == resource.RLIM_INFINITY else min(most, MOST_FILES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    return max(WINDOWS, files - SPARE_FILES)


class Reports:
    """What health checks are told of devices that send: seldom, and of all of them together."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._sent = Tally()
        self._next_at = 0.0

    def note_accepted(self, lane: Lane, now: float) -> None:
        self._sent.note(lane.device_id, now)
        if lane.awaits_receipt:
            self._next_at = 0.0  # the next look at its limits is to know of it

    def note_failed(self, lane: Lane, now: float) -> None:
        self._sent.note_failed(lane.device_id, now)

    def tell(self, lanes: Iterable[Lane], now: float) -> None:
        """What sends well need not be asked how it is."""
        if now < self._next_at:
            return
        self._next_at = now + breaker.HEARD_EVERY.total_seconds()
        self.tell_sent(now)
        if well := [lane for lane in lanes if lane.is_well]:
            for lane in well:
                lane.is_well = False
            self._tell(breaker.heard, [lane.device_id for lane in well])

    def tell_sent(self, now: float) -> None:
        if told := self._sent.take(now):
            if accepted := {device_id: sent.accepted for device_id, sent in told.items() if sent.accepted}:
                self._tell(acknowledgements.accepted, accepted)
            self._tell(days.note_sent, told)


class Network:
    """Sends through the lanes of one runner, as far as its leases hold. Times are time.monotonic seconds."""

    def __init__(self, lanes: Mapping[int, Lane], tell: Tell) -> None:
        self.sockets = _sockets()
        self.transport: Transport[tuple[Lane, Claim, float]] = Transport(
            settings.GATEWAY_CONNECT_TIMEOUT, settings.GATEWAY_READ_TIMEOUT, WINDOWS
        )
        self.reports = Reports(tell)
        self.outcomes: list[Outcome] = []  # for the next order
        self.is_urgent = False  # no need to wait for what else comes within SPAN_SECONDS
        self.lined_up = 0  # claims that wait for their slot
        self.lease_until = 0.0
        self._lanes = lanes
        self._tell = tell

    @property
    def free_sockets(self) -> int:
        return self.sockets - len(self.transport)

    def begin_anew(self) -> None:
        """The outcomes are with an order now: collect those of the next one."""
        self.outcomes, self.is_urgent = [], False

    def pump(self, seconds: float) -> list[Lane]:
        """Move bytes, and wait so long for them at most; return the lanes that were answered."""
        answered: dict[int, Lane] = {}
        for (lane, claim, begun_at), answer in self.transport.pump(seconds):
            lane.in_flight -= 1
            self._understand(lane, claim, begun_at, answer)
            answered[lane.device_id] = lane
        return list(answered.values())

    def write_ready(self, lane: Lane, now: float) -> None:
        """Begin every request of a lane whose slot has come, where the lease still holds."""
        while lane.ready and lane.in_flight < lane.max_in_flight and lane.ready[0].is_due(now):
            ready = lane.ready.popleft()
            self.lined_up -= 1
            not_after = min(self.lease_until, ready.not_after)
            if time.monotonic() >= not_after:
                self._end(lane, not_written(ready.claim, "stalled"))
                continue
            claim = ready.claim
            try:
                request = lane.gateway.send_request(OutgoingMessage(claim.phone, claim.text, claim.media))
            except Exception:
                # One that cannot be put into a request costs itself, and nobody else.
                log.exception("message cannot be written", recipient=claim.recipient_id)
                self._end(lane, unsendable(claim))
                continue
            begun_at = time.monotonic()
            self.transport.start((lane, claim, begun_at), request, lane.address, not_after)
            lane.in_flight += 1
            lane.used_slot(begun_at)

    def _understand(self, lane: Lane, claim: Claim, begun_at: float, answer: WireResponse | WireFailure) -> None:
        if answer == WireFailure(TOO_LATE, nothing_written=True):
            self._end(lane, not_written(claim, "stalled"))
            return
        try:
            acceptance = answers.read(lane.gateway, claim, answer)
        except SendError as error:
            self.reports.note_failed(lane, time.monotonic())
            is_out = lane.note_trouble(breaker.reason_against(error))
            is_burst = lane.is_on_trial or lane.troubles > 1
            self._end(lane, refused(claim, error, settings.QUIET_SECONDS, is_burst=is_burst))
            self._note_error(lane, error, is_out=is_out or lane.trouble in breaker.FOR_A_PERSON)
            if error.scope is Scope.MESSAGE and isinstance(error, NotSent):
                self._tell(resting.rest, claim.job_id, error.code)
        else:
            lane.note_trouble("")
            lane.is_well = True
            if lane.is_on_trial:
                lane.is_on_trial = False
                self._tell(breaker.is_well, lane.device_id)
            now = time.monotonic()
            lane.note_accepted(begun_at, now)
            self.reports.note_accepted(lane, now)
            self._end(lane, accepted(claim, acceptance))

    def _end(self, lane: Lane, outcome: Outcome) -> None:
        """Have an outcome recorded with the next order; one of a lane that was lost is others' to find out."""
        if self._lanes.get(lane.device_id) is not lane:
            return
        self.outcomes.append(outcome)
        self.is_urgent |= lane.is_brisk
        if outcome.proven_unsent:
            lane.give_back()

    def stop(self, lane: Lane, code: str) -> None:
        """Have a lane take no more claims, and give back those that it has not begun."""
        lane.is_closing = True
        self.give_back(lane, code)

    def give_back(self, lane: Lane, code: str) -> None:
        """Give back all that it has not begun."""
        while lane.ready:
            self.lined_up -= 1
            self._end(lane, not_written(lane.ready.popleft().claim, code))

    def _note_error(self, lane: Lane, error: SendError, *, is_out: bool) -> None:
        """Wait as long as the gateway asks, and let the device go where that is long; take it out where it `is_out`."""
        wait = error.retry_after or timedelta()
        if wait:
            lane.pace.wait(wait.total_seconds(), time.monotonic())
            if wait.total_seconds() > LONGEST_PAUSE_SECONDS:
                self.stop(lane, error.code)
        if is_out:
            self.take_out(lane, lane.trouble, error.code, wait)

    def take_out(self, lane: Lane, reason: str, code: str, wait: timedelta = timedelta()) -> None:
        """Take a device out for a reason, once; what it has not begun goes back with the code."""
        if lane.is_out:
            return
        lane.is_out = True
        self.stop(lane, code)
        log.warning("device taken out", device=lane.device_id, reason=reason)
        self._tell(breaker.take_out, lane.device_id, reason, wait)
