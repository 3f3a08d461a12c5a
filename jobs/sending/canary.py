"""The canary of a large job: a few sent ahead of all others, and what becomes of them before those go.

The job's cursor stops at `canary_end` (`chunks.REACH`), so that nothing is asked for a message. What became of the few
is read from their rows, by the sweep and by whoever applies receipts:

- sent, and delivered where receipts tell: as soon as enough are for sure, the others go.
- Of a device of which no receipt was ever heard none will come: what its gateway accepted counts as delivered. So it
  does of one whose gateway is far behind in telling of earlier messages.
- Undelivered when the wait is over, refused, or opted out beyond a limit: the job rests until a person decides. So it
  does where that shows later, until `canary_until`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from devices.health.acknowledgements import may_be_missed_sql
from devices.lane import runners
from devices.phone_numbers import key_sql
from jobs.live import publishing
from jobs.models import Job
from jobs.sending import resting
from jobs.states import RECIPIENT_SENT, CanaryState, JobStatus, RecipientState, sql_list
from jobs.wording.job_reasons import CANARY_OPT_OUTS, CANARY_REFUSED, CANARY_UNDELIVERED

log = structlog.get_logger(__name__)

# Of a job under way: whether what becomes of its canary may still change how it goes on.
IS_WATCHED: Final = (
    f"(canary_state = '{CanaryState.UNDER_WAY}' OR"
    f" canary_state = '{CanaryState.PASSED}' AND canary_until > statement_timestamp())"
)
# Where people sleep until their hours begin, others come in their stead: so many times its size at most.
MOST_ASLEEP: Final = 5


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of a canary, in people. `tried`, `untried` and `asleep` are all that are written to."""

    tried: int
    untried: int
    asleep: int  # untried, since their hours have not begun
    waiting: int  # tried or not: nobody knows yet, and it will be soon
    sent: int  # accepted by a gateway
    delivered: int
    refused: int  # by WhatsApp, after that
    failed: int  # before that
    unheard: int  # accepted, and nothing will be heard of it, or not soon
    opted_out: int  # since the job's start

    @property
    def counted(self) -> int:
        return self.tried + self.untried


def rule() -> dict[str, int]:
    """Which jobs have one, for people: of more than `above`, so many first; `size` 0: none has."""
    return {"above": settings.CANARY_ABOVE, "size": settings.CANARY_SIZE}


def plan(job: Job) -> dict[str, Any]:
    """What the start of a job changes in it besides: where its canary ends, if it has one."""
    waiting = job.total - job.sent - job.failed
    if not job.canary_wanted or not 0 < settings.CANARY_SIZE < waiting or waiting <= settings.CANARY_ABOVE:
        return {}
    return {"canary_state": CanaryState.UNDER_WAY, "canary_end": _end(job.pk, 0, settings.CANARY_SIZE)}


def _end(job_id: int, start: int, number: int) -> int:
    """One past the position of the last of so many who wait at `start` or later; `start` where nobody does."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(max(position) + 1, %(start)s) FROM (
                SELECT position FROM jobs_recipient
                WHERE job_id = %(job)s AND position >= %(start)s AND state = 'queued' ORDER BY position LIMIT %(number)s
            ) AS first
            """,
            {"job": job_id, "start": start, "number": number},
        )
        return int(cursor.fetchone()[0])


def figures(job: Job, now: datetime) -> Figures:
    """What became of a job's canary until now. Opt-outs count until the watch over it is over."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT count(*) FILTER (WHERE tries > 0),
                count(*) FILTER (WHERE is_queued AND tries = 0 AND NOT is_asleep),
                count(*) FILTER (WHERE is_asleep),
                count(*) FILTER (WHERE is_queued AND NOT is_asleep OR state = '{RecipientState.SENDING}'),
                count(*) FILTER (WHERE state IN ({sql_list(RECIPIENT_SENT)}) OR failed_after_at IS NOT NULL),
                count(delivered_at), count(failed_after_at),
                count(*) FILTER (
                    WHERE state = '{RecipientState.FAILED}' AND tries > 0 AND failed_after_at IS NULL
                ),
                count(*) FILTER (
                    WHERE state = '{RecipientState.SENT}'
                        AND NOT {may_be_missed_sql("recipient.device_id", "recipient.sent_at")}
                ),
                count(*) FILTER (WHERE tries > 0 AND EXISTS (
                    SELECT FROM jobs_suppression AS suppression
                    WHERE suppression.account_id = %(account)s AND suppression.phone_key = {key_sql("recipient.phone")}
                        AND suppression.created_at BETWEEN %(from)s AND %(until)s
                ))
            FROM (
                SELECT *, state = '{RecipientState.QUEUED}' AS is_queued,
                    state = '{RecipientState.QUEUED}' AND tries = 0 AND coalesce(due_at > %(now)s, false) AS is_asleep
                FROM jobs_recipient WHERE job_id = %(job)s AND position < %(end)s
            ) AS recipient
            """,  # noqa: S608 - constants
            {
                "job": job.pk,
                "account": job.account_id,
                "end": job.canary_end,
                "from": job.started_at,
                "until": job.canary_until or now,
                "now": now,
            },
        )
        return Figures(*cursor.fetchone())


def seen(job: Job, now: datetime) -> dict[str, Any] | None:
    """How a job's canary stands and what became of it, for people; None where it has none."""
    if job.canary_state == CanaryState.NONE:
        return None
    found = figures(job, now)
    return {
        "state": job.canary_state,
        "recipients": found.counted + found.asleep,
        "sent": found.sent,
        "delivered": found.delivered,
        "refused": found.refused,
        "failed": found.failed,
        "unheard": found.unheard,
        "opted_out": found.opted_out,
        "until": job.canary_until if job.canary_until is not None and job.canary_until > now else None,
    }


def watched(job_ids: Collection[int]) -> list[int]:
    """Those of these jobs whose canary is to be judged anew after something became of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM jobs_job WHERE id = ANY(%s) AND status = 'processing' AND {IS_WATCHED} ORDER BY id",  # noqa: S608
            (list(job_ids),),
        )
        return [job_id for (job_id,) in cursor.fetchall()]


def overdue(now: datetime) -> list[int]:
    """The jobs whose canary's wait is over."""
    waiting = Job.unscoped.filter(finished_at=None, status=JobStatus.PROCESSING, canary_state=CanaryState.UNDER_WAY)
    return list(waiting.filter(canary_until__lte=now).order_by("pk").values_list("pk", flat=True))


def judge(job_id: int, now: datetime, *, all_is_told: bool = False) -> None:
    """Let the others of a job go where its canary came through, or hold it for a person; else leave it as it is.

    `all_is_told`: no receipt lies in the inbox. Only then one that did not come in time is missing.
    """
    with transaction.atomic():
        job: Job = Job.unscoped.select_for_update(no_key=True).get(pk=job_id)
        is_under_way = job.canary_state == CanaryState.UNDER_WAY
        is_watched = job.canary_state == CanaryState.PASSED and job.canary_until is not None and job.canary_until > now
        if job.status != JobStatus.PROCESSING or not (is_under_way or is_watched):
            return
        seen = figures(job, now)
        if reason := wrong(seen, is_over=all_is_told and is_under_way and _is_over(job, seen, now)):
            _hold(job, reason, seen)
        elif is_under_way:
            _go_on(job, seen, now)


def wrong(seen: Figures, *, is_over: bool) -> str:
    """Why a person must decide, by a code of `job_reasons`; "" where nothing says so. `is_over`: the wait."""
    if seen.refused * 100 > seen.counted * settings.CANARY_REFUSED_PERCENT:
        return CANARY_REFUSED
    if seen.opted_out * 100 > seen.counted * settings.CANARY_OPT_OUT_PERCENT:
        return CANARY_OPT_OUTS
    undelivered = seen.counted - seen.delivered - seen.unheard if is_over else seen.refused + seen.failed
    return CANARY_UNDELIVERED if undelivered * 100 > seen.counted * settings.CANARY_UNDELIVERED_PERCENT else ""


def _is_over(job: Job, seen: Figures, now: datetime) -> bool:
    return job.canary_until is not None and job.canary_until <= now and not seen.waiting


def _go_on(job: Job, seen: Figures, now: datetime) -> None:
    """With all others where enough came through; with a few more where people sleep; else with the wait."""
    size = settings.CANARY_SIZE
    until = job.canary_until or now + timedelta(minutes=settings.CANARY_WAIT_MINUTES)
    undelivered = seen.counted - seen.delivered - seen.unheard
    is_through = undelivered * 100 <= seen.counted * settings.CANARY_UNDELIVERED_PERCENT
    if size and seen.untried:
        return
    if size and seen.tried < size and (job.canary_end or 0) < job.total:
        if seen.asleep < MOST_ASLEEP * size:
            end = _end(job.pk, job.canary_end or 0, size - seen.tried)
            _change(job, canary_end=job.total if end == job.canary_end else end)
    elif not size or is_through:
        _change(job, canary_state=CanaryState.PASSED, canary_until=until)
        log.info("canary passed", job=job.pk, sent=seen.sent, delivered=seen.delivered, unheard=seen.unheard)
    elif job.canary_until is None and not seen.waiting:
        Job.unscoped.filter(pk=job.pk).update(canary_until=until)


def _change(job: Job, **changes: Any) -> None:
    """More people may be written to; of that nobody hears otherwise."""
    Job.unscoped.filter(pk=job.pk).update(**changes)
    with connection.cursor() as cursor:
        runners.tell(cursor)


def _hold(job: Job, reason: str, seen: Figures) -> None:
    job.move(
        source=JobStatus.PROCESSING,
        target=JobStatus.PAUSED,
        state_reason=reason,
        event_seq=F("event_seq") + 1,
        canary_state=CanaryState.HELD,
    )
    job.refresh_from_db()
    told = resting.paused(job)
    transaction.on_commit(lambda: publishing.publish([told]))
    log.warning("canary held", job=job.pk, reason=reason, **{name: getattr(seen, name) for name in seen.__slots__})
