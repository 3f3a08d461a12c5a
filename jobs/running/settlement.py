"""The database's half of a lane runner: everything it decides there, in short transactions on one connection.

Runs on a thread of its own beside the network loop, so that neither waits for the other.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime

import structlog
from django.conf import settings
from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone

from devices import egress
from devices.gateway.base import DeviceUnavailable
from devices.gateway.registry import gateway_for
from devices.health import breaker
from devices.lane import leases, runners
from devices.lane.limits import Limits, limits_of
from devices.models import Device
from jobs.live import publishing
from jobs.message.book import MessageBook
from jobs.rules import often
from jobs.running import fleet
from jobs.running.lanes import Opened
from jobs.sending import finishing, reading, recording, recovery, results
from jobs.sending.chunks import Waiting
from jobs.sending.claims import Claimer, claims_of
from jobs.sending.exchange import Answer, Claimed, Offer, exchange, plan_anew
from jobs.sending.outcomes import Claim, Outcome
from jobs.sending.results import LiveFeed
from jobs.states import RecipientState

log = structlog.get_logger(__name__)

MAX_RESOLVING_SECONDS = 3.0
MOST_OPENED_AT_ONCE = 250  # others' claims wait meanwhile

Drawn = tuple[int, int, Waiting]  # device id, job id, recipient


@dataclass(slots=True)
class Order:
    """What the loop asks for: record this, claim so many for each device, let those go, look around."""

    outcomes: list[Outcome] = field(default_factory=list)
    held: list[tuple[int, int]] = field(default_factory=list)  # device id, token: those that the rest is about
    wanted: dict[int, int] = field(default_factory=dict)  # device id: recipients
    closing: set[int] = field(default_factory=set)  # give back what was read for these devices
    released: dict[int, float] = field(default_factory=dict)  # device id: seconds to its next slot
    looks_for_dead: bool = False
    look: "Look | None" = None
    look_at: list[int] = field(default_factory=list)  # devices whose limits may be other than they were
    flush: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """Look for devices that wait; take what is this runner's share."""

    mine: int  # devices it has
    windows_spare: int  # requests at once that it can carry besides, of devices without a pace
    most: int  # devices
    were_left: bool  # at its last look some were left for others


@dataclass(slots=True)
class Settled:
    """What came of an order."""

    is_alive: bool = True  # False: this runner was taken for dead, and has lost all its leases
    held: set[int] = field(default_factory=set)
    unusable: set[int] = field(default_factory=set)  # held, but not to be sent through any more
    locked: set[int] = field(default_factory=set)  # held, and only people who wrote to them were claimed
    limits: dict[int, Limits] = field(default_factory=dict)  # of the devices looked at, before these claims
    claims: dict[int, list[Claim]] = field(default_factory=dict)
    idle: set[int] = field(default_factory=set)  # were asked for, and have nothing to send
    # Of those, the ones that write only to people they know: for how many seconds they need not look for more.
    rests: dict[int, float] = field(default_factory=dict)
    spoiled: list[Outcome] = field(default_factory=list)  # claimed, and yet there is nothing to send
    opened: list[Opened] = field(default_factory=list)
    others_wait: bool = False  # devices that were left for another runner
    is_short: bool = False  # others have what would be this runner's share
    surplus: int = 0  # devices it has above its share


class Settlement:
    """The claimers and the live feed of one runner. Used from one thread only."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.has_news = False  # the database told of a change
        self._runner_id: int | None = None
        self._session: object = None  # in which the runner lives
        self._claimers: dict[int, Claimer] = {}
        self._feed = LiveFeed()
        self._messages = MessageBook()
        self._limited_by_day: set[int] = set()
        self._strangers_day: dict[int, date] = {}  # of devices that may write to so many only, by their clocks

    @property
    def has_untold_events(self) -> bool:
        return bool(self._feed.held)

    def settle(self, order: Order) -> Settled:
        """Carry out an order. Raises django.db.Error: then nothing is certain but what is in the rows."""
        settled = Settled()
        self._live_here()
        if order.look is not None:
            plan_anew()  # a job that has begun has made the tables grow
        if order.look_at:
            settled.limits = self._look_at(order.look_at)
        if self._runner_id is not None:
            self._exchange(order, settled)
        if order.flush:
            self._recorded(results.tell_held(self._feed))
        if order.looks_for_dead:
            with transaction.atomic(), connection.cursor() as cursor:
                recovery.bury(cursor, settings.QUIET_SECONDS)
        if order.look is not None:
            self._look(order.look, settled)
        return settled

    def _exchange(self, order: Order, settled: Settled) -> None:
        self._refill(order)
        drawn = self._draw(order.wanted, timezone.now())
        settled.idle = order.wanted.keys() - {device_id for device_id, _, _ in drawn}
        settled.rests = {
            device_id: self._claimers[device_id].rest(time.monotonic())
            for device_id in settled.idle & self._claimers.keys()
            if self._claimers[device_id].knows_only
        }
        offer = self._offer(order, drawn)
        tells = self._feed.may_tell_any(outcome.claim.job_id for outcome in order.outcomes)
        try:
            answer = self._carry_out(order, offer, drawn, settled, tells=tells)
        except (DataError, IntegrityError):
            if not order.outcomes:
                raise
            # One of them cannot be kept, and must not hold up the others.
            order.outcomes = offer.outcomes = recording.sifted(order.outcomes)
            answer = self._carry_out(order, offer, drawn, settled, tells=tells)
        if not answer.is_alive:
            self._claimers.clear()
            self._runner_id = None
        for device_id in order.released:
            self._claimers.pop(device_id, None)
        if not tells:
            self._recorded(results.announce(order.outcomes, answer, self._feed, is_committed=True))
        self._forget_unsent(order.outcomes)

    def _carry_out(
        self, order: Order, offer: Offer, drawn: Sequence[Drawn], settled: Settled, *, tells: bool
    ) -> Answer:
        """Exchange, and what must be done in the same transaction; nothing is changed where the exchange is refused."""
        unsent = Counter(outcome.claim.device_id for outcome in order.outcomes if outcome.proven_unsent)
        limited = bool(self._limited_by_day) and not self._limited_by_day.isdisjoint(order.wanted.keys() | unsent)
        counts = bool(self._strangers_day) and not self._strangers_day.keys().isdisjoint(order.wanted.keys() | unsent)
        forgotten = order.released.keys() - self._claimers.keys()
        with transaction.atomic() if limited or counts or forgotten or tells else nullcontext():
            answer = exchange(offer)
            settled.is_alive = answer.is_alive
            settled.held, settled.unusable = answer.held, answer.held - answer.usable
            settled.locked = answer.locked
            for device_id in {device_id for device_id, _ in order.held} - settled.held:
                # A lost lease: whoever took the device has put our claims in doubt, set our chunks free, and decides.
                self._claimers.pop(device_id, None)
            self._keep_claimed(drawn, answer.claimed, settled)
            for device_id in answer.locked & self._claimers.keys():
                self._claimers[device_id].limit_strangers(0)
            if limited:
                # A day's limit is of what went out or may have: what was refused is given back.
                begun = Counter(device_id for device_id, _ in answer.claimed)
                begun.subtract(unsent)
                with connection.cursor() as cursor:
                    leases.count_today(
                        cursor, {k: number for k, number in begun.items() if number and k in self._limited_by_day}
                    )
            if counts:
                self._count_strangers(order, drawn, answer)
            if forgotten & settled.held:
                # A database error cost us what we knew of them: claims and chunks that only the rows tell of.
                with connection.cursor() as cursor:
                    recovery.recover(cursor, list(forgotten & settled.held), settings.QUIET_SECONDS)
            if tells:
                self._recorded(results.announce(order.outcomes, answer, self._feed, is_committed=False))
        return answer

    def _count_strangers(self, order: Order, drawn: Sequence[Drawn], answer: Answer) -> None:
        """As a day's limit is."""
        begun = Counter(
            device_id
            for device_id, _, waiting in drawn
            if waiting.is_stranger and (device_id, waiting.recipient_id) in answer.claimed
        )
        begun.subtract(
            outcome.claim.device_id
            for outcome in order.outcomes
            if outcome.proven_unsent and outcome.claim.is_stranger and outcome.claim.device_id in answer.held
        )
        if counted := {k: (self._strangers_day[k], n) for k, n in begun.items() if n and k in self._strangers_day}:
            with connection.cursor() as cursor:
                leases.count_strangers(cursor, counted)

    def _forget_unsent(self, outcomes: Sequence[Outcome]) -> None:
        """Whom nothing was sent to in the end may be written to by others."""
        unsent = [
            (one.claim.recipient_id, one.claim.job_id, one.claim.phone)
            for one in outcomes
            if one.claim.is_limited and one.state == RecipientState.FAILED and one.proven_unsent
        ]
        if unsent:
            with transaction.atomic(), connection.cursor() as cursor:
                often.forget(cursor, unsent)

    def forget(self) -> None:
        """Drop all that is known beside the rows (after a database error)."""
        self._claimers.clear()
        connection.close()

    def leave(self) -> None:
        """Send no more: with nothing held, this runner is none."""
        if self._runner_id is not None:
            self._live_here()
            with transaction.atomic(), connection.cursor() as cursor:
                runners.leave(cursor, self._runner_id)
            self._runner_id = None

    def _live_here(self) -> None:
        """Have the runner live as long as the session it has now, and hear of changes."""
        connection.ensure_connection()
        if self._session is connection.connection:
            return
        with transaction.atomic(), connection.cursor() as cursor:
            runners.listen(cursor)
            if self._runner_id is not None:
                runners.move_here(cursor, self._runner_id)
        connection.connection.add_notify_handler(self._hear)
        self._session = connection.connection
        self.has_news = True  # what changed before, nobody told us

    def take_news(self) -> bool:
        """Whether anything was told since this was asked last."""
        had, self.has_news = self.has_news, False
        return had

    def _hear(self, _: object) -> None:
        self.has_news = True

    def _look_at(self, device_ids: Sequence[int]) -> dict[int, Limits]:
        with connection.cursor() as cursor:
            limits = limits_of(cursor, device_ids)
        self._limited_by_day -= limits.keys()
        self._limited_by_day |= {pk for pk, one in limits.items() if one.allowance is not None}
        for device_id, one in limits.items():
            if one.strangers is None or one.today is None:
                self._strangers_day.pop(device_id, None)
            else:
                self._strangers_day[device_id] = one.today
        for device_id, one in limits.items():
            if (claimer := self._claimers.get(device_id)) is not None:
                claimer.keep_pace(one.messages_per_minute)
                claimer.limit_strangers(one.strangers)
        return limits

    def _refill(self, order: Order) -> None:
        """Read more for the devices that want more than was read for them, and for others that are low, in one go."""
        dry = {k for k, number in order.wanted.items() if k in self._claimers and len(self._claimers[k]) < number}
        if knowing := {self._claimers[k]: order.wanted[k] for k in dry if self._claimers[k].knows_only}:
            with transaction.atomic(), connection.cursor() as cursor:
                reading.look_for_known(cursor, knowing, timezone.now())
            dry -= {claimer.device_id for claimer in knowing}
            self._leave_out(list(knowing))
        if not dry:
            return
        low = [
            claimer
            for device_id, claimer in self._claimers.items()
            if not claimer.knows_only and (device_id in dry or (claimer.is_low and device_id not in order.closing))
        ]
        with transaction.atomic(), connection.cursor() as cursor:
            if not runners.hold(cursor, self._runner_id or 0, settings.LEASE_SECONDS):
                return  # the exchange finds it out, too
            held = leases.held(cursor, [(one.device_id, one.token) for one in low], self._runner_id or 0)
            taken = reading.refill(cursor, [one for one in low if one.device_id in held], timezone.now())
        self._leave_out(low)
        if taken:
            with transaction.atomic(), connection.cursor() as cursor:
                told = results.chunks_taken(cursor, taken)
            publishing.publish(told)

    def _leave_out(self, claimers: Sequence[Claimer]) -> None:
        """Write down of whom was read that they are not to be written to, now or at all."""
        self._put_off(claimers)
        if left := [outcome for claimer in claimers if claimer.left_out for outcome in claimer.take_left_out()]:
            with transaction.atomic(), connection.cursor() as cursor:
                self._recorded(results.record(cursor, left, self._feed, source=RecipientState.QUEUED))

    def _draw(self, wanted: Mapping[int, int], now: datetime) -> list[Drawn]:
        drawn: list[Drawn] = []
        claimers = [self._claimers[device_id] for device_id in wanted if device_id in self._claimers]
        for claimer in claimers:
            device_id = claimer.device_id
            drawn += [(device_id, job_id, waiting) for job_id, waiting in claimer.draw(wanted[device_id], now)]
        self._leave_out(claimers)
        return drawn

    def _put_off(self, claimers: Sequence[Claimer]) -> None:
        if not_yet := [one for claimer in claimers if claimer.not_yet for one in claimer.take_not_yet()]:
            with transaction.atomic(), connection.cursor() as cursor:
                reading.put_off(cursor, not_yet)

    def _offer(self, order: Order, drawn: Sequence[Drawn]) -> Offer:
        for outcome in order.outcomes:
            if (claimer := self._claimers.get(outcome.claim.device_id)) is not None:
                claimer.let_go(outcome.claim.chunk_id)
        offer = Offer(
            runner_id=self._runner_id or 0,
            held=order.held,
            released=list(order.released.items()),
            drawn=[(waiting.recipient_id, device_id, job_id) for device_id, job_id, waiting in drawn],
            limited={one.recipient_id: one.limits for _, _, one in drawn if one.limits is not None},
            outcomes=order.outcomes,
        )
        done: list[tuple[int, int]] = []
        freed: list[tuple[int, int, int]] = []
        for device_id, _ in order.held:
            if (claimer := self._claimers.get(device_id)) is None:
                continue
            if device_id in order.closing:
                claimer.drop_all()
            through, given_back = claimer.take_closed()
            done += [(chunk.chunk_id, device_id) for chunk in through]
            freed += [(chunk.chunk_id, device_id, chunk.left_from or 0) for chunk in given_back]
        offer.done, offer.freed = done, freed
        return offer

    def _keep_claimed(
        self, drawn: Sequence[Drawn], claimed: Mapping[tuple[int, int], Claimed], settled: Settled
    ) -> None:
        made, settled.spoiled = claims_of(drawn, claimed, self._messages)
        for ours in made:
            settled.claims.setdefault(ours.device_id, []).append(ours)
        for device_id, _job_id, waiting in drawn:
            if (device_id, waiting.recipient_id) not in claimed and device_id in self._claimers:
                self._claimers[device_id].was_not_claimed(waiting)

    def _recorded(self, recorded: results.Recorded) -> None:
        """Once it is committed, publish what is to be told and finish the jobs that are over."""

        def publish_and_finish() -> None:
            publishing.publish(recorded.events)
            for job_id in recorded.ended_job_ids:
                finishing.finish(job_id)

        transaction.on_commit(publish_and_finish)

    def _look(self, look: Look, settled: Settled) -> None:
        """Take the devices that are this runner's, and prepare to send through them."""
        with transaction.atomic(), connection.cursor() as cursor:
            if self._runner_id is None:
                self._runner_id = runners.register(cursor, self.name, settings.LEASE_SECONDS)
            if not runners.hold(cursor, self._runner_id, settings.LEASE_SECONDS):
                settled.is_alive, self._runner_id = False, None
                self._claimers.clear()
                return
            waiting = fleet.devices_with_work(cursor, look.most)
            count, held = runners.count(cursor)
            standing = fleet.Standing(count, held, look.mine, len(waiting))
            chosen = fleet.choose(
                waiting, standing, settings.WORKER_PROCESSES, look.windows_spare, were_left=look.were_left
            )[:MOST_OPENED_AT_ONCE]
            taken = leases.take(cursor, chosen, self._runner_id) if chosen else []
        settled.others_wait = len(taken) < len(waiting)
        settled.surplus = standing.surplus
        settled.is_short = standing.is_short(len(taken))
        if taken:
            self._open(taken, settled)

    def _open(self, taken: Sequence[leases.Lease], settled: Settled) -> None:
        limits = self._look_at([lease.device_id for lease in taken])
        devices: dict[int, Device] = Device.unscoped.in_bulk(limits.keys())
        # Beside the open lanes: a name service that is silent must not keep their outcomes for long.
        addresses = egress.resolve_all((device.base_url for device in devices.values()), MAX_RESOLVING_SECONDS)
        useless: list[tuple[int, int]] = []
        for lease in taken:
            device = devices[lease.device_id]
            opened = _prepare(lease, device, addresses[device.base_url], limits[device.pk])
            if opened is None:
                useless.append((lease.device_id, lease.token))
                continue
            settled.opened.append(opened)
            claimer = self._claimers[device.pk] = Claimer(
                device.pk, settings.CHUNK_SIZE, device.max_in_flight, lease.token, device.messages_per_minute
            )
            claimer.limit_strangers(limits[device.pk].strangers)
        if useless:
            with transaction.atomic(), connection.cursor() as cursor:
                leases.release(cursor, useless, self._runner_id or 0)


def _prepare(
    lease: leases.Lease,
    device: Device,
    address: egress.CheckedAddress | egress.EgressRefused | egress.Unresolvable,
    limits: Limits,
) -> Opened | None:
    try:
        gateway = gateway_for(device)
    except DeviceUnavailable as error:
        breaker.take_out(device.pk, error.code)
        return None
    if not isinstance(address, egress.CheckedAddress):
        breaker.take_out(device.pk, "egress_refused" if isinstance(address, egress.EgressRefused) else "unreachable")
        return None
    return Opened(lease, gateway, address, limits)
