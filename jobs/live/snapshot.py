"""Where a job stands now, for somebody who begins to watch it."""

import uuid
from dataclasses import dataclass

from accounts.models import Account
from jobs.live import events
from jobs.live.events import Event
from jobs.models import Job
from jobs.states import JOB_ENDED, JobStatus
from jobs.wording.job_reasons import sentence


@dataclass(frozen=True, slots=True)
class JobNow:
    """A snapshot, and the final event of a job that has ended."""

    snapshot: Event
    ending: Event | None


def job_now(account: Account, job_uuid: str) -> JobNow | None:
    """Describe one of the account's jobs; None when it has no such job."""
    try:
        job: Job | None = Job.objects.for_account(account).filter(uuid=uuid.UUID(job_uuid)).first()
    except ValueError:
        return None
    if job is None:
        return None
    has_ended = job.status in JOB_ENDED
    # The ending is the job's last event: the snapshot tells all before it.
    seq = job.event_seq - 1 if has_ended else job.event_seq
    receipts = events.receipt_counts(job.delivered, job.read, job.played, job.failed_after, job.replied)
    return JobNow(
        snapshot=events.snapshot(str(job.uuid), seq, job.status, job.progress(), receipts),
        ending=_ending(job) if has_ended else None,
    )


def _ending(job: Job) -> Event:
    job_uuid = str(job.uuid)
    match job.status:
        case JobStatus.FAILED:
            error, message = sentence(job.state_reason)
            return events.job_failed(job_uuid, job.event_seq, error, message)
        case JobStatus.CANCELLED:
            return events.job_cancelled(job_uuid, job.event_seq, job.progress())
        case _:
            return events.job_completed(job_uuid, job.event_seq, job.results)
