"""Which recipients a device sends next: read in chunks, drawn job by job in turn, put off or left out where need be.

Marking a recipient `sending` is the claim proper (`jobs.sending.exchange`): guarded, committed before the request is
written, and no further ahead of it than `Lane.room` says.
"""

import json
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import cycle
from typing import Any, NamedTuple

import structlog

from devices.health import correspondents
from jobs.message import lengths
from jobs.message.book import MessageBook
from jobs.sending import chunks, known_people
from jobs.sending.chunks import Chunk, Waiting, Want
from jobs.sending.exchange import Claimed
from jobs.sending.outcomes import Claim, Outcome, unsendable
from jobs.states import RecipientState
from jobs.suppression import OPTED_OUT
from jobs.windows import Hours, hours_of

log = structlog.get_logger(__name__)

Cursor = Any

# A chunk is meant to last about so long: long enough to be worth its statements, short enough that its taker is
# not still at it when all others are through.
CHUNK_SECONDS = 5.0
FIRST_CHUNK_WINDOWS = 16  # before the device's speed is known
# Of a device that keeps a pace so much at most, and never more than twice that: what it has read no other can send.
CHUNK_SECONDS_AT_A_PACE = 25.0
MAX_EMPTY_CHUNKS = 50  # passed over in one go: rows that ended before the start, or that wait for the morning
MOST_RETRIES_READ = 1000  # at once, of one job


def _json(raw: Any) -> dict[str, Any]:
    """A JSON column of a plain statement: text or, by the connection's settings, the object itself."""
    value: dict[str, Any] = json.loads(raw) if isinstance(raw, str) else raw
    return value


@dataclass(slots=True)
class TakenChunk:
    """A chunk this process holds. `outstanding` counts its recipients that were read and have no outcome yet."""

    chunk_id: int
    job_id: int
    outstanding: int
    left_from: int | None = None  # the first position given back unsent


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
        self.banned: list[tuple[int, Waiting]] = []  # read, but not to be written to: (job id, recipient)
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

    def serve(self, jobs: Iterable["Serving"]) -> None:
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
        self.banned += [(feed.job_id, waiting) for waiting in rows if waiting.is_banned]
        return self._open_now([waiting for waiting in rows if not waiting.is_banned], feed.hours, now)

    def _open_now(self, rows: list[Waiting], hours: Hours | None, now: datetime) -> list[Waiting]:
        """Keep those who may be written to at this hour; note when the others may."""
        if hours is None:
            return rows
        kept = []
        for waiting in rows:
            opening = hours.opening_for(waiting.phone, waiting.values, now)
            if opening <= now:
                kept.append(waiting)
            else:
                self.not_yet.append((waiting, opening))
        return kept

    def take_banned(self) -> list[Outcome]:
        """What becomes of those who are not to be written to; the caller records it."""
        outcomes: list[Outcome] = []
        for job_id, waiting in self.banned:
            claim = Claim(
                waiting.recipient_id, job_id, self.device_id, waiting.phone, "", None, 0, chunk_id=waiting.chunk_id
            )
            outcomes.append(Outcome(claim, RecipientState.SUPPRESSED, OPTED_OUT))
            self.let_go(waiting.chunk_id)
        self.banned.clear()
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
                for waiting in self._open_now([feed.pop()], feed.hours, now)
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


# --- Reading, for many devices at once -----------------------------------------------------------------------------


class Serving(NamedTuple):
    """A job under way, and which of the devices asked for serve it."""

    job_id: int
    account_id: int | None  # whose list of numbers it heeds
    reach: int
    hours: Hours | None
    device_ids: list[int]


def refill(cursor: Cursor, claimers: Sequence[Claimer], now: datetime) -> dict[int, list[tuple[int, int]]]:
    """Read more of every job these devices serve; return the ranges of the chunks taken, by job, for `chunks_taken`.

    What they read of jobs that are no longer being sent is dropped. Runs in a transaction of its own, under the
    devices' leases. It locks jobs one by one, as it moves on in them: to tell of them all is for another transaction.
    """
    by_device = {claimer.device_id: claimer for claimer in claimers}
    jobs = _serve(cursor, by_device)
    taken: dict[int, list[tuple[int, int]]] = {}
    for job in jobs:
        serving = [by_device[device_id] for device_id in job.device_ids]
        _read_retries(cursor, job, serving, now)
        if ranges := _read_fresh(cursor, job, serving, now):
            taken[job.job_id] = ranges
    _tell_strangers(cursor, [claimer for claimer in claimers if claimer.strangers_left is not None])
    return taken


def _tell_strangers(cursor: Cursor, claimers: Sequence[Claimer]) -> None:
    """Of devices that may write to so many strangers only: who of those that were read is one."""
    feeds = [(claimer.device_id, feed) for claimer in claimers for feed in claimer.feeds.values()]
    people = {(device_id, one.phone) for device_id, feed in feeds for one in (*feed.retries, *feed.fresh)}
    known = correspondents.known(cursor, people)
    for device_id, feed in feeds:
        for some in (feed.retries, feed.fresh):
            told = [one._replace(is_stranger=(device_id, one.phone) not in known) for one in some]
            some.clear()
            some.extend(told)


def look_for_known(cursor: Cursor, claimers: Mapping[Claimer, int], now: datetime) -> None:
    """Look for people whom these devices know, for each up to so many, and no further than a stretch at a time.

    A transaction of its own, as `put_off`.
    """
    by_device = {claimer.device_id: claimer for claimer in claimers}
    jobs = {job.job_id: job for job in _serve(cursor, by_device)}
    for claimer, wanted in claimers.items():
        missing, stretch = wanted - len(claimer), known_people.STRETCH
        for feed in claimer.feeds.values():
            began = time.monotonic()
            if missing <= 0 or stretch <= 0 or began < feed.looks_at:
                continue
            end = min(feed.reach, feed.looked_to + stretch)
            job = jobs[feed.job_id]
            rows = known_people.find(
                cursor, claimer.device_id, job.job_id, job.account_id, feed.looked_to, end, missing
            )
            to = rows[-1].position + 1 if len(rows) == missing else end
            stretch -= to - feed.looked_to
            missing -= len(rows)
            claimer.take_known(feed, rows, now)
            feed.looked(to, time.monotonic() - began, time.monotonic())


def _serve(cursor: Cursor, by_device: Mapping[int, Claimer]) -> list[Serving]:
    """Have each serve its jobs; return those."""
    jobs = _served_by(cursor, list(by_device))
    for device_id, claimer in by_device.items():
        claimer.serve(job for job in jobs if device_id in job.device_ids)
    return jobs


def _served_by(cursor: Cursor, device_ids: list[int]) -> list[Serving]:
    # A canary goes ahead of strangers. Who may write to nobody else finds the people it knows behind it, too.
    cursor.execute(
        f"""
        SELECT job.id, {chunks.LISTS_OF}, job.total, job.sending_window, job.columns, serving.device_ids
        FROM jobs_job AS job CROSS JOIN LATERAL (
            SELECT array_agg(device_id ORDER BY device_id) AS device_ids FROM jobs_jobdevice
            WHERE job_id = job.id AND device_id = ANY(%s)
        ) AS serving
        WHERE job.status = 'processing' AND job.finished_at IS NULL AND serving.device_ids IS NOT NULL
        ORDER BY job.id
        """,  # noqa: S608 - constants
        (device_ids,),
    )
    return [
        Serving(job_id, account_id, reach, hours_of(_json(window), columns), devices)
        for job_id, account_id, reach, window, columns, devices in cursor.fetchall()
    ]


def _read_retries(cursor: Cursor, job: Serving, serving: Sequence[Claimer], now: datetime) -> None:
    """Deal out those who are to be tried again, one to each device in turn."""
    wanted = {claimer: number for claimer in serving if (number := claimer.retries_wanted(job.job_id))}
    limit = min(sum(wanted.values()), MOST_RETRIES_READ)
    rows = chunks.read_retries(cursor, job.job_id, job.account_id, limit) if limit else []
    for waiting, claimer in zip(rows, cycle(wanted)):
        claimer.take_retry(job.job_id, waiting, now)


def _read_fresh(cursor: Cursor, job: Serving, serving: Sequence[Claimer], now: datetime) -> list[tuple[int, int]]:
    """Take a chunk for each device that has too little, and read it; return the ranges in which somebody waited."""
    ranges: list[tuple[int, int]] = []
    for _ in range(MAX_EMPTY_CHUNKS):
        wants = [claimer.want() for claimer in serving if claimer.wants(job.job_id)]
        taken = chunks.take(cursor, job.job_id, wants) if wants else []
        if not taken:
            break
        rows: dict[int | None, list[Waiting]] = {}
        for waiting in chunks.read(cursor, job.job_id, job.account_id, taken):
            rows.setdefault(waiting.chunk_id, []).append(waiting)
        of_device = {claimer.device_id: claimer for claimer in serving}
        for chunk in taken:
            of_device[chunk.device_id].take(chunk, job.job_id, rows.get(chunk.chunk_id, []), now)
            if chunk.chunk_id in rows:
                ranges.append((chunk.start, chunk.end))
        # Only those whose chunk was empty, rows that ended before the start or that wait for the morning, take another.
        serving = [claimer for claimer in serving if not claimer.feeds[job.job_id].fresh]
    return ranges


def put_off(cursor: Cursor, not_yet: Sequence[tuple[int, datetime]]) -> None:
    """Leave those who may not be written to yet, (recipient id, when), to their due time.

    A transaction of its own, after that of the refill, which holds jobs: recipients are locked before jobs.
    """
    cursor.execute(
        """
        UPDATE jobs_recipient AS recipient SET due_at = later.due_at
        FROM unnest(%s::bigint[], %s::timestamptz[]) AS later (id, due_at)
        WHERE recipient.id = later.id AND recipient.state = 'queued'
        """,
        ([recipient_id for recipient_id, _ in not_yet], [opening for _, opening in not_yet]),
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
