"""How a job is deleted: its recipients in batches, so that no statement holds a million rows, the job last.

A job that is deleted half-way is still there, with its counters, and can be deleted again. Lock order, here as
everywhere in the engine: recipients, jobs.
"""

from collections.abc import Callable

from django.db import transaction
from django.db.models import Max

from jobs.models import Job, Recipient
from jobs.states import JOB_ENDED

BATCH_ROWS = 20_000


class StillOpen(Exception):
    """The job is being sent, or may be yet: only an ended one can be deleted."""


def is_over(job: Job) -> bool:
    """Whether nothing more happens to a job by itself: it has ended, and all its recipients are settled.

    A cancelled job may have messages in flight yet: it is over when it says when.
    """
    return job.status in JOB_ENDED and job.finished_at is not None


def delete_job(job: Job, note: Callable[[int], object] = lambda recipients: None) -> int:
    """Delete an ended job and everything that belongs to it; return how many recipients went with it.

    `note` is called with that number in the transaction that deletes the job itself.
    Raises StillOpen for one that has not ended, or was opened again meanwhile; what went by then is gone.
    """
    if (now := Job.unscoped.filter(pk=job.pk).only("status", "finished_at").first()) is not None:
        _refuse_open(now)
    last = Recipient.objects.filter(job_id=job.pk).aggregate(last=Max("position"))["last"]
    deleted = 0
    # By position: each batch is a range of the index by which a job's recipients are read.
    for start in range(0, 0 if last is None else last + 1, BATCH_ROWS):
        with transaction.atomic():
            deleted += _delete(job.pk, position__gte=start, position__lt=start + BATCH_ROWS)
            _lock_ended(job.pk)
    with transaction.atomic():
        # An import that was still at work when the job failed: nearly always there is nothing more.
        deleted += _delete(job.pk)
        _lock_ended(job.pk)
        gone, _models = Job.unscoped.filter(pk=job.pk).delete()
        if gone:
            note(deleted)
    return deleted


def _delete(job_id: int, **positions: int) -> int:
    # One statement, without reading the rows first: nothing refers to a recipient.
    return Recipient.objects.filter(job_id=job_id, **positions).delete()[0]


def _lock_ended(job_id: int) -> None:
    job = Job.unscoped.select_for_update(no_key=True).filter(pk=job_id).only("status", "finished_at").first()
    if job is not None:
        _refuse_open(job)


def _refuse_open(job: Job) -> None:
    if not is_over(job):
        raise StillOpen(f"job {job.pk} is {job.status}")
