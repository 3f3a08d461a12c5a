"""Every few seconds: find what is due or was left behind. The rows say what to do; tasks are only woken for it.

What is due is found through the open jobs, few as they are. All devices are looked at only where one of them or a job
came or went since, and else now and then, for what time alone brings about.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from devices.health import breaker
from devices.lane.leases import USABLE
from jobs import control
from jobs.models import Job
from jobs.running import fleet
from jobs.sending import canary, dispatch, finishing, recovery
from jobs.wording.job_reasons import MEDIA_UNREACHABLE, NO_DEVICES_LEFT

log = structlog.get_logger(__name__)

LOOK_AGAIN_SECONDS: Final = 10.0
STEPS_AT_ONCE: Final = 100  # of each kind, for each account; the next sweep has the others
IMPORTS_AT_ONCE: Final = 10

Cursor = Any

# What each open job needs now, if anything: the first that holds. Whose devices are all out is asked of the accounts
# together, since there may be many such jobs and many such devices.
_STEPS = f"""
    SELECT id, step FROM (
        SELECT id, step, row_number() OVER (PARTITION BY account_id, step ORDER BY id) AS place FROM (
            SELECT id, account_id, CASE
                WHEN status IN ('pending', 'paused') AND imported_at IS NULL AND upload_name <> '' THEN 'import'
                WHEN status = 'pending' AND imported_at IS NOT NULL AND start_at <= statement_timestamp() THEN 'start'
                WHEN status = 'cancelled' THEN CASE
                    WHEN cancelled_to < imported OR imported <= sent + failed OR EXISTS (
                        SELECT FROM jobs_recipient AS recipient
                        WHERE job_id = job.id AND due_at IS NOT NULL AND state = 'queued'
                    ) THEN 'cancel'
                END
                WHEN started_at IS NOT NULL AND total = sent + failed THEN 'finish'
                WHEN status = 'processing' AND {canary.IS_WATCHED} THEN 'canary'
                WHEN status = 'paused' AND state_reason = %(no_devices_left)s
                    AND job.account_id IN (SELECT account_id FROM devices_device AS device WHERE {USABLE})
                    AND (requested_device_ids = '{{}}' OR EXISTS (
                        SELECT FROM devices_device AS device WHERE id = ANY(job.requested_device_ids) AND {USABLE}
                    )) THEN 'devices'
                WHEN status = 'paused' AND state_reason = %(media_unreachable)s AND resume_at <= statement_timestamp()
                    THEN 'medium'
            END AS step
            FROM jobs_job AS job WHERE finished_at IS NULL
        ) AS open_job WHERE step IS NOT NULL
    ) AS due WHERE place <= %(at_once)s ORDER BY id
"""  # noqa: S608 - constants

# Job by job: the index of due times begins with the job, and holds everybody who sleeps until the morning. And not by
# clock_timestamp(), which may change from row to row, so that no index could be asked for what lies before it.
_LOOK_UPS = """
    SELECT EXISTS (
        SELECT FROM jobs_job AS job WHERE finished_at IS NULL AND (
            SELECT true FROM jobs_recipient AS recipient
            WHERE job_id = job.id AND due_at <= statement_timestamp() AND state = 'ambiguous' LIMIT 1
        )
    )
"""

# A row where it is time to look at everything: nobody did for a while, or there are other devices that may be sent
# through, or other jobs under way. Whoever gets it does so; other sweeps rely on that.
_TAKE_THE_LOOK = f"""
    INSERT INTO jobs_sweeplook AS last (id, looked_at, saw)
    SELECT 1, clock_timestamp(), concat_ws(' ',
        (SELECT sum(hashint8extended(id, 0)) FROM devices_device AS device WHERE {USABLE}),
        (SELECT sum(hashint8extended(id, 1)) FROM jobs_job WHERE status = 'processing' AND finished_at IS NULL)
    )
    ON CONFLICT (id) DO UPDATE SET looked_at = excluded.looked_at, saw = excluded.saw
    WHERE last.saw <> excluded.saw OR last.looked_at < excluded.looked_at - %s * interval '1 second'
    RETURNING true
"""  # noqa: S608 - constants


@dataclass(slots=True)
class Due:
    """What the sweep found for others to do."""

    imports: list[int] = field(default_factory=list)  # job ids
    lanes: bool = False  # there is something to send
    look_ups: bool = False


def sweep() -> Due:
    """Start what is due, recover what was abandoned, finish what is through; return what else waits."""
    due = Due()
    with connection.cursor() as cursor:
        with transaction.atomic():
            recovery.bury(cursor, settings.QUIET_SECONDS)
        steps = _steps(cursor)
        for job_id, step in steps:
            _take_step(job_id, step)
        due.imports = [job_id for job_id, step in steps if step == "import"][:IMPORTS_AT_ONCE]
        if _takes_the_look(cursor):
            _look_at_everything(cursor)
        due.lanes = fleet.has_work(cursor)
        cursor.execute(_LOOK_UPS)
        due.look_ups = cursor.fetchone()[0]
    return due


def _steps(cursor: Cursor) -> list[tuple[int, str]]:
    """Jobs that need something now, by rising id: (job id, step)."""
    cursor.execute(
        _STEPS,
        {"no_devices_left": NO_DEVICES_LEFT, "media_unreachable": MEDIA_UNREACHABLE, "at_once": STEPS_AT_ONCE},
    )
    steps: list[tuple[int, str]] = cursor.fetchall()
    return steps


def _take_step(job_id: int, step: str) -> None:
    """What goes wrong with one job costs that job, and no other."""
    try:
        _step(job_id, step)
    except OperationalError:
        raise  # the database is away: so it is for the others
    except Exception:
        log.exception("step failed", job=job_id, step=step)


def _step(job_id: int, step: str) -> None:
    match step:
        case "start":
            dispatch.start(job_id)
        case "finish":
            finishing.finish(job_id)
        case "cancel":
            control.cancel_waiting(job_id)
        case "canary":
            canary.judge(job_id, timezone.now())
        case "devices":
            job = Job.unscoped.get(pk=job_id)
            if dispatch.choose_devices(job):
                control.go_on(job, NO_DEVICES_LEFT)
        case "medium":
            control.go_on(Job.unscoped.get(pk=job_id), MEDIA_UNREACHABLE)


def _takes_the_look(cursor: Cursor) -> bool:
    cursor.execute(_TAKE_THE_LOOK, (LOOK_AGAIN_SECONDS,))
    return cursor.fetchone() is not None


def _look_at_everything(cursor: Cursor) -> None:
    """Give jobs the devices they lack, pause those that have none left; have devices that are to send asked how they
    are, unless they do."""
    for job in Job.unscoped.filter(pk__in=dispatch.jobs_short_of_devices(cursor)):
        dispatch.choose_devices(job)
    control.pause_stranded(dispatch.jobs_without_devices(cursor))
    breaker.look_soon(dispatch.devices_at_work(), after=breaker.HEARD_EVERY)
