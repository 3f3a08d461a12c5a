"""Which recipients a device sends next: read in chunks, drawn job by job in turn, put off or left out where need be.

Marking a recipient `sending` is the claim proper (`jobs.sending.exchange`): guarded, committed before the request is
written, and no further ahead of it than `Lane.room` says.
"""

import json
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from jobs.live import events
from jobs.live.events import Event
from jobs.message.book import MessageBook
from jobs.sending import chunks
from jobs.sending.chunks import Waiting
from jobs.sending.outcomes import Claim, Outcome, unsendable
from jobs.sending.results import next_seq
from jobs.states import RecipientState
from jobs.suppression import OPTED_OUT
from jobs.windows import Hours, hours_of

log = structlog.get_logger(__name__)

Cursor = Any

# A chunk is meant to last about so long: long enough to be worth its statements, short enough that its taker is
# not still at it when all others are through.
CHUNK_SECONDS = 5.0
FIRST_CHUNK_WINDOWS = 16  # before the device's speed is known
MAX_EMPTY_CHUNKS = 50  # passed over in one go: rows that ended before the start, or that wait for the morning


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

    def __len__(self) -> int:
        return len(self.retries) + len(self.fresh)

    def pop(self) -> Waiting:
        return self.retries.popleft() if self.retries else self.fresh.popleft()


class Claimer:
    """One device's side of the claiming: its feeds, one a job, drawn from in turn so that no job waits for another."""

    def __init__(self, device_id: int, max_chunk_size: int, window: int | None = None) -> None:
        self.device_id = device_id
        self.window = window or max_chunk_size
        self.max_chunk_size = max_chunk_size
        self.chunk_size = min(max_chunk_size, FIRST_CHUNK_WINDOWS * self.window)
        self._chunk_taken_at: float | None = None
        self.feeds: dict[int, Feed] = {}
        self._chunks: dict[int, TakenChunk] = {}
        self._turn: deque[int] = deque()
        self.not_yet: list[tuple[Waiting, datetime]] = []  # read, but it is night where they are
        self.banned: list[tuple[int, Waiting]] = []  # read, but not to be written to: (job id, recipient)

    def __len__(self) -> int:
        return sum(len(feed) for feed in self.feeds.values())

    def refill(self, cursor: Cursor, now: datetime) -> list[Event]:
        """Read more of every job this device serves; return the events of the chunks taken.

        Feeds of jobs that are no longer being sent are dropped. Runs in a transaction of its own.
        """
        cursor.execute(
            """
            SELECT job.id, job.sending_window, job.columns, job.account_id
            FROM jobs_job AS job JOIN jobs_jobdevice AS link ON link.job_id = job.id
            WHERE link.device_id = %s AND job.status = 'processing' AND job.finished_at IS NULL
            ORDER BY job.id
            """,
            (self.device_id,),
        )
        jobs = cursor.fetchall()
        hours = {job_id: hours_of(_json(window), columns) for job_id, window, columns, _ in jobs}
        accounts = {job_id: account_id for job_id, _, _, account_id in jobs}
        for job_id in self.feeds.keys() - hours.keys():
            self._drop(self.feeds.pop(job_id))
        self._fit_chunk_size(time.monotonic())
        # Together no more than one chunk: what this device holds, no other can send.
        share = max(1, self.chunk_size // max(1, len(hours)))
        taken: dict[int, tuple[int, int]] = {}
        for job_id, open_hours in hours.items():
            feed = self.feeds.setdefault(job_id, Feed(job_id, open_hours))
            if not feed.retries:
                retries = chunks.read_retries(cursor, job_id, accounts[job_id], self.chunk_size)
                feed.retries.extend(self._open_now(self._allowed(job_id, retries), open_hours, now))
            for _ in range(MAX_EMPTY_CHUNKS):
                if feed.fresh or (chunk := chunks.take(cursor, self.device_id, job_id, share, self.window)) is None:
                    break
                chunk_id, start, end = chunk
                rows = chunks.read(cursor, job_id, accounts[job_id], chunk_id, start, end)
                feed.fresh.extend(self._open_now(self._allowed(job_id, rows), open_hours, now))
                self._chunks[chunk_id] = TakenChunk(chunk_id, job_id, len(rows))
                if rows:
                    taken[job_id] = (start, end)
        self._turn = deque(job_id for job_id in hours if len(self.feeds[job_id]))
        return [
            events.chunk_processing(uuid, seq, *taken[job_id], total)
            for job_id, (uuid, seq, total) in (next_seq(cursor, taken) if taken else {}).items()
        ]

    def _fit_chunk_size(self, now: float) -> None:
        """Take more at once where the last chunk was soon through, less where it lasted."""
        if self._chunk_taken_at is not None:
            lasted = now - self._chunk_taken_at
            if lasted < CHUNK_SECONDS / 2:
                self.chunk_size = min(self.max_chunk_size, 2 * self.chunk_size)
            elif lasted > 2 * CHUNK_SECONDS:
                self.chunk_size = max(1, self.chunk_size // 2)
        self._chunk_taken_at = now

    def _allowed(self, job_id: int, rows: list[Waiting]) -> list[Waiting]:
        """Keep those whom the account may write to; note the others."""
        self.banned += [(job_id, waiting) for waiting in rows if waiting.is_banned]
        return [waiting for waiting in rows if not waiting.is_banned]

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

    def put_off(self, cursor: Cursor) -> None:
        """Leave those who may not be written to yet to their due time.

        A transaction of its own, after that of the refill, which holds jobs: recipients are locked before jobs.
        """
        cursor.execute(
            """
            UPDATE jobs_recipient AS recipient SET due_at = later.due_at
            FROM unnest(%s::bigint[], %s::timestamptz[]) AS later (id, due_at)
            WHERE recipient.id = later.id AND recipient.state = 'queued'
            """,
            ([row.recipient_id for row, _ in self.not_yet], [opening for _, opening in self.not_yet]),
        )
        for waiting, _ in self.not_yet:
            self.let_go(waiting.chunk_id)
        self.not_yet.clear()

    def draw(self, number: int, now: datetime) -> list[tuple[int, Waiting]]:
        """Take up to `number` recipients out of the feeds, a job at a time in turn: (job id, recipient).

        Whose hours have ended since they were read is left out, and noted with when the next begin.
        """
        drawn: list[tuple[int, Waiting]] = []
        while len(drawn) < number and self._turn:
            job_id = self._turn[0]
            feed = self.feeds.get(job_id)
            if feed is None or not len(feed):
                self._turn.popleft()
                continue
            drawn += [(job_id, waiting) for waiting in self._open_now([feed.pop()], feed.hours, now)]
            self._turn.rotate(-1)
        return drawn

    def let_go(self, chunk_id: int | None, position: int | None = None) -> None:
        """Hold one recipient of a chunk less: it has its outcome, or goes back unsent at `position`."""
        chunk = self._chunks.get(chunk_id) if chunk_id is not None else None
        if chunk is None:
            return
        chunk.outstanding -= 1
        if position is not None:
            chunk.left_from = position if chunk.left_from is None else min(chunk.left_from, position)

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
        """Forget the chunks all of whose recipients have been tried or given back, and return both kinds."""
        closed = [chunk for chunk in self._chunks.values() if chunk.outstanding <= 0]
        for chunk in closed:
            del self._chunks[chunk.chunk_id]
        return (
            [chunk for chunk in closed if chunk.left_from is None],
            [chunk for chunk in closed if chunk.left_from is not None],
        )


def claims_of(
    drawn: Iterable[tuple[int, int, Waiting]],
    claimed: Mapping[tuple[int, int], tuple[int, bool]],
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
        tries_left, is_in_doubt = row
        claim = Claim(
            recipient_id=waiting.recipient_id,
            job_id=job_id,
            device_id=device_id,
            phone=waiting.phone,
            text="",
            media=None,
            tries_left=tries_left,
            chunk_id=waiting.chunk_id,
            is_in_doubt=is_in_doubt,
        )
        template, media = messages.of(job_id)
        try:
            text = template.render(waiting.values, waiting.phone, waiting.variant)
        except Exception:
            log.exception("message cannot be rendered", recipient=waiting.recipient_id, job=job_id)
            spoiled.append(unsendable(claim))
        else:
            claims.append(claim._replace(text=text, media=media))
    return claims, spoiled
