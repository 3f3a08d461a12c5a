"""A lane: one device sending what its jobs have waiting. What the runner's loop knows of it, no database here."""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from devices.egress import CheckedAddress
from devices.gateway.base import Gateway
from devices.lane.leases import Lease
from devices.lane.limits import Limits
from devices.lane.pacing import GRACE_SECONDS, Pace
from jobs.sending.outcomes import NOT_BEGUN_AFTER_SECONDS, Claim

# Slots that fall within such a span are claimed and settled together, across devices. A lane whose slots are closer
# than that, or that has no pace, does not wait for others.
SPAN_SECONDS = 0.25
# A device whose gateway asks for a longer pause goes, and what was read for it.
LONGEST_PAUSE_SECONDS = 5.0
# Where a gateway could answer more than its window in the time that the database takes for so many orders, some are
# claimed beforehand; but nobody waits longer than this, marked as being sent, for their turn.
ORDERS_AHEAD = 4
LONGEST_AHEAD_SECONDS = 0.1
NEWEST_WEIGHS = 0.1  # of the times in which answers came
TRIAL_REST_SECONDS = 15.0  # longer than a device is taken before its slot
# Answers in a row that give the same reason against a device, and take it out. Of one on trial, the first does.
ERRORS_THAT_OPEN_THE_BREAKER = 3


class Ready(NamedTuple):
    """A claim that goes out at `at`, not after `not_after` (time.monotonic seconds)."""

    claim: Claim
    at: float
    not_after: float

    def is_due(self, now: float) -> bool:
        """Whether its slot has come; or never will in time, because a person has slowed the device down."""
        return self.at <= now or self.not_after <= now


@dataclass(frozen=True, slots=True)
class Opened:
    """A device whose lease was taken, with all that is needed to send through it."""

    lease: Lease
    gateway: Gateway
    address: CheckedAddress
    limits: Limits


@dataclass(slots=True)
class Lane:
    """One device under our lease. Times are time.monotonic seconds."""

    device_id: int
    token: int
    gateway: Gateway
    address: CheckedAddress
    pace: Pace
    max_in_flight: int
    connects_to: str = ""  # as `Limits` has it
    midnight: float = 0.0  # when the day's allowance begins anew
    allowance: int | None = None  # messages left for today; None: any number
    ready: deque[Ready] = field(default_factory=deque)
    in_flight: int = 0
    ahead: int = 0  # claims that may wait until others are answered
    answer_seconds: float = math.inf  # that the gateway takes to accept a message, of late
    accepted_at: float = 0.0  # the last one
    is_closing: bool = False  # takes no more claims; released once nothing is in flight
    is_moving: bool = False  # is to be taken anew, at another gateway or instance
    is_out: bool = False  # taken out by the breaker
    wants_nothing_until: float = 0.0  # nothing was found to send: do not ask the database again before
    is_on_trial: bool = False  # back from trouble: one message first
    awaits_receipt: bool = False  # was silent for long: its allowance is a trial
    is_locked: bool = False  # only people who wrote to it are claimed
    is_well: bool = False  # a message was accepted since the health checks were last told
    trouble: str = ""  # the reason that the last answer gave against the device
    troubles: int = 0  # such answers in a row

    @classmethod
    def of(cls, opened: Opened, now: float) -> Self:
        """The lane of a device just taken; its next slot is counted from `now`."""
        lease, limits = opened.lease, opened.limits
        return cls(
            device_id=lease.device_id,
            token=lease.token,
            gateway=opened.gateway,
            address=opened.address,
            pace=Pace(limits.messages_per_minute, now + lease.slot_in_seconds, limits.jitter_percent),
            max_in_flight=limits.max_in_flight,
            connects_to=limits.connects_to,
            midnight=now + lease.seconds_to_midnight,
            allowance=limits.allowance,
            is_on_trial=limits.is_on_trial,
            awaits_receipt=limits.awaits_receipt,
            is_locked=limits.is_locked,
        )

    @property
    def is_brisk(self) -> bool:
        """Whether an order is worth giving for this lane alone."""
        return self.pace.interval < SPAN_SECONDS

    def room(self, now: float) -> int:
        """How many more recipients may be claimed now."""
        if now < self.wants_nothing_until:
            return 0
        slots = self.pace.slots(now)
        return self._room if slots is None else min(self._room, slots)

    @property
    def _room(self) -> int:
        """How many it could have at once, were it their time."""
        if self.is_closing:
            return 0
        window = 1 if self.is_on_trial else self.max_in_flight + self.ahead
        room = window - self.in_flight - len(self.ready)
        return max(0, room if self.allowance is None else min(room, self.allowance))

    @property
    def claims_from(self) -> float:
        """When it may claim next; never while its window is full."""
        if self._room <= 0:
            return math.inf
        return max(self.wants_nothing_until, self.pace.next_slot - self.pace.horizon)

    @property
    def writes_from(self) -> float:
        """When the next claim is to be written; never while its gateway has as many requests as it may."""
        if not self.ready or self.in_flight >= self.max_in_flight:
            return math.inf
        return min(self.ready[0].at, self.ready[0].not_after)

    def accept(self, claim: Claim, claimed_at: float, now: float) -> None:
        """Line a claim up for its slot; those of slow lanes are used at the same moments, a span apart."""
        slot = self.pace.take(now)
        at = slot if self.is_brisk else math.ceil(slot / SPAN_SECONDS) * SPAN_SECONDS
        self.ready.append(Ready(claim, at, claimed_at + NOT_BEGUN_AFTER_SECONDS))
        if self.allowance is not None:
            self.allowance -= 1

    def used_slot(self, at: float) -> None:
        """Note when a request was begun."""
        self.pace.used(at, 0.0 if self.is_brisk else GRACE_SECONDS)

    def give_back(self) -> None:
        """Count one less of the day's allowance: it did not go out."""
        if self.allowance is not None:
            self.allowance += 1

    def note_trouble(self, reason: str) -> bool:
        """Note an answer's reason against the device, "" for none; True when the device is to be taken out."""
        self.troubles = self.troubles + 1 if reason and reason == self.trouble else bool(reason)
        self.trouble = reason
        return bool(reason) and (self.is_on_trial or self.troubles >= ERRORS_THAT_OPEN_THE_BREAKER)

    def note_accepted(self, begun_at: float, now: float) -> None:
        """Note that a request which was begun then is accepted."""
        seconds = now - begun_at
        if self.answer_seconds < math.inf:
            seconds = self.answer_seconds + NEWEST_WEIGHS * (seconds - self.answer_seconds)
        self.answer_seconds, self.accepted_at = seconds, now

    def look_ahead(self, order_seconds: float, now: float) -> None:
        """Say how long the last order took: by that and the gateway's speed, decide what may wait for its turn.

        By how fast it answers, not by how many it accepted: a lane that waits for orders would never be given more.
        """
        answer_seconds = max(0.001, self.answer_seconds, now - self.accepted_at if self.in_flight else 0.0)
        seconds = min(ORDERS_AHEAD * order_seconds, LONGEST_AHEAD_SECONDS)
        self.ahead = max(0, int(self.max_in_flight * (seconds / answer_seconds - 1)))

    def rest_if_spent(self, now: float) -> None:
        """Let the device go until midnight once what it may send today has gone out: its next slot says so to all.

        One on trial goes for moments: what came of it may have come by then.
        """
        if self.allowance is not None and self.allowance <= 0 and self.is_idle:
            self.pace.wait(
                min(self.midnight - now, TRIAL_REST_SECONDS) if self.awaits_receipt else self.midnight - now, now
            )
            self.is_closing = True

    def rest_if_nobody_is_known(self, seconds: float, now: float) -> None:
        """Let the device go that has looked through its jobs for people it knows, until it is to look again."""
        if seconds > 0 and self.is_idle:
            self.pace.wait(seconds, now)
            self.is_closing = True

    def limit(self, limits: Limits, now: float) -> None:
        """Be driven as the device's row says by now; a person may have changed it."""
        self.max_in_flight = limits.max_in_flight
        self.allowance = limits.allowance
        self.awaits_receipt = limits.awaits_receipt
        self.pace.change(limits.messages_per_minute, limits.jitter_percent)
        # What connects otherwise by now is taken anew.
        self.is_moving |= limits.connects_to != self.connects_to
        self.is_closing |= not limits.is_usable or self.is_moving
        self.rest_if_spent(now)

    @property
    def is_idle(self) -> bool:
        return not self.in_flight and not self.ready
