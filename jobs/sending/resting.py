"""A job that rests: the medium all its messages carry cannot be fetched. The sweep wakes it, and it tries again."""

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from jobs.live import events, publishing
from jobs.models import Job
from jobs.states import JobStatus
from jobs.wording.job_reasons import sentence

REST_SECONDS: Final = (30, 60, 120, 300)  # the first time, the second, …


def rest(job_id: int, reason: str) -> bool:
    """Pause a job that is being sent, for a reason of `job_reasons`; its people keep their tries."""
    with transaction.atomic():
        job = Job.unscoped.select_for_update(no_key=True).filter(pk=job_id, status=JobStatus.PROCESSING).first()
        if job is None:
            return False
        seconds = REST_SECONDS[min(job.rests, len(REST_SECONDS) - 1)]
        job.move(
            source=JobStatus.PROCESSING,
            target=JobStatus.PAUSED,
            state_reason=reason,
            event_seq=F("event_seq") + 1,
            resume_at=Now() + timedelta(seconds=seconds),
            rests=min(job.rests + 1, len(REST_SECONDS)),
        )
        event = events.job_paused(str(job.uuid), job.event_seq + 1, reason, " ".join(sentence(reason)))
    publishing.publish([event])
    return True
