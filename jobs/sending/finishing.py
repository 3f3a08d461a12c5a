"""How a job ends: once, with its results counted from the rows and one terminal event."""

from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Now

from jobs.live import events, publishing
from jobs.models import Chunk, Job
from jobs.sending import parts, results
from jobs.states import JobStatus, RecipientState, may_become, recipient_move
from jobs.wording.job_reasons import sentence

_LEAVE = recipient_move(RecipientState.QUEUED, RecipientState.CANCELLED)


def finish(job_id: int) -> bool:
    """End a job none of whose recipients waits any more; False when it is not so, or was done before.

    It is completed, with its terminal event; one that was cancelled, and has told so, gets its results.
    """
    with transaction.atomic():
        job = Job.unscoped.select_for_update(no_key=True).get(pk=job_id)
        if job.finished_at is not None:
            return False
        told = []
        if job.status == JobStatus.CANCELLED:
            # Asked of the rows: one that was cancelled during its import never has them all.
            if job.recipients.open().exists():
                return False
            _write_results(job)
        elif job.started_at is None or job.sent + job.failed != job.total:
            # One that is paused before its start has perhaps no recipients yet, and says so when it goes on.
            return False
        elif may_become(job.status, JobStatus.COMPLETED):
            tally = _write_results(job)
            job.move(source=job.status, target=JobStatus.COMPLETED, state_reason="", event_seq=job.event_seq + 1)
            told = [events.job_completed(str(job.uuid), job.event_seq + 1, tally)]
        else:
            return False
    publishing.publish(told)
    return True


def _write_results(job: Job) -> dict[str, Any]:
    """Write the results of a job whose row is locked, from the rows of its recipients; return them."""
    with connection.cursor() as cursor:
        tally = results.tally(cursor, job.pk)
        parts.settle(cursor, job.pk)
    # Rows of the file that were never imported ended unsent as well.
    missing = job.total - tally["total"]
    tally["by_state"][RecipientState.CANCELLED] += missing
    tally |= {"failed": job.total - tally["sent"], "total": job.total}
    Job.unscoped.filter(pk=job.pk).update(
        results=tally, sent=tally["sent"], failed=tally["failed"], finished_at=Now(), updated_at=Now()
    )
    Chunk.objects.filter(job=job).delete()
    return tally


def fail(job_id: int, reason: str) -> bool:
    """Fail a job that is about to begin, for a reason of `reasons`; its recipients end unsent.

    False where it has begun, has ended or is paused: that one fails when somebody has it go on, if it must.
    """
    with transaction.atomic():
        job = Job.unscoped.select_for_update(no_key=True).get(pk=job_id)
        if job.status != JobStatus.PENDING:
            return False
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE jobs_recipient SET state = %s, error_code = %s WHERE job_id = %s AND state = %s",
                (_LEAVE.target, reason, job_id, _LEAVE.source),
            )
        _write_results(job)
        job.move(source=JobStatus.PENDING, target=JobStatus.FAILED, state_reason=reason, event_seq=job.event_seq + 1)
        event = events.job_failed(str(job.uuid), job.event_seq + 1, *sentence(reason))
    publishing.publish([event])
    return True
