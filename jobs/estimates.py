"""How fast a job can go, and when it will be through. Estimates: nothing is decided by them."""

from datetime import datetime, timedelta

from devices.models import Device, DeviceQuerySet
from jobs.models import Job
from jobs.states import JobStatus

FURTHEST = timedelta(days=3650)  # beyond it a date says nothing


def rate_per_minute(job: Job, now: datetime) -> float | None:
    """Messages a minute: what its devices may send together, or, where one has no limit, what was sent so far.

    None where that cannot be told: no device that works, or no limit and nothing sent yet.
    """
    limits = list(_devices(job).values_list("messages_per_minute", flat=True)[: job.devices_limit])
    known = [limit for limit in limits if limit is not None]
    if len(known) == len(limits):
        return float(sum(known)) or None
    if job.started_at is None or not job.sent:
        return None
    minutes = ((job.finished_at or now) - job.started_at) / timedelta(minutes=1)
    return round(job.sent / max(minutes, 1 / 60), 1)


def eta(job: Job, now: datetime) -> datetime | None:
    """When the last message will go out; None for a job that rests, has ended or has no known rate."""
    if job.status not in {JobStatus.PENDING, JobStatus.PROCESSING}:
        return None
    rate = rate_per_minute(job, now)
    if rate is None:
        return None
    start = max(now, job.start_at) if job.status == JobStatus.PENDING else now
    wait = timedelta(minutes=(job.total - job.sent - job.failed) / rate)
    return start + wait if wait < FURTHEST else None


def _devices(job: Job) -> DeviceQuerySet:
    """The devices that send this job; before its start, those that could."""
    devices: DeviceQuerySet = Device.objects.for_account(job.account_id).available()
    if job.started_at is not None:
        return devices.filter(jobs=job)
    return devices.filter(pk__in=job.requested_device_ids) if job.requested_device_ids else devices
