"""Every few seconds: find what is due or was left behind. The rows say what to do; tasks are only woken for it."""

from dataclasses import dataclass, field

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from jobs import control
from jobs.models import Job
from jobs.sending import dispatch, finishing, recovery
from jobs.states import JobStatus
from jobs.wording.job_reasons import MEDIA_UNREACHABLE, NO_DEVICES_LEFT


@dataclass(slots=True)
class Due:
    """What the sweep found for others to do."""

    imports: list[int] = field(default_factory=list)  # job ids
    devices_waiting: int = 0
    look_ups: bool = False


def sweep() -> Due:
    """Start what is due, recover what was abandoned, finish what is through; return what else waits."""
    due = Due()
    with transaction.atomic(), connection.cursor() as cursor:
        recovery.recover_abandoned(cursor, settings.QUIET_SECONDS)
    for job_id in Job.unscoped.due_to_start().values_list("pk", flat=True)[:100]:
        dispatch.start(job_id)
    open_jobs = Job.unscoped.filter(finished_at=None)
    for job_id in open_jobs.filter(total=F("sent") + F("failed")).values_list("pk", flat=True)[:100]:
        finishing.finish(job_id)
    for job_id in open_jobs.filter(status=JobStatus.CANCELLED).values_list("pk", flat=True)[:100]:
        control.cancel_waiting(job_id)
    with connection.cursor() as cursor:
        short_of_devices = dispatch.jobs_short_of_devices(cursor)
    for job in Job.unscoped.filter(pk__in=short_of_devices):
        dispatch.choose_devices(job)
    with connection.cursor() as cursor:
        control.pause_stranded(dispatch.jobs_without_devices(cursor))
    for job in open_jobs.filter(status=JobStatus.PAUSED, state_reason=NO_DEVICES_LEFT)[:100]:
        if dispatch.choose_devices(job):
            control.go_on(job, NO_DEVICES_LEFT)
    for job in open_jobs.filter(status=JobStatus.PAUSED, state_reason=MEDIA_UNREACHABLE, resume_at__lte=Now())[:100]:
        control.go_on(job, MEDIA_UNREACHABLE)
    due.imports = list(Job.unscoped.waiting_for_import().values_list("pk", flat=True)[:10])
    with connection.cursor() as cursor:
        due.devices_waiting = len(dispatch.devices_with_work(cursor, 1000))
        cursor.execute(
            "SELECT EXISTS (SELECT FROM jobs_recipient"
            " WHERE due_at IS NOT NULL AND due_at <= clock_timestamp() AND state = 'ambiguous')"
        )
        due.look_ups = cursor.fetchone()[0]
    return due
