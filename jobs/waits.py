"""What a job under way waits for: each cause with how many it holds up and until when. Told to people; nothing is
decided by it."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models import Count, Min

from devices.health import breaker
from devices.lane.limits import local_day, next_local_day, strangers_budget
from devices.lane.pacing import daily_allowance
from devices.models import Device
from devices.states import DeviceStatus
from jobs.models import Job
from jobs.states import CanaryState, JobStatus
from jobs.wording import job_reasons as reasons

MOST_COUNTED: Final = 10_000  # of one job: who counts further waits for the database
LOOKED_AT_FIRST: Final = 50  # of a job's devices
_LONGER_THAN_A_PACE: Final = timedelta(seconds=10)
_OUT: Final = {DeviceStatus.DISCONNECTED, DeviceStatus.BLOCKED}


class Wait(NamedTuple):
    """One cause. `recipients`: how many it holds up, at most MOST_COUNTED; None for all that wait. `until`: when it is
    looked at again, None where nobody can say."""

    reason: str  # of `job_reasons`
    recipients: int | None
    until: datetime | None


def waits(job: Job, now: datetime) -> list[Wait]:
    """What holds up a job, the devices first; nothing for one that is neither being sent nor due to start."""
    if job.status == JobStatus.PAUSED and job.state_reason == reasons.MEDIA_UNREACHABLE:
        return [Wait(reasons.MEDIA_UNREACHABLE, None, job.resume_at)]
    if job.status == JobStatus.PENDING:
        return _before_its_start(job, now)
    if job.status != JobStatus.PROCESSING:
        return []
    if job.canary_state == CanaryState.UNDER_WAY and job.canary_until is not None:
        return [Wait(reasons.CANARY_WAITING, None, job.canary_until), *_for_recipients(job)]
    for_devices = _for_devices(job, now)
    return [*([for_devices] if for_devices else []), *_for_recipients(job)]


def reason(job: Job, found: Sequence[Wait]) -> str:
    """Why a job does not move: its own reason, or the first of its waits where they hold up all; "" where it moves."""
    if job.state_reason:
        return job.state_reason
    if not found:
        return ""
    left = job.total - job.sent - job.failed
    held_up = sum(wait.recipients or 0 for wait in found)
    return found[0].reason if found[0].recipients is None or held_up >= min(left, MOST_COUNTED) else ""


def _before_its_start(job: Job, now: datetime) -> list[Wait]:
    """One whose time has come begins in seconds, unless its devices are out for what passes."""
    eligible = job.eligible_devices()
    if job.imported_at is None or job.start_at > now or eligible.available().exists():
        return []
    expected = breaker.expected(eligible).aggregate(soonest=Min("next_check_at"), number=Count("pk"))
    return [Wait(reasons.DEVICE_OUT, None, expected["soonest"])] if expected["number"] else []


def _for_recipients(job: Job) -> list[Wait]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT CASE WHEN state = 'ambiguous' THEN %(look_up)s
                        WHEN error_code = '' THEN %(hours)s ELSE %(retry)s END,
                   count(*), min(due_at)
            FROM (
                SELECT state, error_code, due_at FROM jobs_recipient
                WHERE job_id = %(job)s AND due_at IS NOT NULL AND state IN ('ambiguous', 'queued')
                  AND (state = 'ambiguous' OR due_at > clock_timestamp())
                ORDER BY due_at LIMIT %(most)s
            ) AS waiting
            GROUP BY 1 ORDER BY 2 DESC
            """,
            {
                "look_up": reasons.LOOK_UP,
                "hours": reasons.OUTSIDE_HOURS,
                "retry": reasons.RETRY,
                "job": job.pk,
                "most": MOST_COUNTED,
            },
        )
        return [Wait(*row) for row in cursor.fetchall()]


def _for_devices(job: Job, now: datetime) -> Wait | None:
    """What keeps all of a job's devices from sending; None where one of them may."""
    devices = Device.unscoped.present().filter(jobs=job).order_by("pk")
    columns = (
        "enabled",
        "status",
        "status_reason",
        "next_check_at",
        "messages_per_minute",
        "daily_limit",
        "warm_up_since",
        "lane__day",
        "lane__day_count",
        "lane__next_slot_at",
        "only_known_until",
        "new_people_a_day",
        "lane__strangers_day",
        "lane__strangers_count",
    )
    rows = devices.values_list(*columns, named=True)
    zone = job.account.time_zone
    found: list[Wait] = []
    # Mostly one of the first may send: the others are asked for only where none of them may.
    for some in (rows[:LOOKED_AT_FIRST], rows[LOOKED_AT_FIRST:]):
        for device in some:
            wait = _for_device(device, now, zone)
            if wait is None:
                return None
            found.append(wait)
        if len(found) < LOOKED_AT_FIRST:
            break
    return _soonest(found)


def _for_device(device: Any, now: datetime, zone: str) -> Wait | None:
    """What keeps one device from sending, or from writing to people who never wrote to it."""
    sent_today = device.lane__day_count if device.lane__day == now.date() else 0
    slot = device.lane__next_slot_at
    allowance = daily_allowance(device.daily_limit, device.warm_up_since, now.date())
    pace = timedelta(minutes=1) / device.messages_per_minute if device.messages_per_minute else timedelta()
    if not device.enabled or device.status in _OUT:
        passes = device.enabled and device.status_reason in breaker.PASSING
        return Wait(reasons.DEVICE_OUT, None, device.next_check_at if passes else None)
    if allowance is not None and sent_today >= allowance:
        return Wait(reasons.DAILY_LIMIT, None, _next_midnight(now))
    if (wait := _for_strangers(device, now, zone)) is not None:
        return wait  # who looks for people it knows rests between, by its slot
    if slot is not None and slot - now > max(2 * pace, _LONGER_THAN_A_PACE):
        return Wait(reasons.GATEWAY_ASKED, None, slot)
    return None


def _for_strangers(device: Any, now: datetime, zone: str) -> Wait | None:
    if device.only_known_until is not None and device.only_known_until > now:
        return Wait(reasons.ONLY_KNOWN_PEOPLE, None, device.only_known_until)
    budget, today = strangers_budget(device.new_people_a_day), local_day(zone, now)
    if budget is not None and device.lane__strangers_day == today and device.lane__strangers_count >= budget:
        return Wait(reasons.NEW_PEOPLE_LIMIT, None, next_local_day(zone, now))
    return None


def _soonest(found: Sequence[Wait]) -> Wait | None:
    known = [wait for wait in found if wait.until is not None]
    if known:
        return min(known, key=lambda wait: wait.until or datetime.max.replace(tzinfo=UTC))
    return found[0] if found else None


def _next_midnight(now: datetime) -> datetime:
    """Days are UTC's, as the lanes count them."""
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time.min, UTC)
