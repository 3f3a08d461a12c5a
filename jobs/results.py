"""What became of each message: outcomes, counters and live events, recorded in one transaction.

Lock order everywhere in the engine: lanes, recipients, jobs; each by rising id.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobs import events
from jobs.events import Event
from jobs.models import progress
from jobs.outcomes import Outcome
from jobs.states import RECIPIENT_OPEN, RECIPIENT_SENT, JobStatus, RecipientState
from jobs.thinning import thin

Cursor = Any
_UNDER_WAY = {JobStatus.PROCESSING, JobStatus.PAUSED, JobStatus.CANCELLED}


@dataclass(frozen=True, slots=True)
class Happening:
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


def record(cursor: Cursor, outcomes: Sequence[Outcome], feed: LiveFeed, *, flush: bool = False) -> Recorded:
    """Move the recipients, count them and choose what to tell.

    An outcome whose recipient is no longer `sending` through that device changes nothing and counts nothing.
    The caller holds the leases of the devices involved, in this transaction. `flush`: also look whether what
    was held back of other jobs may be told now.
    """
    changed = move_recipients(cursor, outcomes, source=RecipientState.SENDING)
    ended: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.claim.recipient_id in changed and outcome.state not in RECIPIENT_OPEN:
            ended[outcome.claim.job_id].append(outcome)
    return count(cursor, ended, feed, flush=flush)


def move_recipients(cursor: Cursor, outcomes: Sequence[Outcome], *, source: RecipientState) -> set[int]:
    """Give each outcome's recipient its new state if it is still in `source`; return the ids that moved."""
    if not outcomes:
        return set()
    rows = sorted(outcomes, key=lambda outcome: outcome.claim.recipient_id)
    cursor.execute(
        """
        UPDATE jobs_recipient AS recipient
        SET state = new.state,
            error_code = new.error_code,
            gateway_message_id = new.message_id,
            due_at = clock_timestamp() + new.due * interval '1 second',
            unsent_tries = recipient.unsent_tries + new.unsent,
            accepted_risks = recipient.accepted_risks + new.risked,
            tries_left = greatest(recipient.tries_left - new.spent, 0),
            sent_at = CASE WHEN new.state = 'sent' THEN clock_timestamp() END
        FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::float8[], %s::int[],
                    %s::int[], %s::int[])
            AS new (id, device_id, state, error_code, message_id, due, unsent, risked, spent)
        WHERE recipient.id = new.id AND recipient.state = %s AND recipient.device_id = new.device_id
        RETURNING recipient.id
        """,
        (
            [row.claim.recipient_id for row in rows],
            [row.claim.device_id for row in rows],
            [str(row.state) for row in rows],
            [row.error_code for row in rows],
            [row.gateway_message_id for row in rows],
            [row.due_in_seconds for row in rows],
            [int(row.proven_unsent) for row in rows],
            [int(row.risk_accepted) for row in rows],
            [row.tries_spent for row in rows],
            str(source),
        ),
    )
    return {recipient_id for (recipient_id,) in cursor.fetchall()}


def count(cursor: Cursor, ended: Mapping[int, Sequence[Outcome]], feed: LiveFeed, *, flush: bool = False) -> Recorded:
    """Add ended recipients to their jobs' counters, and choose what the live feed tells of them now."""
    job_ids = sorted({*ended, *(feed.held if flush else ())})
    recorded = Recorded()
    if not job_ids:
        return recorded
    cursor.execute(
        """
        SELECT id, uuid, status, total, sent, failed, event_seq, event_allowance,
               extract(epoch FROM clock_timestamp() - event_allowance_at)::float8
        FROM jobs_job WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
        """,
        (job_ids,),
    )
    updates = []
    for job_id, uuid, status, total, sent, failed, seq, allowance, elapsed in cursor.fetchall():
        fresh = []
        for outcome in ended.get(job_id, ()):
            ok = outcome.state in RECIPIENT_SENT
            sent, failed = sent + ok, failed + (not ok)
            fresh.append(_happening(outcome, ok, sent, failed))
        is_over = sent + failed == total and status in _UNDER_WAY
        # Another runner ended the job: what we held back must not follow its last event.
        held = feed.held.pop(job_id, [])
        if status not in _UNDER_WAY:
            held = []
        thinned = thin(fresh, held, allowance, elapsed, last=is_over)
        if thinned.held:
            feed.held[job_id] = thinned.held
        for happening in thinned.publish:
            seq += 1
            # What was held back is told with the counters of now.
            stale = happening in held
            counters = progress(sent if stale else happening.sent, failed if stale else happening.failed, total)
            recorded.events.append(_event(str(uuid), seq, happening, counters))
        if is_over:
            recorded.ended_job_ids.append(job_id)
        updates.append((job_id, sent, failed, seq, thinned.allowance))
    cursor.execute(
        """
        UPDATE jobs_job AS job
        SET sent = new.sent, failed = new.failed, event_seq = new.seq, event_allowance = new.allowance,
            event_allowance_at = clock_timestamp(), updated_at = clock_timestamp()
        FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::bigint[], %s::float8[])
            AS new (id, sent, failed, seq, allowance)
        WHERE job.id = new.id
        """,
        [list(column) for column in zip(*updates, strict=True)] or [[]] * 5,
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


def next_seq(cursor: Cursor, job_ids: Iterable[int]) -> dict[int, tuple[str, int, int]]:
    """Number one more event for each of these jobs: {job id: (uuid, seq, total)}."""
    cursor.execute(
        """
        WITH locked AS (SELECT id FROM jobs_job WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE)
        UPDATE jobs_job AS job SET event_seq = event_seq + 1 FROM locked WHERE job.id = locked.id
        RETURNING job.id, job.uuid, job.event_seq, job.total
        """,
        (sorted(job_ids),),
    )
    return {job_id: (str(uuid), seq, total) for job_id, uuid, seq, total in cursor.fetchall()}
