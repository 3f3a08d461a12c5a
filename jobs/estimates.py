"""How fast a job can go, and when it will be through. Estimates: nothing is decided by them."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, F, Q

from accounts.time_zones import known_zone
from devices.models import Device, DeviceQuerySet
from jobs import windows
from jobs.forecast import Sender, finish
from jobs.models import Job
from jobs.states import JobStatus


def rate_per_minute(job: Job, now: datetime) -> float | None:
    """Messages a minute: its share of what its devices may send, or, where one has no limit, what was sent so far.

    None where that cannot be told: no device that works, or no limit and nothing sent yet.
    """
    return round(sum(sender.per_minute for sender in _senders(job, now)), 1) or None


def eta(job: Job, now: datetime) -> datetime | None:
    """When the last message will go out, by paces, daily limits and sending hours.

    None for a job that rests, has ended or has no known rate.
    """
    if job.status not in {JobStatus.PENDING, JobStatus.PROCESSING}:
        return None
    start = max(now, job.start_at) if job.status == JobStatus.PENDING else now
    left = job.total - job.sent - job.failed
    zone = known_zone(job.account.time_zone) or ZoneInfo("UTC")
    return finish(left, _senders(job, now), windows.parse(job.sending_window), zone, start)


def _senders(job: Job, now: datetime) -> list[Sender]:
    """Its devices: each takes its jobs in turn, so each job has a share. One for all where one has no limit."""
    others = Q(jobs__status=JobStatus.PROCESSING, jobs__finished_at=None) & ~Q(jobs=job.pk)
    rows = list(
        _devices(job)
        .annotate(other_jobs=Count("jobs", filter=others), begun_on=F("lane__day"), begun=F("lane__day_count"))
        .order_by("pk")
        .values_list("messages_per_minute", "other_jobs", "daily_limit", "warm_up_since", "begun_on", "begun")
    )[: job.devices_limit]
    limited = [
        Sender(pace / (1 + other_jobs), daily_limit, warm_up_since, begun if begun_on == now.date() else 0)
        for pace, other_jobs, daily_limit, warm_up_since, begun_on, begun in rows
        if pace is not None
    ]
    return limited if len(limited) == len(rows) else _measured(job, now)


def _measured(job: Job, now: datetime) -> list[Sender]:
    if job.started_at is None or not job.sent:
        return []
    minutes = ((job.finished_at or now) - job.started_at) / timedelta(minutes=1)
    return [Sender(job.sent / max(minutes, 1 / 60))]


def _devices(job: Job) -> DeviceQuerySet:
    """The devices that send this job; before its start, those that could."""
    devices: DeviceQuerySet = Device.objects.for_account(job.account_id).available()
    if job.started_at is not None:
        return devices.filter(pk__in=job.devices.values("pk"))
    return devices.filter(pk__in=job.requested_device_ids) if job.requested_device_ids else devices
