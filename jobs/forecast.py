"""How fast a job can go, and when it will be through: day by day, by paces, daily limits and a window.

Nothing is decided by it. The days are those of one clock. The recipients' own clocks and retries are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db.models import Count, F, Q

from accounts.time_zones import known_zone
from devices.lane.pacing import daily_allowance
from devices.models import Device, DeviceQuerySet
from jobs import windows
from jobs.models import Job
from jobs.states import JobStatus
from jobs.windows import Window

FURTHEST_DAYS: Final = 3650  # beyond it a date says nothing
DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)
_A_LITTLE: Final = 1e-6  # of a message
_STEPS: Final = 32  # halvings of a day: to far less than a second


@dataclass(frozen=True, slots=True)
class Sender:
    """What a device, or its share, can do."""

    per_minute: float
    daily_limit: int | None = None
    warm_up_since: date | None = None
    begun_today: int = 0  # of its daily limit, on the first day

    def sent(self, day: date, minutes: float, *, is_first: bool = False) -> float:
        """How much it sends in the first so many minutes of a day."""
        allowance = daily_allowance(self.daily_limit, self.warm_up_since, day)
        if allowance is None:
            return self.per_minute * minutes
        return min(self.per_minute * minutes, max(0, allowance - (self.begun_today if is_first else 0)))


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
    if job.started_at is None:
        return job.eligible_devices().available()
    devices: DeviceQuerySet = Device.objects.for_account(job.account_id).available()
    return devices.filter(pk__in=job.devices.values("pk"))


def finish(
    messages: int, senders: Sequence[Sender], window: Window | None, zone: ZoneInfo, start: datetime
) -> datetime | None:
    """When they are through, beginning at `start`; None where it would not be within ten years."""
    if messages <= 0:
        return start
    if not senders:
        return None
    left = float(messages)
    first = start.astimezone(zone).date()
    for days in range(FURTHEST_DAYS):
        day = first + days * DAY
        opens, closes = _open(day, window, zone)
        opens = max(opens, start)
        minutes = (closes - opens) / MINUTE
        if minutes <= 0:
            continue
        sent = sum(sender.sent(day, minutes, is_first=not days) for sender in senders)
        if sent >= left:
            return opens + _minutes_for(left, senders, day, minutes, is_first=not days) * MINUTE
        left -= sent
    return None


def _open(day: date, window: Window | None, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From when to when may be sent on this day, in UTC; an empty time where it may not."""
    opens, closes = datetime.combine(day, time.min), datetime.combine(day + DAY, time.min)
    if window is not None:
        closes = opens
        if day.weekday() in window.weekdays:
            opens, closes = datetime.combine(day, window.start), datetime.combine(day, window.end)
    return opens.replace(tzinfo=zone).astimezone(UTC), closes.replace(tzinfo=zone).astimezone(UTC)


def _minutes_for(messages: float, senders: Sequence[Sender], day: date, minutes: float, *, is_first: bool) -> float:
    """How many of the day's minutes they need: at their paces, each until its daily limit."""
    at_their_paces = messages / sum(sender.per_minute for sender in senders)
    if sum(sender.sent(day, at_their_paces, is_first=is_first) for sender in senders) > messages - _A_LITTLE:
        return at_their_paces
    low, high = 0.0, minutes
    for _ in range(_STEPS):
        middle = (low + high) / 2
        enough = sum(sender.sent(day, middle, is_first=is_first) for sender in senders) >= messages
        low, high = (low, middle) if enough else (middle, high)
    return high
