"""The live feed of receipts: a job's counters, once a second at most, whoever changed them how often."""

import time
from typing import Final

from django.db import connection, transaction

from jobs.live import events, publishing

EVERY_SECONDS: Final = 1.0


class ReceiptFeed:
    """The jobs of which there is something to tell. What is held back when its process dies, the next event tells."""

    def __init__(self) -> None:
        self._job_ids: set[int] = set()
        self._not_before = 0.0  # time.monotonic

    def note(self, job_ids: set[int]) -> None:
        self._job_ids |= job_ids

    def tell(self, *, last: bool = False) -> None:
        """Tell what is due; `last`: hold nothing back."""
        now = time.monotonic()
        if not self._job_ids or (now < self._not_before and not last):
            return
        self._not_before = now + EVERY_SECONDS
        told, self._job_ids = self._job_ids, set()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                """
                WITH locked AS MATERIALIZED (
                    SELECT id FROM jobs_job WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
                )
                UPDATE jobs_job AS job SET event_seq = job.event_seq + 1 FROM locked WHERE job.id = locked.id
                RETURNING job.uuid, job.event_seq, job.delivered, job.read, job.played, job.failed_after, job.replied
                """,
                (sorted(told),),
            )
            rows = cursor.fetchall()
        publishing.publish(events.receipt(str(uuid), seq, *counts) for uuid, seq, *counts in rows)
