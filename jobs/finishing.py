"""How a job ends: once, with its results counted from the rows and one terminal event."""

from django.db import connection, transaction

from jobs import events, publishing, results
from jobs.models import Job
from jobs.reasons import sentence
from jobs.states import JobStatus, job_sources


def finish(job_id: int) -> bool:
    """Complete a job none of whose recipients waits any more; False when it is not so, or was done before."""
    with transaction.atomic():
        job = Job.unscoped.select_for_update(no_key=True).get(pk=job_id)
        if job.sent + job.failed != job.total or job.status not in job_sources(JobStatus.COMPLETED):
            return False
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            now = cursor.fetchone()[0]
            tally = results.tally(cursor, job_id)
        job.move(
            JobStatus.COMPLETED,
            results=tally,
            finished_at=now,
            state_reason="",
            event_seq=job.event_seq + 1,
        )
        event = events.job_completed(str(job.uuid), job.event_seq + 1, tally)
    publishing.publish([event])
    return True


def fail(job_id: int, reason: str) -> bool:
    """Fail a job that has not begun, for a reason of `reasons`; its recipients end unsent."""
    with transaction.atomic():
        job = Job.unscoped.select_for_update(no_key=True).get(pk=job_id)
        if job.status != JobStatus.PENDING:
            return False
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            now = cursor.fetchone()[0]
            cursor.execute(
                "UPDATE jobs_recipient SET state = 'cancelled', error_code = %s WHERE job_id = %s AND state = 'queued'",
                (reason, job_id),
            )
            tally = results.tally(cursor, job_id)
        job.move(
            JobStatus.FAILED,
            failed=job.total,
            # Rows that were never imported ended unsent as well.
            results=tally | {"failed": job.total - tally["sent"], "total": job.total},
            finished_at=now,
            state_reason=reason,
            event_seq=job.event_seq + 1,
        )
        event = events.job_failed(str(job.uuid), job.event_seq + 1, *sentence(reason))
    publishing.publish([event])
    return True
