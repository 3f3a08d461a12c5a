"""How fast a job can go, and when it will be through: day by day, by paces, daily limits and hours.

Nothing is decided by it. The days are those of one clock: the recipients' own clocks and retries are left out. Where
countries have hours of their own, it ends when their people are through as if it had no others, if that is later.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db import connection

from accounts.time_zones import known_zone
from devices.lane.leases import USABLE
from devices.lane.limits import local_day, strangers_budget
from devices.lane.pacing import daily_allowance
from jobs import windows
from jobs.models import Job
from jobs.rules.binding import binding_of
from jobs.states import JobStatus
from jobs.windows import Daily

FURTHEST_DAYS: Final = 3650  # beyond it a date says nothing
DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)
_A_LITTLE: Final = 1e-6  # of a message
_STEPS: Final = 32  # halvings of a day: to far less than a second


@dataclass(frozen=True, slots=True)
class Sender:
    """What a device, or its share, can do. A thousand that can do the same are one sender, counted a thousand times."""

    per_minute: float
    daily_limit: int | None = None
    warm_up_since: date | None = None
    begun_today: int = 0  # of its daily limit, on the first day
    strangers_a_day: int | None = None  # everybody is taken for one
    strangers_today: int = 0  # likewise

    def sent(self, day: date, minutes: float, *, is_first: bool = False) -> float:
        """How much it sends in the first so many minutes of a day."""
        at_its_pace = self.per_minute * minutes
        allowance = daily_allowance(self.daily_limit, self.warm_up_since, day)
        if allowance is not None:
            at_its_pace = min(at_its_pace, max(0, allowance - (self.begun_today if is_first else 0)))
        if self.strangers_a_day is not None:
            at_its_pace = min(at_its_pace, max(0, self.strangers_a_day - (self.strangers_today if is_first else 0)))
        return at_its_pace


Senders = Mapping[Sender, int]  # how many there are of each


@dataclass(frozen=True, slots=True)
class Outlook:
    """How a job goes on.

    `rate_per_minute`: messages, its share of what its devices may send, or, where one has no limit, what was sent so
    far. None where that cannot be told: no device that works, or no limit and nothing sent yet.
    `eta`: when the last message will go out, by paces, daily limits and sending hours. None for a job that rests, has
    ended or has no known rate.
    """

    rate_per_minute: float | None
    eta: datetime | None

    def not_before(self, waits: Iterable[datetime | None]) -> "Outlook":
        """The same of a job that waits until these times: it is through no sooner than the first of them."""
        known = [until for until in waits if until is not None]
        return self if self.eta is None or not known else replace(self, eta=max(self.eta, min(known)))


def outlook(job: Job, now: datetime) -> Outlook:
    senders, free_at = _senders(job, now)
    return Outlook(round(_pace(senders), 1) or None, _eta(job, senders, max(now, free_at or now)))


def _eta(job: Job, senders: Senders, now: datetime) -> datetime | None:
    if job.status not in {JobStatus.PENDING, JobStatus.PROCESSING}:
        return None
    start = max(now, job.start_at) if job.status == JobStatus.PENDING else now
    left = job.total - job.sent - job.failed
    zone = known_zone(job.account.time_zone) or ZoneInfo("UTC")
    window = windows.parse(job.sending_window)
    ends = [finish(left, senders, window, zone, start)]
    for country, rule in binding_of(job.kind, job.account.country_rules, {}).rules.items():
        if rule.hours and (there := min(left, job.countries.get(country, 0))):
            ends.append(finish(there, senders, windows.in_country(window, rule), ZoneInfo(rule.clock), start))
    return last(ends)


def last(ends: Sequence[datetime | None]) -> datetime | None:
    """The latest; None where one of them is never."""
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None


# The devices that send a job; before its start, those that could.
_THOSE_THAT_SEND = "EXISTS (SELECT FROM jobs_jobdevice WHERE job_id = %(job)s AND device_id = device.id)"
_THOSE_THAT_COULD = "(%(requested)s::bigint[] = '{}' OR device.id = ANY(%(requested)s::bigint[]))"


def _senders(job: Job, now: datetime) -> tuple[Senders, datetime | None]:
    """Its devices: each takes its jobs in turn, so each job has a share. One for all where one has no limit.

    Those that may write to anybody; where none may, all of them, and when the first of them may again.
    """
    which = _THOSE_THAT_COULD if job.started_at is None else _THOSE_THAT_SEND
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT only_known_until, messages_per_minute, other_jobs, daily_limit, warm_up_since, begun,
                new_people_a_day, strangers, count(*)
            FROM (
                SELECT CASE WHEN only_known_until > %(now)s THEN only_known_until END AS only_known_until,
                    new_people_a_day, CASE WHEN lane.strangers_day = %(local)s THEN lane.strangers_count ELSE 0 END
                        AS strangers,
                    messages_per_minute, coalesce(others.jobs, 0) AS other_jobs, daily_limit, warm_up_since,
                    CASE WHEN lane.day = %(today)s AND (daily_limit IS NOT NULL OR warm_up_since IS NOT NULL)
                        THEN lane.day_count ELSE 0 END AS begun
                FROM devices_device AS device
                    LEFT JOIN devices_lane AS lane ON lane.device_id = device.id
                    LEFT JOIN (
                        SELECT device_id, count(*) AS jobs FROM jobs_jobdevice WHERE job_id IN (
                            SELECT id FROM jobs_job WHERE account_id = %(account)s AND id <> %(job)s
                                AND status = 'processing' AND finished_at IS NULL
                        ) GROUP BY device_id
                    ) AS others ON others.device_id = device.id
                WHERE device.account_id = %(account)s AND {USABLE} AND {which}
                ORDER BY device.id LIMIT %(limit)s
            ) AS sender GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
            """,  # noqa: S608 - constants
            {
                "job": job.pk,
                "account": job.account_id,
                "requested": job.requested_device_ids,
                "limit": job.devices_limit,
                "today": now.date(),
                "local": local_day(job.account.time_zone, now),
                "now": now,
            },
        )
        rows = cursor.fetchall()
    locked = [until for until, *_ in rows if until is not None]
    free_at = min(locked) if locked and len(locked) == len(rows) else None
    of_each = [row for until, *row in rows if until is None or free_at]
    if any(pace is None for pace, *_ in of_each):
        return _measured(job, now), free_at
    senders: Counter[Sender] = Counter()
    for pace, other_jobs, daily_limit, warm_up_since, begun, budget, strangers, number in of_each:
        budget = strangers_budget(budget)
        begun_with = strangers if budget is not None else 0
        one = Sender(pace / (1 + other_jobs), daily_limit, warm_up_since, begun, budget, begun_with)
        senders[one] += number
    return senders, free_at


def _measured(job: Job, now: datetime) -> Senders:
    if job.started_at is None or not job.sent:
        return {}
    minutes = ((job.finished_at or now) - job.started_at) / timedelta(minutes=1)
    return {Sender(job.sent / max(minutes, 1 / 60)): 1}


def _pace(senders: Senders) -> float:
    """Messages a minute, all together, while no daily limit is reached."""
    return sum(sender.per_minute * number for sender, number in senders.items())


def _sent(senders: Senders, day: date, minutes: float, *, is_first: bool) -> float:
    """How much they send together in the first so many minutes of a day."""
    return sum(sender.sent(day, minutes, is_first=is_first) * number for sender, number in senders.items())


def finish(messages: int, senders: Senders, hours: Daily | None, zone: ZoneInfo, start: datetime) -> datetime | None:
    """When they are through, beginning at `start`; None where it would not be within ten years."""
    if messages <= 0:
        return start
    if not senders:
        return None
    left = float(messages)
    first = start.astimezone(zone).date()
    for days in range(FURTHEST_DAYS):
        day = first + days * DAY
        opens, closes = _open(day, hours, zone)
        opens = max(opens, start)
        minutes = (closes - opens) / MINUTE
        if minutes <= 0:
            continue
        sent = _sent(senders, day, minutes, is_first=not days)
        if sent >= left:
            return opens + _minutes_for(left, senders, day, minutes, is_first=not days) * MINUTE
        left -= sent
    return None


def _open(day: date, hours: Daily | None, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From when to when may be sent on this day, in UTC; an empty time where it may not."""
    opens, closes = datetime.combine(day, time.min), datetime.combine(day + DAY, time.min)
    if hours is not None:
        span = hours.on(day)
        opens, closes = (datetime.combine(day, at) for at in span) if span is not None else (opens, opens)
    return opens.replace(tzinfo=zone).astimezone(UTC), closes.replace(tzinfo=zone).astimezone(UTC)


def _minutes_for(messages: float, senders: Senders, day: date, minutes: float, *, is_first: bool) -> float:
    """How many of the day's minutes they need: at their paces, each until its daily limit."""
    at_their_paces = messages / _pace(senders)
    if _sent(senders, day, at_their_paces, is_first=is_first) > messages - _A_LITTLE:
        return at_their_paces
    low, high = 0.0, minutes
    for _ in range(_STEPS):
        middle = (low + high) / 2
        enough = _sent(senders, day, middle, is_first=is_first) >= messages
        low, high = (low, middle) if enough else (middle, high)
    return high
