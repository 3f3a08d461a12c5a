"""A job that is paused by nobody: for a trouble that passes by itself, or until a person has had a look.

The sweep has it go on where it may; a person's pause is `jobs.control`'s.
"""

from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from jobs.live import events, publishing
from jobs.live.events import Event
from jobs.models import Job
from jobs.states import JobStatus
from jobs.wording.job_reasons import sentence

REST_SECONDS: Final = (30, 60, 120, 300)  # the first time, the second, …


def hold(job: Job, reason: str, *, source: JobStatus = JobStatus.PROCESSING, **changes: Any) -> bool:
    """Pause a job that is in `source`, for a reason of `job_reasons`; False where it is there no longer."""
    with transaction.atomic():
        held = job.move(
            source=source, target=JobStatus.PAUSED, state_reason=reason, event_seq=F("event_seq") + 1, **changes
        )
        job.refresh_from_db()
    if held:
        publishing.publish([paused(job)])
    return held


def paused(job: Job) -> Event:
    """What is told of a job that has just been paused, by whomever."""
    reason = job.state_reason
    return events.job_paused(str(job.uuid), job.event_seq, reason, " ".join(sentence(reason)))


def rest(job_id: int, reason: str) -> bool:
    """Pause a job whose medium cannot be fetched, longer each time; its people keep their tries."""
    job = Job.unscoped.filter(pk=job_id, status=JobStatus.PROCESSING).first()
    if job is None:
        return False
    seconds = REST_SECONDS[min(job.rests, len(REST_SECONDS) - 1)]
    rests = min(job.rests + 1, len(REST_SECONDS))
    return hold(job, reason, resume_at=Now() + timedelta(seconds=seconds), rests=rests)
