"""What lifted recipients are in their jobs and in those's parts: how the counters move.

Lock order: jobs by rising id, then parts. Recipients are locked already.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from jobs.receipts.lifting import Standing
from jobs.sending.parts import FAILED, Part
from jobs.states import RECIPIENT_OPEN, RECIPIENT_SENT, RecipientState

Cursor = Any


@dataclass(slots=True)
class Change:
    """How counters move, of a part or of a whole job."""

    delivered: int = 0
    read: int = 0
    played: int = 0
    failed_after: int = 0
    replied: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    by_state: Counter[RecipientState] = field(default_factory=Counter)
    by_error: Counter[str] = field(default_factory=Counter)

    def add(self, before: Standing, now: Standing) -> None:
        for standing, number in ((before, -1), (now, 1)):
            self.delivered += number * (standing.delivered_at is not None)
            self.read += number * (standing.read_at is not None)
            self.played += number * (standing.played_at is not None)
            self.failed_after += number * (standing.failed_after_at is not None)
            self.replied += number * (standing.replied_at is not None)
            self.by_state[standing.state] += number
            if standing.error_code and standing.state not in RECIPIENT_SENT:
                self.by_error[standing.error_code] += number
        for at in (now.delivered_at, now.read_at, now.played_at, now.failed_after_at):
            if at is not None:
                self._span(at, at)

    def join(self, other: "Change") -> None:
        self.delivered += other.delivered
        self.read += other.read
        self.played += other.played
        self.failed_after += other.failed_after
        self.replied += other.replied
        self.by_state.update(other.by_state)
        self.by_error.update(other.by_error)
        if other.first_at is not None and other.last_at is not None:
            self._span(other.first_at, other.last_at)

    def _span(self, first: datetime, last: datetime) -> None:
        self.first_at = min(first, self.first_at or first)
        self.last_at = max(last, self.last_at or last)

    @property
    def sent(self) -> int:
        return sum(self.by_state[state] for state in RECIPIENT_SENT)

    @property
    def failed(self) -> int:
        """As a job counts it: whoever ended unsent."""
        return sum(number for state, number in self.by_state.items() if state not in RECIPIENT_SENT | RECIPIENT_OPEN)

    def moved(self, results: dict[str, Any]) -> dict[str, Any]:
        """The results of an ended job, with this change."""
        by_error = Counter(results["by_error"])
        by_error.update(self.by_error)
        by_state = Counter(results["by_state"])
        by_state.update({state.value: number for state, number in self.by_state.items()})
        return {
            **results,
            "sent": results["sent"] + self.sent,
            "failed": results["failed"] + self.failed,
            "by_state": dict(by_state),
            "by_error": {code: number for code, number in by_error.items() if number},
        }


_COUNTERS: Final = ("sent", "failed", "delivered", "read", "played", "failed_after", "replied")


def count(cursor: Cursor, changes: Mapping[Part, Change]) -> list[int]:
    """Move the counters; return the jobs in which nobody waits any more by this, and which have not ended yet."""
    of_jobs: dict[int, Change] = {}
    for part, change in changes.items():
        of_jobs.setdefault(part.job_id, Change()).join(change)
    through = _count_jobs(cursor, of_jobs)
    _count_parts(cursor, changes)
    return through


def _count_jobs(cursor: Cursor, changes: Mapping[int, Change]) -> list[int]:
    cursor.execute(
        """
        SELECT id, CASE WHEN finished_at IS NOT NULL THEN results END FROM jobs_job
        WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
        """,
        (sorted(changes),),
    )
    rows = []
    for job_id, kept in cursor.fetchall():
        change = changes[job_id]
        results = json.loads(kept) if isinstance(kept, str) else kept
        moved = json.dumps(change.moved(results)) if results and "by_state" in results else None
        rows.append((job_id, *(getattr(change, name) for name in _COUNTERS), change.first_at, change.last_at, moved))
    cursor.execute(
        """
        UPDATE jobs_job AS job
        SET sent = job.sent + new.sent, failed = job.failed + new.failed, delivered = job.delivered + new.delivered,
            read = job.read + new.read, played = job.played + new.played,
            failed_after = job.failed_after + new.failed_after, replied = job.replied + new.replied,
            first_receipt_at = least(job.first_receipt_at, new.first_at),
            last_receipt_at = greatest(job.last_receipt_at, new.last_at),
            results = coalesce(new.results, job.results), updated_at = clock_timestamp()
        FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::int[], %s::int[], %s::int[], %s::int[],
            %s::int[], %s::timestamptz[], %s::timestamptz[], %s::jsonb[])
          AS new (id, sent, failed, delivered, read, played, failed_after, replied, first_at, last_at, results)
        WHERE job.id = new.id
        RETURNING job.id, job.finished_at IS NULL AND job.started_at IS NOT NULL AND job.total = job.sent + job.failed
            AND new.sent + new.failed > 0
        """,
        [list(column) for column in zip(*rows, strict=True)] or [[]] * 11,
    )
    return [job_id for job_id, is_through in cursor.fetchall() if is_through]


def _count_parts(cursor: Cursor, changes: Mapping[Part, Change]) -> None:
    # `total`, `sent` and `failed` say something only once the job has ended, when they are counted from the rows.
    rows = [
        (
            *part,
            -change.by_state[RecipientState.SUPPRESSED],
            change.sent,
            sum(change.by_state[state] for state in FAILED),
            change.delivered,
            change.read,
            change.played,
            change.failed_after,
            change.replied,
            change.first_at,
            change.last_at,
        )
        for part, change in sorted(changes.items(), key=lambda item: item[0])
    ]
    cursor.execute(
        """
        INSERT INTO jobs_jobpart AS part (job_id, device_id, variant, total, sent, failed, delivered, read, played,
            failed_after, replied, first_receipt_at, last_receipt_at)
        SELECT given.* FROM unnest(%s::bigint[], %s::bigint[], %s::int[], %s::int[], %s::int[], %s::int[], %s::int[],
            %s::int[], %s::int[], %s::int[], %s::int[], %s::timestamptz[], %s::timestamptz[]) AS given
        ON CONFLICT (job_id, device_id, variant) DO UPDATE
        SET total = part.total + excluded.total, sent = part.sent + excluded.sent,
            failed = part.failed + excluded.failed, delivered = part.delivered + excluded.delivered,
            read = part.read + excluded.read, played = part.played + excluded.played,
            failed_after = part.failed_after + excluded.failed_after, replied = part.replied + excluded.replied,
            first_receipt_at = least(part.first_receipt_at, excluded.first_receipt_at),
            last_receipt_at = greatest(part.last_receipt_at, excluded.last_receipt_at)
        """,
        [list(column) for column in zip(*rows, strict=True)] or [[]] * 13,
    )
