"""When a job starts, and through which devices."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from accounts.needed import Need
from devices.health import breaker
from devices.lane.leases import LOCKED, USABLE
from jobs.live import events, publishing
from jobs.models import Job, MessageSyntax
from jobs.sending import canary, finishing, resting
from jobs.states import JOB_ENDED, JobStatus
from jobs.wording.job_reasons import MISSED_ITS_TIME, NO_DEVICES, NO_DEVICES_LEFT

Cursor = Any

AT_ONCE = timedelta(minutes=1)  # a start so soon after the upload was meant as "now"
LOOKED_FOR = timedelta(minutes=2)  # for so long a start waits for an answer from devices that are out by an old word


def jobs_short_of_devices(cursor: Cursor) -> list[int]:
    """Return the ids of jobs under way that have fewer devices than they may and whose account has a spare one."""
    # Counted, and not looked for job by job and device by device: fifty jobs over a thousand devices are 50,000 links.
    # What serves a job is one of those it may use, so that a spare one shows in the numbers alone.
    cursor.execute(
        f"""
        WITH job AS MATERIALIZED (
            SELECT id, account_id, devices_limit, requested_device_ids FROM jobs_job
            WHERE status = 'processing' AND finished_at IS NULL
        ), device AS MATERIALIZED (
            SELECT id, account_id FROM devices_device AS device
            WHERE {USABLE} AND account_id IN (SELECT account_id FROM job)
        ), serving AS (
            SELECT link.job_id, count(*) AS number FROM jobs_jobdevice AS link
            WHERE link.job_id IN (SELECT id FROM job) AND link.device_id IN (SELECT id FROM device)
            GROUP BY link.job_id
        ), present AS (SELECT account_id, count(*) AS number FROM device GROUP BY account_id)
        SELECT job.id FROM job JOIN present USING (account_id) LEFT JOIN serving ON serving.job_id = job.id
        WHERE coalesce(serving.number, 0) < least(job.devices_limit, CASE
            WHEN job.requested_device_ids = '{{}}' THEN present.number
            ELSE (SELECT count(*) FROM device WHERE id = ANY(job.requested_device_ids))
        END)
        """  # noqa: S608 - constants
    )
    return [job_id for (job_id,) in cursor.fetchall()]


def jobs_without_devices(cursor: Cursor) -> list[int]:
    """Return the ids of jobs under way none of whose devices may be sent through, or will be within moments."""
    # The first that may ends the look at a job: as a NOT EXISTS all links of all jobs would be read together.
    cursor.execute(
        f"""
        SELECT job.id FROM jobs_job AS job
        WHERE job.status = 'processing' AND job.finished_at IS NULL AND (
            SELECT true FROM jobs_jobdevice AS link JOIN devices_device AS device ON device.id = link.device_id
            WHERE link.job_id = job.id AND ({USABLE} OR {breaker.EXPECTED}) LIMIT 1
        ) IS NULL
        """,  # noqa: S608 - constants
        breaker.EXPECTED_PARAMETERS,
    )
    return [job_id for (job_id,) in cursor.fetchall()]


def seconds_to_start(job_id: int) -> float | None:
    """Return how long an imported job still has to wait for its start (0.0 or more); None if it is not to start."""
    job = Job.unscoped.filter(pk=job_id, status=JobStatus.PENDING, imported_at__isnull=False).first()
    return None if job is None else max(0.0, (job.start_at - timezone.now()).total_seconds())


def start(job_id: int) -> bool:
    """Start a job whose recipients are there and whose time has come; False when it is not so.

    Without a device at the very start it fails, as seed 000 says; one that is under way waits instead, and so does one
    whose devices are out for what passes. One whose hour went by long ago, because nothing ran, waits for a person.
    """
    job = Job.unscoped.due_to_start().filter(pk=job_id).first()
    if job is None:
        return False
    if _has_missed_its_time(job, timezone.now()):
        resting.hold(job, MISSED_ITS_TIME, source=JobStatus.PENDING)
        return False
    if not choose_devices(job):
        if breaker.expected(job.eligible_devices()).exists() or _asks_them_first(job, timezone.now()):
            return False
        finishing.fail(job.pk, NO_DEVICES)
        return False
    with transaction.atomic():
        # From `pending` only: a pause that came since we looked wins.
        if not job.move(
            source=JobStatus.PENDING,
            target=JobStatus.PROCESSING,
            started_at=Now(),
            event_seq=F("event_seq") + 1,
            **canary.plan(job),
        ):
            return False
        job.refresh_from_db(fields=["event_seq", "total", "sent", "failed"])
        event = events.job_started(str(job.uuid), job.event_seq, job.total)
    publishing.publish([event])
    if job.sent + job.failed == job.total:
        finishing.finish(job.pk)
    return True


def who_needs_devices(account_id: int, device_ids: Sequence[int]) -> list[Need]:
    """The jobs that have not begun and ask for one of these devices by name."""
    waiting = Job.objects.for_account(account_id).filter(syntax=MessageSyntax.FILE, started_at=None, finished_at=None)
    asking = waiting.exclude(status__in=JOB_ENDED).filter(requested_device_ids__overlap=list(device_ids))
    return [Need("job", str(job.uuid), str(job)) for job in asking.newest_first()]


def devices_at_work(device_ids: Collection[int] | None = None) -> set[int]:
    """Return the devices, of these or of all, that a job under way sends through now or waits for.

    Not where all its people sleep until their hours begin, or a retry is due.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH job AS MATERIALIZED (
                SELECT id, account_id, requested_device_ids, status FROM jobs_job AS job WHERE finished_at IS NULL
                AND CASE status WHEN 'paused' THEN state_reason = %(no_devices_left)s WHEN 'processing' THEN
                    next_position < total
                    OR EXISTS (SELECT FROM jobs_chunk WHERE job_id = job.id)
                    OR EXISTS (
                        SELECT FROM jobs_recipient
                        WHERE job_id = job.id AND state = 'queued'
                          AND due_at <= statement_timestamp() + interval '1 minute'
                    )
                END
            )
            SELECT link.device_id FROM jobs_jobdevice AS link
            WHERE link.job_id IN (SELECT id FROM job WHERE status = 'processing')
              AND (%(ids)s::bigint[] IS NULL OR link.device_id = ANY(%(ids)s::bigint[]))
            UNION
            SELECT device.id FROM job JOIN devices_device AS device USING (account_id)
            WHERE job.status = 'paused' AND device.enabled
              AND (job.requested_device_ids = '{}' OR device.id = ANY(job.requested_device_ids))
              AND (%(ids)s::bigint[] IS NULL OR device.id = ANY(%(ids)s::bigint[]))
            """,
            {"ids": None if device_ids is None else list(device_ids), "no_devices_left": NO_DEVICES_LEFT},
        )
        return {device_id for (device_id,) in cursor.fetchall()}


def _asks_them_first(job: Job, now: datetime) -> bool:
    """Whether one of its devices is out by an old word, and is asked now."""
    if now - job.start_at > LOOKED_FOR:
        return False
    old = list(breaker.out_by_an_old_word(job.eligible_devices()).values_list("pk", flat=True))
    breaker.look_soon(old)
    return bool(old)


def _has_missed_its_time(job: Job, now: datetime) -> bool:
    """Whether it was to start at an hour of its own, not at once, and that is longer ago than the misfire window."""
    had_an_hour = job.start_at - job.created_at > AT_ONCE
    return had_an_hour and now - job.start_at > timedelta(seconds=settings.CAMPAIGN_MISFIRE_SECONDS)


def choose_devices(job: Job) -> int:
    """Give the job devices up to its limit, the least burdened first, and those last that may write only to people who
    wrote to them; return how many it has that may work."""
    with transaction.atomic(), connection.cursor() as cursor:
        # One at a time for each job, or two sweeps could exceed its limit together.
        cursor.execute("SELECT FROM jobs_job WHERE id = %s FOR NO KEY UPDATE", (job.pk,))
        cursor.execute(
            f"""
            WITH eligible AS MATERIALIZED (
                SELECT device.id, link.id IS NOT NULL AS serves, {LOCKED} AS is_locked
                FROM devices_device AS device
                    LEFT JOIN jobs_jobdevice AS link ON link.device_id = device.id AND link.job_id = %(job)s
                WHERE device.account_id = %(account)s AND {USABLE}
                    AND (%(requested)s::bigint[] = '{{}}' OR device.id = ANY(%(requested)s::bigint[]))
            ), burden AS (
                SELECT device_id, count(*) AS jobs FROM jobs_jobdevice WHERE job_id IN (
                    SELECT id FROM jobs_job WHERE account_id = %(account)s AND finished_at IS NULL
                ) GROUP BY device_id
            ), added AS (
                INSERT INTO jobs_jobdevice (job_id, device_id)
                SELECT %(job)s, eligible.id
                FROM eligible LEFT JOIN burden ON burden.device_id = eligible.id
                WHERE NOT eligible.serves
                ORDER BY eligible.is_locked, coalesce(burden.jobs, 0), eligible.id
                LIMIT greatest(0, %(limit)s - (SELECT count(*) FROM eligible WHERE serves))
                RETURNING device_id
            )
            SELECT (SELECT count(*) FROM eligible WHERE serves) + (SELECT count(*) FROM added)
            """,  # noqa: S608 - constants
            {
                "job": job.pk,
                "account": job.account_id,
                "requested": job.requested_device_ids,
                "limit": job.devices_limit,
            },
        )
        return int(cursor.fetchone()[0])
