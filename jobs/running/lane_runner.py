"""The loop that sends: it carries many lanes at once, keeps each one's window full and its pace kept.

One thread moves bytes, another talks to the database; at any time at most one order is with the database, and
what finishes meanwhile makes up the next one. So a fast gateway gets large orders and a slow one small ones.
"""

import math
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import structlog
from django.conf import settings
from django.db import Error as DatabaseError

from devices.egress import CheckedAddress, EgressRefused
from devices.lane.pacing import LONGEST_HORIZON_SECONDS
from jobs.running.addresses import Addresses
from jobs.running.alarms import Alarms
from jobs.running.lanes import SPAN_SECONDS, Lane
from jobs.running.lookout import Lookout
from jobs.running.network import Network
from jobs.running.settlement import Order, Settled, Settlement

log = structlog.get_logger(__name__)

BEAT_SECONDS = 1.0  # an order at least so often, be it empty: it renews all leases, and brings what the database tells
ASK_AGAIN_SECONDS = 0.5  # after the database had nothing for a device
# Devices taken together do not begin at once: they would keep step with each other from then on. Over half an interval
# they are spread, so that those of a dead runner, which rest for one, send again within 10 s at 12 a minute; and two
# follow each other within so long.
STAGGER_SECONDS = 0.02
# Where every lane keeps a slow pace, what happens within so long is seen to together: to wake for each answer and each
# slot costs more than they do.
TICK_SECONDS = 0.05
# An order claims no more than can be begun in time. On a machine that is short of processors all would be given back
# unsent, and claimed again, for ever.
MOST_CLAIMS, FEWEST_CLAIMS = 1024, 16
LONG_ORDER_SECONDS = 1.0
FLUSH_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 0.1


class LaneRunner:
    """Sends through every device that is its share, as long as there is something to send. One a worker process."""

    def __init__(self) -> None:
        self._settlement = Settlement(f"{socket.gethostname()}:{os.getpid()}")
        self._database = ThreadPoolExecutor(1, "settlement")
        self._addresses = Addresses()
        self._lanes: dict[int, Lane] = {}
        self._network = Network(self._lanes, self._database.submit)
        self._lookout = Lookout()
        self._alarms = Alarms()
        self._wanting: dict[int, Lane] = {}  # have room for claims
        self._closing: dict[int, Lane] = {}
        self._has_brisk = False
        self._most_claims = MOST_CLAIMS
        self._with_database: Future[Settled] | None = None
        self._order = Order()
        self._order_given_at = 0.0
        self._next_flush = 0.0
        self._retry_database_at = 0.0

    def run(self, seconds: float = math.inf, should_stop: Callable[[], bool] = lambda: False) -> None:
        """Send until nothing is left to this runner, or `should_stop`; what is in flight then is answered for."""
        started = now = time.monotonic()
        self._lookout.next_look = 0.0
        while True:
            if self._lanes and not self._has_brisk:
                time.sleep(TICK_SECONDS)
                now = time.monotonic()
            for device_id in self._alarms.due(now):
                self._attend(self._lanes[device_id], now)
            answered = self._network.pump(self._patience(now))
            now = time.monotonic()
            for lane in answered:
                self._attend(lane, now)
            if self._with_database is not None and self._with_database.done():
                self._take_answer(self._with_database, now)
            self._follow_addresses(now)
            self._network.reports.tell(self._lanes.values(), now)
            is_ending = should_stop() or now - started >= seconds
            if self._with_database is None:
                if self._is_idle and (is_ending or (self._lookout.next_look > now and not self._awaits_more)):
                    break
                self._give_order(now, is_ending=is_ending)
        self._leave()

    def close(self) -> None:
        """Let go of sockets, threads and the database session, and with it of every lease."""
        self._network.transport.close()
        self._database.submit(self._settlement.forget)
        self._database.shutdown()
        self._addresses.close()

    @property
    def _is_idle(self) -> bool:
        return not self._lanes and not self._network.outcomes and not self._settlement.has_untold_events

    @property
    def _awaits_more(self) -> bool:
        return self._lookout.awaits_more or self._settlement.has_news

    def _leave(self) -> None:
        self._network.reports.tell_sent(time.monotonic())
        try:
            self._database.submit(self._settlement.leave).result()
        except DatabaseError as error:
            log.warning("database unavailable", error=str(error).strip())

    def _attend(self, lane: Lane, now: float) -> None:
        """Do for a lane what is due, and note when it is to be looked after next."""
        if self._lanes.get(lane.device_id) is not lane:
            return
        self._network.write_ready(lane, now)
        if lane.is_closing:
            self._closing[lane.device_id] = lane
        moment = lane.claims_from
        if moment <= now:
            self._wanting[lane.device_id] = lane
            self._network.is_urgent |= lane.is_brisk
            moment = math.inf  # the next order is
        self._alarms.set(lane.device_id, min(moment, lane.writes_from))

    def _follow_addresses(self, now: float) -> None:
        """Send to where each gateway is by now."""
        moved = self._addresses.moved((lane.address for lane in self._lanes.values()), now)
        for lane in list(self._lanes.values()) if moved else ():
            match moved.get(lane.address):
                case CheckedAddress() as address:
                    lane.address = address
                case EgressRefused():
                    self._network.take_out(lane, "egress_refused", "egress_refused")
                    self._attend(lane, now)

    def _patience(self, now: float) -> float:
        """How long the network may be waited for."""
        until = min(now + LONGEST_WAIT_SECONDS, self._alarms.next())
        if self._with_database is None and (self._network.outcomes or self._wanting or self._closing):
            until = min(until, self._next_order)
        return max(0.0, until - now)

    # --- The database ----------------------------------------------------------------------------

    @property
    def _next_order(self) -> float:
        """When what has come together is worth an order."""
        return max(self._retry_database_at, 0.0 if self._network.is_urgent else self._order_given_at + SPAN_SECONDS)

    def _give_order(self, now: float, *, is_ending: bool) -> None:
        """Send the database what it has to do, if there is anything and its time has come."""
        if is_ending:
            for lane in self._lanes.values():
                lane.is_closing = True
            self._closing.update(self._lanes)
        if now < (self._retry_database_at if is_ending else self._next_order):
            return
        order = Order(outcomes=self._network.outcomes)
        concerned = {outcome.claim.device_id for outcome in order.outcomes} & self._lanes.keys()
        for device_id, lane in self._closing.items():
            # Once its last outcome is with the database it may go; the release travels with that outcome.
            order.closing.add(device_id)
            if lane.is_idle:
                order.released[device_id] = max(0.0, lane.pace.next_slot - now)
        spare = min(self._most_claims, self._network.free_sockets) - self._network.lined_up
        for device_id, lane in list(self._wanting.items()):
            room = 0 if lane.is_closing else min(spare, lane.room(now))
            if room > 0:
                order.wanted[device_id] = room
                spare -= room
            if spare > 0:
                del self._wanting[device_id]
                if not room:
                    self._attend(lane, now)
        concerned |= order.closing | order.wanted.keys()
        order.held = [(device_id, self._lanes[device_id].token) for device_id in concerned]
        has_news = self._settlement.take_news()
        if not is_ending:
            order.looks_for_dead = self._lookout.looks_for_dead(now)
            order.look = self._lookout.look(self._lanes, self._network.sockets, now, has_news=has_news)
        order.look_at = self._lookout.whose_limits(self._lanes, now, has_news=has_news)
        if self._settlement.has_untold_events and now >= self._next_flush:
            order.flush = True
            self._next_flush = now + FLUSH_SECONDS
        is_due = self._lanes and now >= self._order_given_at + BEAT_SECONDS
        if not (order.held or order.look or order.look_at or order.flush or is_due):
            return
        self._network.begin_anew()
        self._order, self._order_given_at = order, now
        self._with_database = self._database.submit(self._settlement.settle, order)
        self._with_database.add_done_callback(lambda _: self._network.transport.wake())

    def _take_answer(self, answer: "Future[Settled]", now: float) -> None:
        self._with_database = None
        try:
            settled = answer.result()
        except DatabaseError as error:
            self._survive(error, now)
            return
        order_seconds = now - self._order_given_at
        self._fit_orders(order_seconds)
        if not settled.is_alive:
            self._lose_all()
        self._network.lease_until = self._order_given_at + settings.LEASE_SECONDS
        # Claims must be here before their slots come, and the next ones take about as long as these.
        horizon = min(LONGEST_HORIZON_SECONDS, SPAN_SECONDS + max(0.05, 2 * order_seconds))
        self._network.outcomes += settled.spoiled
        for device_id, limits in settled.limits.items():
            if (lane := self._lanes.get(device_id)) is not None:
                lane.limit(limits, now)
                self._lock(lane, is_locked=limits.is_locked)
                self._attend(lane, now)
        for device_id, _ in self._order.held:
            if (lane := self._lanes.get(device_id)) is None:
                continue
            if device_id in self._order.released or device_id not in settled.held:
                if device_id not in self._order.released:
                    log.warning("lease lost", device=device_id)
                elif lane.is_moving:
                    self._lookout.look_at_once()  # whoever comes first, and be it this one
                self._forget(lane)
                continue
            if device_id not in settled.unusable:
                self._lock(lane, is_locked=device_id in settled.locked)
            if device_id not in self._order.wanted and not lane.is_brisk and not lane.is_closing:
                continue  # its outcome is recorded; what comes next, its alarm knows
            lane.pace.horizon = horizon
            lane.look_ahead(order_seconds, now)
            for claim in settled.claims.get(device_id, ()):
                lane.accept(claim, self._order_given_at, now)
                self._network.lined_up += 1
            # Switched off, or taken out by a health check, while we send: what was claimed for it goes back.
            if device_id in settled.unusable:
                self._network.stop(lane, "stalled")
            if device_id in settled.idle:
                # Nothing to send now. With nothing in flight either, the device is free for whoever needs it.
                lane.wants_nothing_until = now + ASK_AGAIN_SECONDS
                if device_id in settled.rests:
                    lane.rest_if_nobody_is_known(settled.rests[device_id], now)
                else:
                    lane.is_closing |= lane.is_idle
            lane.rest_if_spent(now)
            self._attend(lane, now)
        if self._order.look is not None:
            self._take_look(settled, now)
        if settled.limits or settled.opened:
            self._has_brisk = any(lane.is_brisk for lane in self._lanes.values())

    def _lock(self, lane: Lane, *, is_locked: bool) -> None:
        """Have a lane write only to people who wrote to its device: who was claimed before that goes back."""
        if is_locked and not lane.is_locked:
            self._network.give_back(lane, "stalled")
        lane.is_locked = is_locked

    def _fit_orders(self, order_seconds: float) -> None:
        """Claim half as many at once where an order took long or came too late, and twice as many where it did not."""
        claimed = sum(self._order.wanted.values())
        if order_seconds > LONG_ORDER_SECONDS and claimed:
            self._most_claims = max(FEWEST_CLAIMS, min(self._most_claims, claimed) // 2)
        elif order_seconds < LONG_ORDER_SECONDS / 2:
            self._most_claims = min(MOST_CLAIMS, 2 * self._most_claims)

    def _take_look(self, settled: Settled, now: float) -> None:
        """Open the devices that were taken; give up those above this runner's share."""
        self._lookout.note(settled, now)
        number = max(1, len(settled.opened))
        for place, opened in enumerate(settled.opened):
            lane = self._lanes[opened.lease.device_id] = Lane.of(opened, now)
            lane.pace.next_slot += place * min(STAGGER_SECONDS, lane.pace.interval / 2 / number)
            lane.rest_if_spent(now)
            self._attend(lane, now)
        if settled.surplus:
            # Those whose slot is farthest off: whoever takes them has time until then.
            farthest = sorted(self._lanes.values(), key=lambda lane: lane.pace.next_slot, reverse=True)
            for lane in farthest[: settled.surplus]:
                lane.is_closing = True
                self._attend(lane, now)

    def _forget(self, lane: Lane) -> None:
        """Carry a lane no more: it was given back, or lost."""
        self._network.lined_up -= len(lane.ready)
        self._alarms.set(lane.device_id, math.inf)
        for lanes in (self._lanes, self._wanting, self._closing):
            lanes.pop(lane.device_id, None)

    def _lose_all(self) -> None:
        """This runner was taken for dead: whoever did that has put our claims in doubt, and decides."""
        log.warning("all leases lost", devices=len(self._lanes))
        for lane in list(self._lanes.values()):
            self._forget(lane)
        self._network.outcomes = []

    def _survive(self, error: DatabaseError, now: float) -> None:
        """The database failed us: nobody knows whether the order was carried out.

        Outcomes may be recorded twice, the second time changes nothing. Claims may have been committed that we
        never saw: we claim no more and let the devices go; whoever takes them next puts those in doubt.
        """
        log.warning("database unavailable", error=str(error).strip())
        outcomes = [*self._order.outcomes, *self._network.outcomes]
        self._database.submit(self._settlement.forget)
        self._retry_database_at = now + 0.5
        for lane in list(self._lanes.values()):
            lane.is_closing = True
            if lane.is_idle and now >= self._network.lease_until:
                self._forget(lane)
            else:
                self._closing[lane.device_id] = lane
        self._network.outcomes = [outcome for outcome in outcomes if outcome.claim.device_id in self._lanes]
