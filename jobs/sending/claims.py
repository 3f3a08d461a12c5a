"""Which recipients a device sends next: read in chunks, drawn job by job in turn, put off or left out where need be.

Marking a recipient `sending` is the claim proper (`jobs.sending.exchange`): guarded, committed before the request is
written, and no further ahead of it than `Lane.room` says.
"""

import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import structlog

from jobs.exclusions.holding import EXCLUDED
from jobs.exclusions.matching import Load
from jobs.message import lengths
from jobs.message.book import MessageBook
from jobs.rules.binding import UNBOUND, Binding
from jobs.sending import known_people
from jobs.sending.chunks import Chunk, Waiting, Want
from jobs.sending.exchange import Claimed
from jobs.sending.outcomes import Claim, Outcome, unsendable
from jobs.states import RecipientState
from jobs.suppression import COUNTRY_HOURS, OPTED_OUT, TOO_RECENT
from jobs.windows import Hours

log = structlog.get_logger(__name__)

Cursor = Any

# A chunk is meant to last about so long: long enough to be worth its statements, short enough that its taker is
# not still at it when all others are through.
CHUNK_SECONDS = 5.0
FIRST_CHUNK_WINDOWS = 16  # before the device's speed is known
# Of a device that keeps a pace so much at most, and never more than twice that: what it has read no other can send.
CHUNK_SECONDS_AT_A_PACE = 25.0


@dataclass(slots=True)
class TakenChunk:
    """A chunk this process holds. `outstanding` counts its recipients that were read and have no outcome yet."""

    chunk_id: int
    job_id: int
    outstanding: int
    left_from: int | None = None  # the first position given back unsent


class Serving(NamedTuple):
    """A job under way, and which of the devices asked for serve it."""

    job_id: int
    account_id: int | None  # whose list of numbers it heeds
    reach: int
    hours: Hours | None
    device_ids: list[int]
    loads: Sequence[Load] = ()  # of the exclusion lists it heeds
    binding: Binding = UNBOUND


@dataclass(slots=True)
class Feed:
    """What one device has read of one job and not yet claimed."""

    job_id: int
    hours: Hours | None = None
    retries: deque[Waiting] = field(default_factory=deque)
    fresh: deque[Waiting] = field(default_factory=deque)
    drawn_at: int = 0  # the device's count of draws by then
    reach: int = 0  # the first position that is nobody's turn yet
    # Of a device that writes only to people it knows: how far it has looked for them, for how long, and when it is to
    # begin anew (time.monotonic seconds).
    looked_to: int = 0
    looked_for: float = 0.0
    looks_at: float = 0.0

    def __len__(self) -> int:
        return len(self.retries) + len(self.fresh)

    def pop(self) -> Waiting:
        return self.retries.popleft() if self.retries else self.fresh.popleft()

    def looked(self, to: int, seconds: float, now: float) -> None:
        """Note how far was looked by now; from the end it is to begin anew, after a rest."""
        self.looked_to = to
        self.looked_for += seconds
        if to >= self.reach:
            rest = max(known_people.SHORTEST_REST_SECONDS, known_people.REST_FACTOR * self.looked_for)
            self.looks_at = now + min(rest, known_people.LONGEST_REST_SECONDS)
            self.looked_to, self.looked_for = 0, 0.0


class Claimer:
    """One device's side of the claiming: its feeds, one a job, drawn from in turn so that no job waits for another.

    `messages_per_minute`: of a device whose pace is known a chunk is what it sends in CHUNK_SECONDS_AT_A_PACE, and it
    is given more while it has half of one left; of one without a limit its speed decides, and it is given more when
    it has nothing.
    """

    def __init__(
        self,
        device_id: int,
        max_chunk_size: int,
        window: int | None = None,
        token: int = 0,
        messages_per_minute: int | None = None,
    ) -> None:
        self.device_id = device_id
        self.token = token
        self.window = window or max_chunk_size
        self.chunk_size = min(max_chunk_size, FIRST_CHUNK_WINDOWS * self.window)
        self._most = max_chunk_size
        self.keep_pace(messages_per_minute)
        self.feeds: dict[int, Feed] = {}
        self.not_yet: list[tuple[Waiting, datetime]] = []  # read, but it is night where they are
        self.left_out: list[tuple[int, Waiting, str]] = []  # read, but not to be written to: (job id, recipient, why)
        self.knows_only = False  # it writes only to people who wrote to it
        self.strangers_left: int | None = None  # others whom it may still write to; None: any number
        self._chunk_taken_at: float | None = None
        self._chunks: dict[int, TakenChunk] = {}
        self._closed: list[TakenChunk] = []  # all of whose recipients have been tried or given back
        self._turn: list[Feed] = []
        self._draws = 0

    def keep_pace(self, messages_per_minute: int | None) -> None:
        """Take chunks for this pace from now on."""
        self.is_paced = messages_per_minute is not None
        if messages_per_minute is not None:
            self.chunk_size = max(1, min(self._most, int(messages_per_minute * CHUNK_SECONDS_AT_A_PACE / 60)))

    def __len__(self) -> int:
        return sum(len(feed) for feed in self.feeds.values())

    @property
    def is_low(self) -> bool:
        """Whether more may be read for it now that others need it."""
        return self.is_paced and len(self) <= self.chunk_size // 2

    def limit_strangers(self, number: int | None) -> None:
        """Write from now on to so many people who never wrote to this device; None: to any number.

        What was read, of whom nobody knows yet whether they did, or not to be looked for any more, goes back.
        """
        knows_only = number == 0
        if (knows_only and not self.knows_only) or (number is not None and self.strangers_left is None):
            for feed in self.feeds.values():
                self._drop(feed)
                feed.fresh.clear()
                feed.retries.clear()
                feed.looked_to, feed.looked_for, feed.looks_at = 0, 0.0, 0.0
        self.strangers_left, self.knows_only = number, knows_only

    def rest(self, now: float) -> float:
        """For how many seconds it need not look for people it knows; 0.0 where it is still at it."""
        until = min((feed.looks_at for feed in self.feeds.values()), default=now + known_people.SHORTEST_REST_SECONDS)
        return max(0.0, until - now)

    def serve(self, jobs: Iterable[Serving]) -> None:
        """Have a feed for each of these jobs, and for no other: what was read of those is given back."""
        served = {job.job_id: job for job in jobs}
        for job_id in self.feeds.keys() - served.keys():
            self._drop(self.feeds.pop(job_id))
        for job_id, job in served.items():
            feed = self.feeds.setdefault(job_id, Feed(job_id))
            feed.hours, feed.reach = job.hours, job.reach
        # Whose turn it was, comes before those that were drawn from since.
        self._turn = sorted(self.feeds.values(), key=lambda feed: (feed.drawn_at, feed.job_id))
        self._fit_chunk_size(time.monotonic())

    def retries_wanted(self, job_id: int) -> int:
        if self.feeds[job_id].retries:
            return 0
        return self.window if self.is_paced else self.chunk_size

    def wants(self, job_id: int) -> bool:
        """Whether it takes a chunk of this job."""
        return len(self.feeds[job_id].fresh) <= (self._share // 2 if self.is_paced else 0)

    def want(self) -> Want:
        return Want(self.device_id, self._share, min(self.window, self._share))

    def take(self, chunk: Chunk, job_id: int, rows: list[Waiting], now: datetime) -> None:
        """Note a chunk that was taken for this device, with those who wait in it."""
        taken = TakenChunk(chunk.chunk_id, job_id, len(rows))
        if rows:
            self._chunks[chunk.chunk_id] = taken
        else:
            self._closed.append(taken)
        feed = self.feeds[job_id]
        feed.fresh.extend(self._writable(feed, rows, now))

    def take_known(self, feed: Feed, rows: list[Waiting], now: datetime) -> None:
        """Note people whom this device knows, found among those who wait."""
        feed.retries.extend(self._writable(feed, rows, now))

    def take_retry(self, job_id: int, waiting: Waiting, now: datetime) -> None:
        feed = self.feeds[job_id]
        feed.retries.extend(self._writable(feed, [waiting], now))

    @property
    def _share(self) -> int:
        """Of each of its jobs; together no more than one chunk: what this device holds, no other can send."""
        return max(1, self.chunk_size // max(1, len(self.feeds)))

    def _fit_chunk_size(self, now: float) -> None:
        """Take more at once where the last chunk was soon through, less where it lasted."""
        if self._chunk_taken_at is not None and not self.is_paced:
            lasted = now - self._chunk_taken_at
            if lasted < CHUNK_SECONDS / 2:
                self.chunk_size = min(self._most, 2 * self.chunk_size)
            elif lasted > 2 * CHUNK_SECONDS:
                self.chunk_size = max(1, self.chunk_size // 2)
        self._chunk_taken_at = now

    def _writable(self, feed: Feed, rows: list[Waiting], now: datetime) -> list[Waiting]:
        """Keep those whom the account may write to, and at this hour; note the others."""
        self.left_out += [
            (feed.job_id, waiting, OPTED_OUT if waiting.is_banned else EXCLUDED)
            for waiting in rows
            if waiting.is_banned or waiting.is_excluded
        ]
        kept = [waiting for waiting in rows if not waiting.is_banned and not waiting.is_excluded]
        open_now = self._open_now(kept, feed, now)
        # Of whose hours have not begun it is asked again when they have.
        self.left_out += [(feed.job_id, waiting, TOO_RECENT) for waiting in open_now if waiting.is_over]
        return [waiting for waiting in open_now if not waiting.is_over]

    def _open_now(self, rows: list[Waiting], feed: Feed, now: datetime) -> list[Waiting]:
        """Keep those who may be written to at this hour; note when the others may, or that they never may."""
        if feed.hours is None:
            return rows
        kept = []
        for waiting in rows:
            opening = feed.hours.opening_for(waiting.phone, waiting.values, now)
            if opening is None:
                self.left_out.append((feed.job_id, waiting, COUNTRY_HOURS))
            elif opening <= now:
                kept.append(waiting)
            else:
                self.not_yet.append((waiting, opening))
        return kept

    def take_left_out(self) -> list[Outcome]:
        """What becomes of those who are not to be written to; the caller records it."""
        outcomes: list[Outcome] = []
        for job_id, waiting, code in self.left_out:
            claim = Claim(
                waiting.recipient_id, job_id, self.device_id, waiting.phone, "", None, 0, chunk_id=waiting.chunk_id
            )
            outcomes.append(Outcome(claim, RecipientState.SUPPRESSED, code))
            self.let_go(waiting.chunk_id)
        self.left_out.clear()
        return outcomes

    def take_not_yet(self) -> list[tuple[int, datetime]]:
        """Who may not be written to yet, as (recipient id, when); the caller puts them off."""
        put_off = [(waiting.recipient_id, opening) for waiting, opening in self.not_yet]
        for waiting, _ in self.not_yet:
            self.let_go(waiting.chunk_id)
        self.not_yet.clear()
        return put_off

    def draw(self, number: int, now: datetime) -> list[tuple[int, Waiting]]:
        """Take up to `number` recipients out of the feeds, a job at a time in turn: (job id, recipient).

        Whose hours have ended since they were read is left out, and noted with when the next begin.
        """
        drawn: list[tuple[int, Waiting]] = []
        while len(drawn) < number and self._turn:
            feed = self._turn.pop(0)
            if not len(feed) or self.feeds.get(feed.job_id) is not feed:
                continue
            self._draws += 1
            feed.drawn_at = self._draws
            drawn += [
                (feed.job_id, waiting)
                for waiting in self._open_now([feed.pop()], feed, now)
                if not waiting.is_stranger or self._may_meet(waiting)
            ]
            self._turn.append(feed)
        return drawn

    def _may_meet(self, stranger: Waiting) -> bool:
        if self.strangers_left is None:
            return True
        if not self.strangers_left:
            self.let_go(stranger.chunk_id, stranger.position)
            self.limit_strangers(0)
            return False
        self.strangers_left -= 1
        return True

    def was_not_claimed(self, waiting: Waiting) -> None:
        """Give back one that was drawn: it is somebody else's by now, or is not to be written to."""
        self.let_go(waiting.chunk_id, waiting.position)
        if waiting.is_stranger and self.strangers_left is not None:
            self.strangers_left += 1

    def let_go(self, chunk_id: int | None, position: int | None = None) -> None:
        """Hold one recipient of a chunk less: it has its outcome, or goes back unsent at `position`."""
        chunk = self._chunks.get(chunk_id) if chunk_id is not None else None
        if chunk is None:
            return
        chunk.outstanding -= 1
        if position is not None:
            chunk.left_from = position if chunk.left_from is None else min(chunk.left_from, position)
        if chunk.outstanding <= 0:
            self._closed.append(self._chunks.pop(chunk.chunk_id))

    def drop_all(self) -> None:
        """Give back everything that was read and not claimed."""
        for feed in self.feeds.values():
            self._drop(feed)
        self.feeds.clear()
        self._turn.clear()

    def _drop(self, feed: Feed) -> None:
        for waiting in feed.fresh:
            self.let_go(waiting.chunk_id, waiting.position)

    def take_closed(self) -> tuple[list[TakenChunk], list[TakenChunk]]:
        """Forget the chunks that are through: those whose recipients have all been tried, and those given back."""
        if not self._closed:
            return [], []
        closed, self._closed = self._closed, []
        return (
            [chunk for chunk in closed if chunk.left_from is None],
            [chunk for chunk in closed if chunk.left_from is not None],
        )


def claims_of(
    drawn: Iterable[tuple[int, int, Waiting]],
    claimed: Mapping[tuple[int, int], Claimed],
    messages: MessageBook,
) -> tuple[list[Claim], list[Outcome]]:
    """What is to be sent to those of the drawn (device, job, recipient) that are marked `sending` now.

    Also what becomes of those whose message cannot even be made: each costs itself, and nobody else.

    `claimed` is the exchange's: by (device, recipient). Several devices may have read the
    same retry: it goes to one of them, and what the others read is old by then.
    """
    left = dict(claimed)
    claims: list[Claim] = []
    spoiled: list[Outcome] = []
    for device_id, job_id, waiting in drawn:
        if (row := left.pop((device_id, waiting.recipient_id), None)) is None:
            continue
        claim = Claim(
            recipient_id=waiting.recipient_id,
            job_id=job_id,
            device_id=device_id,
            phone=waiting.phone,
            text="",
            media=None,
            tries_left=row.tries_left,
            chunk_id=waiting.chunk_id,
            is_in_doubt=row.is_in_doubt,
            tries=row.tries,
            is_stranger=waiting.is_stranger,
            is_limited=waiting.limits is not None,
        )
        template, media = messages.of(job_id)
        try:
            text = template.render(waiting.values, waiting.phone, waiting.variant)
        except Exception:
            log.exception("message cannot be rendered", recipient=waiting.recipient_id, job=job_id)
            spoiled.append(unsendable(claim))
            continue
        if len(text) > lengths.MOST:
            spoiled.append(unsendable(claim, "text_too_long"))
            continue
        claims.append(claim._replace(text=text, media=media))
    return claims, spoiled
