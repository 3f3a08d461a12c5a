"""The database's half of a lane runner: everything it decides there, in short transactions on one connection.

Runs on a thread of its own beside the network loop, so that neither waits for the other.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone

from devices import breaker, egress
from devices.gateway.base import DeviceUnavailable
from devices.gateway.registry import gateway_for
from devices.lane import leases
from devices.lane.limits import Limits, limits_of
from devices.lane.pacing import Pace, daily_allowance
from devices.models import Device
from jobs.live import publishing
from jobs.message.book import MessageBook
from jobs.sending import dispatch, finishing, recording, recovery, results
from jobs.sending.chunks import Waiting
from jobs.sending.claims import Claimer, claims_of
from jobs.sending.exchange import Answer, Offer, exchange
from jobs.sending.outcomes import Claim, Outcome
from jobs.sending.results import LiveFeed
from jobs.states import RecipientState

log = structlog.get_logger(__name__)

SLICE_SECONDS = 25.0
MAX_RESOLVING_SECONDS = 3.0

Drawn = tuple[int, int, Waiting]  # device id, job id, recipient


@dataclass(slots=True)
class Order:
    """What the loop asks for: record this, renew these leases, claim so many for each device, let those go."""

    outcomes: list[Outcome] = field(default_factory=list)
    held: list[tuple[int, int, float]] = field(default_factory=list)  # device id, token, seconds to the next slot
    wanted: dict[int, int] = field(default_factory=dict)  # device id: recipients
    closing: set[int] = field(default_factory=set)  # give back what was read for these devices
    released: list[tuple[int, int]] = field(default_factory=list)  # device id, token
    take_up_to: int = 0  # devices that wait for a runner
    requests_spare: int = 0  # that those may have in flight together
    look_at: list[int] = field(default_factory=list)  # devices whose limits may be other than they were
    flush: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A device whose lease was taken, with all that is needed to send through it."""

    lease: leases.Lease
    gateway: Any
    address: egress.CheckedAddress
    messages_per_minute: int | None
    jitter_percent: int
    max_in_flight: int
    allowance: int | None  # messages it may still send today
    is_on_trial: bool  # it was out, and nothing was accepted since


@dataclass(slots=True)
class Settled:
    """What came of an order. A device that was asked for and is not in `claims` has nothing to send."""

    held: set[int] = field(default_factory=set)
    unusable: set[int] = field(default_factory=set)  # held, but not to be sent through any more
    limits: dict[int, Limits] = field(default_factory=dict)  # of the devices looked at, before these claims
    claims: dict[int, list[Claim]] = field(default_factory=dict)
    spoiled: list[Outcome] = field(default_factory=list)  # claimed, and yet there is nothing to send
    opened: list[Opened] = field(default_factory=list)
    others_wait: bool = False  # devices that were left for another runner


class Settlement:
    """The claimers and the live feed of one runner. Used from one thread only."""

    def __init__(self, holder: str) -> None:
        self.holder = holder
        self._claimers: dict[int, Claimer] = {}
        self._feed = LiveFeed()
        self._messages = MessageBook()
        self._limited_by_day: set[int] = set()

    @property
    def has_untold_events(self) -> bool:
        return bool(self._feed.held)

    def settle(self, order: Order) -> Settled:
        """Carry out an order. Raises django.db.Error: then nothing is certain but what is in the rows."""
        settled = Settled()
        if order.look_at:
            settled.limits = self._look_at(order.look_at)
        self._refill(order)
        drawn = self._draw(order.wanted, timezone.now())
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
        for device_id, _token in order.released:
            self._claimers.pop(device_id, None)
        if not tells:
            self._recorded(results.announce(order.outcomes, answer, self._feed, is_committed=True))
        if order.flush:
            self._recorded(results.tell_held(self._feed))
        if order.take_up_to:
            self._open(order, settled)
        return settled

    def _carry_out(
        self, order: Order, offer: Offer, drawn: Sequence[Drawn], settled: Settled, *, tells: bool
    ) -> Answer:
        """Exchange, and what must be done in the same transaction; nothing is changed where the exchange is refused."""
        unsent = Counter(outcome.claim.device_id for outcome in order.outcomes if outcome.proven_unsent)
        limited = bool(self._limited_by_day) and not self._limited_by_day.isdisjoint(order.wanted.keys() | unsent)
        forgotten = {device_id for device_id, _token in order.released} - self._claimers.keys()
        with transaction.atomic() if limited or forgotten or tells else nullcontext():
            answer = exchange(offer)
            settled.held, settled.unusable = answer.held, answer.held - answer.usable
            for device_id in {device_id for device_id, _, _ in order.held} - settled.held:
                # A lost lease: whoever took the device has put our claims in doubt, set our chunks free, and decides.
                self._claimers.pop(device_id, None)
            self._keep_claimed(drawn, answer.claimed, settled)
            if limited:
                # A day's limit is of what went out or may have: what was refused is given back.
                begun = Counter(device_id for device_id, _ in answer.claimed)
                begun.subtract(unsent)
                with connection.cursor() as cursor:
                    leases.count_today(
                        cursor, {k: number for k, number in begun.items() if number and k in self._limited_by_day}
                    )
            if forgotten & settled.held:
                # A database error cost us what we knew of them: claims and chunks that only the rows tell of.
                with connection.cursor() as cursor:
                    recovery.recover(cursor, list(forgotten & settled.held), settings.QUIET_SECONDS)
            if tells:
                self._recorded(results.announce(order.outcomes, answer, self._feed, is_committed=False))
        return answer

    def forget(self) -> None:
        """Drop all that is known beside the rows (after a database error)."""
        self._claimers.clear()
        connection.close()

    def _look_at(self, device_ids: Sequence[int]) -> dict[int, Limits]:
        with connection.cursor() as cursor:
            limits = limits_of(cursor, device_ids)
        self._limited_by_day |= {pk for pk, one in limits.items() if one.allowance is not None}
        return limits

    def _refill(self, order: Order) -> None:
        """Read more for the devices that want more than was read for them, each under its lease."""
        for device_id, token, slot in order.held:
            claimer = self._claimers.get(device_id)
            if claimer is None or len(claimer) >= order.wanted.get(device_id, 0):
                continue
            with transaction.atomic(), connection.cursor() as cursor:
                is_held = leases.renew(cursor, [(device_id, token, slot)], settings.LEASE_SECONDS)
                events = claimer.refill(cursor, timezone.now()) if is_held else []
            _put_off(claimer)
            if claimer.banned:
                with transaction.atomic(), connection.cursor() as cursor:
                    banned = claimer.take_banned()
                    self._recorded(results.record(cursor, banned, self._feed, source=RecipientState.QUEUED))
            publishing.publish(events)

    def _draw(self, wanted: Mapping[int, int], now: datetime) -> list[Drawn]:
        drawn: list[Drawn] = []
        for device_id, number in wanted.items():
            if (claimer := self._claimers.get(device_id)) is not None:
                drawn += [(device_id, job_id, waiting) for job_id, waiting in claimer.draw(number, now)]
                _put_off(claimer)
        return drawn

    def _offer(self, order: Order, drawn: Sequence[Drawn]) -> Offer:
        released = {device_id for device_id, _ in order.released}
        for outcome in order.outcomes:
            if (claimer := self._claimers.get(outcome.claim.device_id)) is not None:
                claimer.let_go(outcome.claim.chunk_id)
        offer = Offer(
            held=[(device_id, token, slot, device_id in released) for device_id, token, slot in order.held],
            drawn=[(waiting.recipient_id, device_id, job_id) for device_id, job_id, waiting in drawn],
            outcomes=order.outcomes,
        )
        done: list[tuple[int, int]] = []
        freed: list[tuple[int, int, int]] = []
        for device_id, _, _ in order.held:
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
        self, drawn: Sequence[Drawn], claimed: Mapping[tuple[int, int], tuple[int, bool]], settled: Settled
    ) -> None:
        claims, settled.spoiled = claims_of(drawn, claimed, self._messages)
        for ours in claims:
            settled.claims.setdefault(ours.device_id, []).append(ours)
        for device_id, _job_id, waiting in drawn:
            if (device_id, waiting.recipient_id) not in claimed and device_id in self._claimers:
                self._claimers[device_id].let_go(waiting.chunk_id, waiting.position)

    def _recorded(self, recorded: results.Recorded) -> None:
        """Once it is committed, publish what is to be told and finish the jobs that are over."""

        def publish_and_finish() -> None:
            publishing.publish(recorded.events)
            for job_id in recorded.ended_job_ids:
                finishing.finish(job_id)

        transaction.on_commit(publish_and_finish)

    def _open(self, order: Order, settled: Settled) -> None:
        """Take devices that have work and no runner, settle what their last holder left, and prepare to send."""
        with transaction.atomic(), connection.cursor() as cursor:
            waiting = dispatch.devices_with_work(cursor, order.take_up_to)
            ours = dispatch.share(waiting, settings.WORKER_PROCESSES, order.requests_spare)
            settled.others_wait = len(ours) < len(waiting)
            taken = leases.take(cursor, ours, self.holder, settings.LEASE_SECONDS) if ours else []
            if taken:
                recovery.recover(cursor, [lease.device_id for lease in taken], settings.QUIET_SECONDS)
        devices: dict[int, Device] = Device.unscoped.in_bulk([lease.device_id for lease in taken])
        # Beside the open lanes: a name service that is silent must not keep their outcomes for long.
        addresses = egress.resolve_all((device.base_url for device in devices.values()), MAX_RESOLVING_SECONDS)
        for lease in taken:
            device = devices[lease.device_id]
            if (ready := self._prepare(lease, device, addresses[device.base_url])) is not None:
                settled.opened.append(ready)
        unusable = {lease.device_id: lease.token for lease in taken}
        for ready in settled.opened:
            unusable.pop(ready.lease.device_id)
            self._claimers[ready.lease.device_id] = Claimer(
                ready.lease.device_id, _max_chunk_size(ready.messages_per_minute), ready.max_in_flight
            )
        if unusable:
            with transaction.atomic(), connection.cursor() as cursor:
                leases.release(cursor, list(unusable.items()))

    def _prepare(
        self,
        lease: leases.Lease,
        device: Device,
        address: egress.CheckedAddress | egress.EgressRefused | egress.Unresolvable,
    ) -> Opened | None:
        try:
            gateway = gateway_for(device)
        except DeviceUnavailable as error:
            breaker.take_out(device.pk, error.code)
            return None
        if not isinstance(address, egress.CheckedAddress):
            breaker.take_out(
                device.pk, "egress_refused" if isinstance(address, egress.EgressRefused) else "unreachable"
            )
            return None
        allowance = daily_allowance(device.daily_limit, device.warm_up_since, lease.today)
        self._limited_by_day.discard(device.pk)
        if allowance is not None:
            self._limited_by_day.add(device.pk)
            allowance -= lease.sent_today
        return Opened(
            lease=lease,
            gateway=gateway,
            address=address,
            messages_per_minute=device.messages_per_minute,
            jitter_percent=device.jitter_percent,
            max_in_flight=device.max_in_flight,
            allowance=allowance,
            is_on_trial=device.trouble_count > 0,
        )


def _put_off(claimer: Claimer) -> None:
    if claimer.not_yet:
        with transaction.atomic(), connection.cursor() as cursor:
            claimer.put_off(cursor)


def _max_chunk_size(messages_per_minute: int | None) -> int:
    """No more than the device can send within a slice, so that a slow one never holds what others could send."""
    if messages_per_minute is None:
        return int(settings.CHUNK_SIZE)
    return max(1, min(int(settings.CHUNK_SIZE), int(messages_per_minute * SLICE_SECONDS / 60)))


def open_pace(opened: Opened, now: float) -> Pace:
    """The pace of a device just taken; its next slot is counted from `now`."""
    return Pace(
        opened.messages_per_minute, next_slot=now + opened.lease.slot_in_seconds, jitter_percent=opened.jitter_percent
    )
