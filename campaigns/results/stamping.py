"""Noting on contacts when they were last written to: behind the sending, some thousands at a time.

A run's recipients are gone through in order of their positions, up to the first that still waits.
"""

import time
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now

from campaigns.models import CampaignRun
from jobs.states import RECIPIENT_OPEN, RECIPIENT_SENT

Cursor = Any

_OPEN = [state.value for state in RECIPIENT_OPEN]
_SENT = [state.value for state in RECIPIENT_SENT]
BATCH_RECIPIENTS = 2_000
BATCH_RUNS = 100
# Shorter than PostgreSQL waits before it looks for a deadlock: whoever else changes contacts goes first.
LOCK_MILLISECONDS = 300


def stamp(deadline: float) -> bool:
    """Go on with every run until `deadline` (by time.monotonic()); return whether there is more to do at once."""
    runs = CampaignRun.objects.filter(stamped_at=None, job__imported_at__isnull=False).order_by("pk")
    for run_id in runs.values_list("pk", flat=True)[:BATCH_RUNS]:
        try:
            while _step(run_id):
                if time.monotonic() >= deadline:
                    return True
        except OperationalError:  # somebody is at the same contacts: in the next round, then
            continue
    return False


@transaction.atomic
def _step(run_id: int) -> bool:
    """Stamp the next contacts of a run; whether that may be repeated."""
    run = CampaignRun.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=run_id, stamped_at=None)
    found = run.values_list("job_id", "job__total", "job__finished_at", "stamped_position").first()
    if found is None:
        return False
    job_id, total, finished_at, first = found
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(min(position) FILTER (WHERE state = ANY(%s)), max(position) + 1) FROM jobs_recipient
            WHERE job_id = %s AND position >= %s AND position < %s
            """,
            (_OPEN, job_id, first, first + BATCH_RECIPIENTS),
        )
        (end,) = cursor.fetchone()
        if end is not None and end > first:
            _write(cursor, job_id, first, end)
            CampaignRun.objects.filter(pk=run_id).update(stamped_position=end)
    if finished_at is not None and (end is None or end >= total):
        CampaignRun.objects.filter(pk=run_id).update(stamped_at=Now())
        return False
    return end is not None and end == first + BATCH_RECIPIENTS


def _write(cursor: Cursor, job_id: int, first: int, end: int) -> None:
    cursor.execute(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")
    cursor.execute(
        """
        WITH written AS MATERIALIZED (
            SELECT contact_id, max(sent_at) AS sent_at FROM jobs_recipient
            WHERE job_id = %s AND position >= %s AND position < %s AND state = ANY(%s) AND contact_id IS NOT NULL
            GROUP BY contact_id
        ), locked AS MATERIALIZED (
            SELECT id FROM campaigns_contact WHERE id IN (SELECT contact_id FROM written)
            ORDER BY id FOR NO KEY UPDATE
        )
        UPDATE campaigns_contact AS contact SET last_sent_at = written.sent_at
        FROM locked JOIN written ON written.contact_id = locked.id
        WHERE contact.id = locked.id AND coalesce(contact.last_sent_at < written.sent_at, true)
        """,
        (job_id, first, end, _SENT),
    )
