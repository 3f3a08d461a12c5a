"""The loop that sends: it carries many lanes at once, keeps each one's window full and its pace kept.

One thread moves bytes, another talks to the database; at any time at most one order is with the database, and
what finishes meanwhile makes up the next one. So a fast gateway gets large orders and a slow one small ones.
"""

import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import Error as DatabaseError

from devices import breaker
from devices.gateway.base import (
    Acceptance,
    NotSent,
    OutcomeUnknown,
    OutgoingMessage,
    Scope,
    SendError,
    WireFailure,
    WireResponse,
)
from devices.gateway.transport import TOO_LATE, Transport
from devices.lane.pacing import HORIZON_SECONDS, LONGEST_HORIZON_SECONDS
from jobs.sending import resting
from jobs.sending.lanes import Lane
from jobs.sending.outcomes import Claim, Outcome, accepted, not_written, refused, unsendable
from jobs.sending.settlement import SLICE_SECONDS, Order, Settled, Settlement, open_pace

log = structlog.get_logger(__name__)

MAX_LANES = 256
MAX_IN_FLIGHT = 512  # in one process; more costs sockets, not speed
DRAIN_SECONDS = 3.0  # a slice that cannot end by then goes on sending, and tries again later
LOOK_FOR_DEVICES_SECONDS = 1.0
LOOK_AT_LIMITS_SECONDS = 1.0  # a person's change of a device holds within two seconds of its answer
LEAVE_DEVICES_SECONDS = 0.2
ASK_AGAIN_SECONDS = 0.5  # after the database had nothing for a device
RENEW_SHARE = 1 / 3  # of a lease's length
FLUSH_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 0.1


class LaneRunner:
    """Sends through every device it can take, until its slice of time is over. One for each worker process."""

    def __init__(self) -> None:
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._transport: Transport[tuple[Lane, Claim]] = Transport(
            settings.GATEWAY_CONNECT_TIMEOUT, settings.GATEWAY_READ_TIMEOUT, MAX_IN_FLIGHT
        )
        self._settlement = Settlement(self._holder)
        self._database = ThreadPoolExecutor(1, "settlement")
        self._lanes: dict[int, Lane] = {}
        self._outcomes: list[Outcome] = []
        self._with_database: Future[Settled] | None = None
        self._order = Order()
        self._order_given_at = 0.0
        self._next_open = 0.0
        self._others_wait = False  # devices that another runner may take first, or else we
        self._next_flush = 0.0
        self._next_look = 0.0
        self._retry_database_at = 0.0

    def run_slice(self, seconds: float = SLICE_SECONDS, should_stop: Callable[[], bool] = lambda: False) -> bool:
        """Send until the time is up, nothing waits or `should_stop`; True when more may wait.

        Past its time a slice goes on while a gateway keeps it from ending, rather than let the others wait for
        that one: it claims again, and tries to end later.
        """
        started = now = time.monotonic()
        ending_since: float | None = None
        self._next_open = 0.0
        while True:
            self._write_ready(now)
            for (lane, claim), answer in self._transport.pump(self._patience(now)):
                lane.in_flight -= 1
                self._understand(lane, claim, answer)
            now = time.monotonic()
            if self._with_database is not None and self._with_database.done():
                self._take_answer(self._with_database, now)
            is_stopping = should_stop()
            if ending_since is None and (is_stopping or now - started >= seconds):
                ending_since = now
            elif ending_since is not None and not is_stopping and now - ending_since > DRAIN_SECONDS:
                started, ending_since = now, None
            if self._with_database is None:
                has_asked = self._next_open > now and not self._others_wait
                if self._is_idle and (ending_since is not None or has_asked):
                    return ending_since is not None and not is_stopping
                self._give_order(now, is_ending=ending_since is not None)

    def close(self) -> None:
        """Let go of sockets, threads and the database session, and with it of every lease."""
        self._transport.close()
        self._database.submit(self._settlement.forget)
        self._database.shutdown()

    @property
    def _is_idle(self) -> bool:
        return not self._lanes and not self._outcomes and not self._settlement.has_untold_events

    # --- The network -----------------------------------------------------------------------------

    def _write_ready(self, now: float) -> None:
        """Begin every request whose slot has come, where the lease still holds."""
        for lane in self._lanes.values():
            while lane.ready and lane.in_flight < lane.max_in_flight and lane.ready[0].is_due(now):
                ready = lane.ready.popleft()
                not_after = min(lane.lease_until, ready.not_after)
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
                self._transport.start((lane, claim), request, lane.address, not_after)
                lane.in_flight += 1
                lane.pace.used(time.monotonic())

    def _understand(self, lane: Lane, claim: Claim, answer: WireResponse | WireFailure) -> None:
        if answer == WireFailure(TOO_LATE, nothing_written=True):
            self._end(lane, not_written(claim, "stalled"))
            return
        try:
            acceptance = self._read(lane, claim, answer)
        except SendError as error:
            is_out = lane.note_trouble(breaker.reason_against(error))
            is_burst = lane.is_on_trial or lane.troubles > 1
            self._end(lane, refused(claim, error, settings.QUIET_SECONDS, is_burst=is_burst))
            self._note_error(lane, error, is_out=is_out or lane.trouble in breaker.FOR_A_PERSON)
            if error.scope is Scope.MESSAGE and isinstance(error, NotSent):
                self._database.submit(resting.rest, claim.job_id, error.code)
        else:
            lane.note_trouble("")
            if lane.is_on_trial:
                lane.is_on_trial = False
                self._database.submit(breaker.is_well, lane.device_id)
            lane.accepted += 1
            self._end(lane, accepted(claim, acceptance))

    def _end(self, lane: Lane, outcome: Outcome) -> None:
        """Have an outcome recorded with the next order."""
        self._outcomes.append(outcome)
        if outcome.proven_unsent:
            lane.give_back()

    def _give_back(self, lane: Lane, code: str) -> None:
        """Give back what was claimed for a device that is to send no more, and has not begun."""
        while lane.ready:
            self._end(lane, not_written(lane.ready.popleft().claim, code))

    def _read(self, lane: Lane, claim: Claim, answer: WireResponse | WireFailure) -> Acceptance:
        """Whatever an answer holds, it costs this one message: raises SendError, and nothing else."""
        try:
            return lane.gateway.read_answer(answer)
        except NotSent as error:
            if error.scope is Scope.MESSAGE and claim.media is None:
                # Those words are known of media. Of a text they prove nothing, and no medium is there to wait for.
                raise OutcomeUnknown("gateway_error") from None
            raise
        except SendError:
            raise
        except Exception:
            log.exception("answer cannot be read", recipient=claim.recipient_id, device=lane.device_id)
            raise OutcomeUnknown("unreadable_answer") from None

    def _note_error(self, lane: Lane, error: SendError, *, is_out: bool) -> None:
        """Wait as long as the gateway asks; take the device out, and give back what it has not begun."""
        wait = error.retry_after or timedelta()
        if wait:
            lane.pace.wait(wait.total_seconds(), time.monotonic())
        if not is_out or lane.is_closing:
            return
        lane.is_closing = True
        self._give_back(lane, error.code)
        log.warning("device taken out", device=lane.device_id, reason=lane.trouble)
        self._database.submit(breaker.take_out, lane.device_id, lane.trouble, wait)

    def _patience(self, now: float) -> float:
        """How long the network may be waited for."""
        if self._outcomes and self._with_database is None and now >= self._retry_database_at:
            return 0.0
        until = now + LONGEST_WAIT_SECONDS
        for lane in self._lanes.values():
            if lane.ready and lane.in_flight < lane.max_in_flight:
                until = min(until, lane.ready[0].at)
            elif not lane.in_flight and self._with_database is None:
                until = min(until, max(lane.pace.next_slot - lane.pace.horizon, lane.wants_nothing_until))
        return max(0.001, until - now)

    # --- The database ----------------------------------------------------------------------------

    def _give_order(self, now: float, *, is_ending: bool) -> None:
        """Send the database what it has to do, if there is anything."""
        if now < self._retry_database_at:
            return
        order = Order(outcomes=self._outcomes)
        spare = MAX_IN_FLIGHT - len(self._transport) - sum(len(lane.ready) for lane in self._lanes.values())
        renew_before = now + settings.LEASE_SECONDS * (1 - RENEW_SHARE)
        concerned = {outcome.claim.device_id for outcome in order.outcomes}
        for lane in self._lanes.values():
            lane.rest_if_spent(now)
            if lane.lease_until < renew_before:
                concerned.add(lane.device_id)
            if lane.is_closing or is_ending:
                # Once its last outcome is with the database it may go; the release travels with that outcome.
                order.closing.add(lane.device_id)
                concerned.add(lane.device_id)
                if lane.is_idle:
                    order.released.append((lane.device_id, lane.token))
            elif (room := min(spare, lane.room(now))) > 0:
                order.wanted[lane.device_id] = room
                concerned.add(lane.device_id)
                spare -= room
        # Only those: every lane named here is a row that PostgreSQL writes.
        order.held = [
            (lane.device_id, lane.token, max(0.0, lane.pace.next_slot - now))
            for lane in self._lanes.values()
            if lane.device_id in concerned
        ]
        if not is_ending and now >= self._next_open and len(self._lanes) < MAX_LANES:
            order.requests_spare = MAX_IN_FLIGHT - sum(lane.max_in_flight for lane in self._lanes.values())
            order.take_up_to = MAX_LANES - len(self._lanes) if order.requests_spare > 0 else 0
            self._next_open = now + LOOK_FOR_DEVICES_SECONDS
        if self._settlement.has_untold_events and now >= self._next_flush:
            order.flush = True
            self._next_flush = now + FLUSH_SECONDS
        if self._lanes and now >= self._next_look:
            order.look_at = list(self._lanes)
            self._next_look = now + LOOK_AT_LIMITS_SECONDS
        if not (order.held or order.outcomes or order.take_up_to or order.flush or order.look_at):
            return
        self._outcomes = []
        self._order, self._order_given_at = order, now
        self._with_database = self._database.submit(self._settlement.settle, order)
        self._with_database.add_done_callback(lambda _: self._transport.wake())

    def _take_answer(self, answer: "Future[Settled]", now: float) -> None:
        self._with_database = None
        try:
            settled = answer.result()
        except DatabaseError as error:
            self._survive(error, now)
            return
        # Claims must be here before their slots come, and the next ones take about as long as these.
        horizon = min(LONGEST_HORIZON_SECONDS, max(HORIZON_SECONDS, 2 * (now - self._order_given_at)))
        released = {device_id for device_id, _ in self._order.released}
        self._outcomes += settled.spoiled
        for device_id, limits in settled.limits.items():
            self._lanes[device_id].limit(limits, now)
        for device_id, _, _ in self._order.held:
            lane = self._lanes[device_id]  # until an answer is taken, no lane goes
            if device_id in released or device_id not in settled.held:
                if device_id not in released:
                    log.warning("lease lost", device=device_id)
                del self._lanes[device_id]
                continue
            lane.lease_until = self._order_given_at + settings.LEASE_SECONDS
            lane.pace.horizon = horizon
            lane.look_ahead(now - self._order_given_at, now)
            for claim in settled.claims.get(device_id, ()):
                lane.accept(claim, self._order_given_at, now)
            # Switched off, or taken out by a health check, while we send: what was claimed for it goes back.
            lane.is_closing |= device_id in settled.unusable
            if device_id in settled.unusable:
                self._give_back(lane, "stalled")
            if device_id in self._order.wanted and device_id not in settled.claims:
                # Nothing to send now. With nothing in flight either, the device is free for whoever needs it.
                lane.wants_nothing_until = now + ASK_AGAIN_SECONDS
                lane.is_closing |= lane.is_idle
        if self._order.take_up_to:
            self._others_wait = settled.others_wait
        if settled.others_wait:
            # Left for the other runners, who have this long to take them.
            self._next_open = now + LEAVE_DEVICES_SECONDS
        for opened in settled.opened:
            lane = self._lanes[opened.lease.device_id] = Lane(
                device_id=opened.lease.device_id,
                token=opened.lease.token,
                gateway=opened.gateway,
                address=opened.address,
                pace=open_pace(opened, now),
                max_in_flight=opened.max_in_flight,
                lease_until=self._order_given_at + settings.LEASE_SECONDS,
                midnight=now + opened.lease.seconds_to_midnight,
                allowance=opened.allowance,
                is_on_trial=opened.is_on_trial,
            )
            lane.rest_if_spent(now)

    def _survive(self, error: DatabaseError, now: float) -> None:
        """The database failed us: nobody knows whether the order was carried out.

        Outcomes may be recorded twice, the second time changes nothing. Claims may have been committed that we
        never saw: we claim no more and let the devices go; whoever takes them next puts those in doubt.
        """
        log.warning("database unavailable", error=str(error).strip())
        self._outcomes = [*self._order.outcomes, *self._outcomes]
        self._database.submit(self._settlement.forget)
        self._retry_database_at = now + 0.5
        for device_id, lane in list(self._lanes.items()):
            lane.is_closing = True
            if lane.is_idle and now >= lane.lease_until:
                del self._lanes[device_id]
        self._outcomes = [outcome for outcome in self._outcomes if outcome.claim.device_id in self._lanes]
