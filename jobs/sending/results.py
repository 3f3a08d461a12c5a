"""What became of each message, told: live events in the transaction of the outcomes and counters they tell of.

Lock order everywhere in the engine: lanes, recipients, jobs; each by rising id.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import connection, transaction

from jobs.live import events
from jobs.live.events import Event
from jobs.live.thinning import REFILL_PER_SECOND, thin
from jobs.models import progress
from jobs.sending import recording
from jobs.sending.exchange import Answer
from jobs.sending.outcomes import Outcome
from jobs.sending.recording import Counted
from jobs.states import RECIPIENT_OPEN, RECIPIENT_SENT, JobStatus, RecipientState

Cursor = Any
_UNDER_WAY = {JobStatus.PROCESSING, JobStatus.PAUSED, JobStatus.CANCELLED}


class Happening(NamedTuple):
    """One recipient's end, as the live feed tells it, with the counters at that moment."""

    kind: str  # "progress" | "error"
    device_id: int | None
    phone: str
    code: str
    sent: int
    failed: int


@dataclass(slots=True)
class Recorded:
    """What one transaction recorded. Events are to be published once it has committed."""

    events: list[Event] = field(default_factory=list)
    ended_job_ids: list[int] = field(default_factory=list)


class LiveFeed:
    """The happenings of each job that its allowance holds back for now. One for each process that records."""

    def __init__(self) -> None:
        self.held: dict[int, list[Happening]] = {}
        self._not_before: dict[int, float] = {}  # time.monotonic at which there may be an allowance again

    def may_tell(self, job_id: int, now: float) -> bool:
        """Tell whether it is worth asking the job's row for an allowance."""
        return self._not_before.get(job_id, 0.0) <= now

    def may_tell_any(self, job_ids: Iterable[int]) -> bool:
        now = time.monotonic()
        return any(self.may_tell(job_id, now) for job_id in set(job_ids))

    def hold(self, job_id: int, fresh: Sequence[Happening]) -> None:
        """Keep what cannot be told now: the newest of each kind."""
        self.held[job_id] = thin(fresh, self.held.get(job_id, []), 0.0, 0.0).held

    def spent(self, job_id: int, allowance: float, now: float) -> None:
        """Note what is left of a job's allowance."""
        if allowance >= 1.0:
            self._not_before.pop(job_id, None)
        else:
            self._not_before[job_id] = now + (1.0 - allowance) / REFILL_PER_SECOND

    def forget(self, job_id: int) -> None:
        self._not_before.pop(job_id, None)


def happenings(counted: Counted, ended: Sequence[Outcome]) -> list[Happening]:
    """What the live feed has to tell of outcomes just counted, each with the counters at its moment."""
    sent = counted.sent - sum(outcome.state in RECIPIENT_SENT for outcome in ended)
    failed = counted.failed - (len(ended) - (counted.sent - sent))
    fresh = []
    for outcome in ended:
        ok = outcome.state in RECIPIENT_SENT
        sent, failed = sent + ok, failed + (not ok)
        fresh.append(_happening(outcome, ok, sent, failed))
    return fresh


def announce(outcomes: Sequence[Outcome], answer: Answer, feed: LiveFeed, *, is_committed: bool) -> Recorded:
    """Choose what to tell of outcomes that were exchanged, and number it; most times nothing is to be told.

    In the exchange's own transaction, which holds the jobs' rows, each event gets the counters of its moment. Once
    that `is_committed` others may have counted on: then nothing is told but a job's last, with the counters of now.
    """
    ended = _ended(outcomes, answer.moved)
    now = time.monotonic()
    due: dict[int, Sequence[Happening]] = {}
    for job in answer.counted:
        is_over = job.sent + job.failed == job.total
        if not is_committed and (is_over or feed.may_tell(job.job_id, now)):
            due[job.job_id] = happenings(job, ended[job.job_id])
            continue
        newest = {outcome.state in RECIPIENT_SENT: outcome for outcome in ended[job.job_id]}
        feed.hold(job.job_id, happenings(job, list(newest.values())))
        if is_over:
            due[job.job_id] = ()
    return _tell(due, feed)


def tell_held(feed: LiveFeed) -> Recorded:
    """Tell what was held back, as far as the jobs' allowances go by now."""
    return _tell(dict.fromkeys(feed.held, ()), feed)


def _tell(due: Mapping[int, Sequence[Happening]], feed: LiveFeed) -> Recorded:
    if not due:
        return Recorded()
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        return tell(cursor, due, feed)


def record(cursor: Cursor, outcomes: Sequence[Outcome], feed: LiveFeed, *, source: RecipientState) -> Recorded:
    """Record outcomes of recipients that are still in `source`, and choose what the live feed tells of them now."""
    moved, counted = recording.record(cursor, outcomes, source=source)
    if not counted:
        return Recorded()
    ended = _ended(outcomes, moved)
    return tell(cursor, {job.job_id: happenings(job, ended[job.job_id]) for job in counted}, feed)


def _ended(outcomes: Sequence[Outcome], moved: Collection[int]) -> dict[int, list[Outcome]]:
    """Those that ended their recipients, by job."""
    ended: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.claim.recipient_id in moved and outcome.state not in RECIPIENT_OPEN:
            ended[outcome.claim.job_id].append(outcome)
    return ended


def tell(cursor: Cursor, fresh: Mapping[int, Sequence[Happening]], feed: LiveFeed) -> Recorded:
    """Choose what is told of these jobs now, of what is fresh and what was held back, and number it."""
    recorded = Recorded()
    cursor.execute(
        """
        SELECT id, uuid, status, total, sent, failed, event_seq, event_allowance,
               extract(epoch FROM clock_timestamp() - event_allowance_at)::float8
        FROM jobs_job WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
        """,
        (sorted(fresh),),
    )
    updates = []
    now = time.monotonic()
    for job_id, uuid, status, total, sent, failed, seq, allowance, elapsed in cursor.fetchall():
        is_over = sent + failed == total and status in _UNDER_WAY
        # Another runner ended the job: what we held back must not follow its last event.
        held = feed.held.pop(job_id, [])
        if status not in _UNDER_WAY:
            held = []
        thinned = thin(fresh[job_id], held, allowance, elapsed, last=is_over)
        if thinned.held:
            feed.held[job_id] = thinned.held
        for happening in thinned.publish:
            seq += 1
            # What was held back is told with the counters of now.
            stale = happening in held
            counters = progress(sent if stale else happening.sent, failed if stale else happening.failed, total)
            recorded.events.append(_event(str(uuid), seq, happening, counters))
        feed.spent(job_id, thinned.allowance, now)
        if is_over:
            recorded.ended_job_ids.append(job_id)
            feed.forget(job_id)
        updates.append((job_id, seq, thinned.allowance))
    cursor.execute(
        """
        UPDATE jobs_job AS job
        SET event_seq = new.seq, event_allowance = new.allowance, event_allowance_at = clock_timestamp()
        FROM unnest(%s::bigint[], %s::bigint[], %s::float8[]) AS new (id, seq, allowance)
        WHERE job.id = new.id
        """,
        [list(column) for column in zip(*updates, strict=True)] or [[]] * 3,
    )
    return recorded


def _happening(outcome: Outcome, ok: bool, sent: int, failed: int) -> Happening:
    kind = "progress" if ok else "error"
    return Happening(kind, outcome.claim.device_id, outcome.claim.phone, outcome.error_code, sent, failed)


def _event(uuid: str, seq: int, happening: Happening, counters: dict[str, Any]) -> Event:
    if happening.kind == "progress":
        return events.progress(uuid, seq, happening.device_id or 0, happening.phone, counters)
    return events.error(uuid, seq, happening.device_id, happening.phone, happening.code, counters)


def tally(cursor: Cursor, job_id: int) -> dict[str, Any]:
    """Count a job's recipients from their rows: its `results` (contract: Seed 000, settled)."""
    cursor.execute(
        "SELECT state, error_code, count(*) FROM jobs_recipient WHERE job_id = %s GROUP BY state, error_code",
        (job_id,),
    )
    by_state = dict.fromkeys(RecipientState.values, 0)
    by_error: dict[str, int] = defaultdict(int)
    for state, error_code, number in cursor.fetchall():
        by_state[state] += number
        if error_code and state not in RECIPIENT_SENT:
            by_error[error_code] += number
    sent = sum(by_state[state] for state in RECIPIENT_SENT)
    total = sum(by_state.values())
    return {"sent": sent, "failed": total - sent, "total": total, "by_state": by_state, "by_error": dict(by_error)}


MOST_RANGES_TOLD = 3


def chunks_taken(cursor: Cursor, ranges: Mapping[int, Sequence[tuple[int, int]]]) -> list[Event]:
    """What is told of chunks taken together: (start, end) of positions by job id, neighbours as one range.

    The largest few of many that lie apart: those that were given back were told of before.
    """
    told = {job_id: sorted(_joined(of_job), key=lambda one: one[0] - one[1]) for job_id, of_job in ranges.items()}
    told = {job_id: of_job[:MOST_RANGES_TOLD] for job_id, of_job in told.items()}
    return [
        events.chunk_processing(uuid, seq + place, start, end, total)
        for job_id, (uuid, seq, total) in next_seq(cursor, {pk: len(of_job) for pk, of_job in told.items()}).items()
        for place, (start, end) in enumerate(sorted(told[job_id]))
    ]


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def next_seq(cursor: Cursor, wanted: Mapping[int, int]) -> dict[int, tuple[str, int, int]]:
    """Number so many more events for each of these jobs: {job id: (uuid, the first's seq, total)}."""
    cursor.execute(
        """
        WITH locked AS (
            SELECT job.id, wanted.number
            FROM unnest(%s::bigint[], %s::int[]) AS wanted (id, number) JOIN jobs_job AS job USING (id)
            ORDER BY job.id FOR NO KEY UPDATE OF job
        )
        UPDATE jobs_job AS job SET event_seq = event_seq + locked.number FROM locked WHERE job.id = locked.id
        RETURNING job.id, job.uuid, job.event_seq - locked.number + 1, job.total
        """,
        (list(wanted), list(wanted.values())),
    )
    return {job_id: (str(uuid), seq, total) for job_id, uuid, seq, total in cursor.fetchall()}
