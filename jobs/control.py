"""What a person may do to a job under way: pause, resume, cancel, retry what failed, settle what is unknown.

Each may be asked twice and happens once. An impossible move raises and changes nothing. Each calls
`note` with how many jobs or recipients it changed, in the transaction that changes them: `jobs.actions` audits there.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest, Now

from devices.lane import runners
from jobs.intake import importing
from jobs.live import events, publishing
from jobs.models import IllegalTransition, Job
from jobs.sending import finishing, parts, resting, results
from jobs.sending.outcomes import MAX_TRIES
from jobs.sending.parts import Part
from jobs.states import JOB_ENDED, CanaryState, JobStatus, RecipientState, job_sources, may_become, recipient_move
from jobs.wording.job_reasons import AWAITS_A_PERSON, CANCELLED, NO_DEVICES, NO_DEVICES_LEFT, PAUSED_BY_PERSON

BATCH_ROWS = 20_000

Note = Callable[[int], object]


def unnoted(changed: int) -> None:
    """What the engine does by itself is in its log, and in no audit entry."""


# A recipient that failed for one of these would fail again.
PERMANENT = ("invalid_number", "not_on_whatsapp", "invalid_content", "invalid_request", "too_large")

_CANCEL = recipient_move(RecipientState.QUEUED, RecipientState.CANCELLED)
# Who may have got the message from an earlier try is not simply cancelled.
_LEAVE_IN_DOUBT = recipient_move(RecipientState.QUEUED, RecipientState.UNKNOWN)
_RETRY = recipient_move(RecipientState.FAILED, RecipientState.QUEUED)
_BEGIN_AFTER_ALL = recipient_move(RecipientState.CANCELLED, RecipientState.QUEUED)
_RESEND = recipient_move(RecipientState.UNKNOWN, RecipientState.QUEUED)


# From which states each changes something, by the names of the API's addresses and the pages' buttons. Of what goes on
# a page does not offer to retry: more of it may fail yet.
_CHANGES_FROM: Final[dict[str, frozenset[JobStatus]]] = {
    "pause": frozenset(job_sources(JobStatus.PAUSED)),
    "resume": frozenset({JobStatus.PAUSED}),
    "cancel": frozenset(job_sources(JobStatus.CANCELLED)),
    "retry_failed": frozenset(job_sources(JobStatus.PROCESSING)) & JOB_ENDED,
}


def possible(job: Job) -> set[str]:
    """What there is to offer to a person now: "pause", "resume", "cancel", "retry_failed"."""
    acts = {act for act, states in _CHANGES_FROM.items() if job.status in states}
    if _waits_by_itself(job):
        acts.add("pause")
    return acts if job.failed else acts - {"retry_failed"}


def _waits_by_itself(job: Job) -> bool:
    """Whether it is paused and resumes by itself: a person may still pause it for good."""
    return job.status == JobStatus.PAUSED and job.state_reason not in AWAITS_A_PERSON


def pause(job: Job, note: Note = unnoted) -> bool:
    """Claim no more for a job, on a person's word; what is in flight is still answered for.

    True when no person had paused it before. One that waits for a device is the person's from here on: it does not
    resume by itself.
    """
    return bool(pause_all([job], note))


def pause_all(jobs: Sequence[Job], note: Note = unnoted) -> int:
    """Pause these jobs, given by rising id, as one: all of them, or none where one cannot be. Return how many moved."""
    paused = []
    changes: dict[str, Any] = {"state_reason": PAUSED_BY_PERSON, "event_seq": F("event_seq") + 1}
    with transaction.atomic():
        for job in jobs:
            locked = Job.unscoped.select_for_update(no_key=True).get(pk=job.pk)
            if may_become(locked.status, JobStatus.PAUSED):
                locked.move(source=locked.status, target=JobStatus.PAUSED, **changes)
                paused.append(job)
            elif _waits_by_itself(locked):
                Job.unscoped.filter(pk=job.pk).update(**changes, updated_at=Now())
                paused.append(job)
            elif locked.status != JobStatus.PAUSED:
                raise IllegalTransition(f"a job that is {locked.status} cannot be paused")
            job.refresh_from_db()
        if paused:
            note(len(paused))
    told = [resting.paused(job) for job in paused]
    transaction.on_commit(lambda: publishing.publish(told))  # the caller's, where it does more
    return len(paused)


def go_on(job: Job, reason: str) -> bool:
    """Go on with a job whose trouble has passed; False where it waits for that no longer, but for a person."""
    goes_on = job.move(
        source=JobStatus.PAUSED,
        target=JobStatus.PROCESSING,
        waits_for=reason,
        state_reason="",
        event_seq=F("event_seq") + 1,
    )
    job.refresh_from_db()
    if goes_on:
        publishing.publish([events.job_resumed(str(job.uuid), job.event_seq)])
    return goes_on


def resume(job: Job, note: Note = unnoted) -> bool:
    """Go on with a paused job, on a person's word: to its start where it had not begun. True when it was paused."""
    return bool(resume_all([job], note))


def resume_all(jobs: Sequence[Job], note: Note = unnoted) -> int:
    """Go on with these jobs, as `pause_all` pauses them; return how many were paused."""
    told = []
    with transaction.atomic():
        for job in jobs:
            locked = Job.unscoped.select_for_update(no_key=True).get(pk=job.pk)
            resumed = locked.status in _CHANGES_FROM["resume"]
            if not resumed and locked.status not in {JobStatus.PENDING, JobStatus.PROCESSING}:
                raise IllegalTransition(f"a job that is {locked.status} cannot be resumed")
            if resumed:
                target = JobStatus.PROCESSING if locked.started_at else JobStatus.PENDING
                # Its hour may have gone by meanwhile: then it is now.
                changes: dict[str, Any] = {}
                if target == JobStatus.PENDING:
                    changes["start_at"] = Greatest(F("start_at"), Now())
                if locked.canary_state == CanaryState.HELD:
                    changes["canary_state"] = CanaryState.OVERRULED
                locked.move(
                    source=JobStatus.PAUSED, target=target, state_reason="", event_seq=F("event_seq") + 1, **changes
                )
            job.refresh_from_db()
            if resumed:
                told.append(events.job_resumed(str(job.uuid), job.event_seq))
        if told:
            note(len(told))
    transaction.on_commit(lambda: publishing.publish(told))
    return len(told)


def cancel(job: Job, note: Note = unnoted) -> bool:
    """End a job early. Nothing more is claimed from here on; recipients that waited end `cancelled`.

    A large job's are moved in batches, the first of them here and the rest by `cancel_waiting`.
    """
    with transaction.atomic():
        cancelled = move_to_cancelled(job)
        if cancelled:
            note(1)
    if cancelled:
        finish_cancelled(job)
    return cancelled


def move_to_cancelled(job: Job) -> bool:
    """The first half of `cancel`, for whoever cancels more in the same transaction: the move, and no recipient yet."""
    locked = Job.unscoped.select_for_update(no_key=True).get(pk=job.pk)
    cancelled = locked.status != JobStatus.CANCELLED
    if cancelled:
        if not may_become(locked.status, JobStatus.CANCELLED):
            raise IllegalTransition(f"a job that is {locked.status} cannot be cancelled")
        locked.move(source=locked.status, target=JobStatus.CANCELLED, state_reason="", event_seq=F("event_seq") + 1)
    job.refresh_from_db()
    return cancelled


def finish_cancelled(job: Job) -> None:
    """The second half, once the first is committed. Where it does not come to be, the sweep does it."""
    _cancel_range(job.pk, 0, min(BATCH_ROWS, job.imported))
    # An import under way stops by itself; here its file goes.
    importing.import_slice(job.pk, deadline=0.0)
    finishing.finish(job.pk)
    job.refresh_from_db()
    publishing.publish([events.job_cancelled(str(job.uuid), job.event_seq, job.progress())])


def cancel_waiting(job_id: int) -> None:
    """Cancel all that still waits in a cancelled job, and settle its results once nothing is in flight."""
    done, imported = Job.unscoped.values_list("cancelled_to", "imported").get(pk=job_id)
    for start in range(done, imported, BATCH_ROWS):
        _cancel_range(job_id, start, min(start + BATCH_ROWS, imported))
    # Those that were in flight then, and come back unsent, have a due time.
    with transaction.atomic(), connection.cursor() as cursor:
        _cancel_rows(cursor, job_id, "due_at IS NOT NULL", {})
    finishing.finish(job_id)


def _cancel_range(job_id: int, start: int, end: int) -> None:
    """Cancel who waits from `start` to before `end`: by position, so that no batch reads what another has done."""
    with transaction.atomic(), connection.cursor() as cursor:
        place = {"start": start, "end": end}
        _cancel_rows(cursor, job_id, "position >= %(start)s AND position < %(end)s", place)
        Job.unscoped.filter(pk=job_id, cancelled_to__lt=end).update(cancelled_to=end)


def _cancel_rows(cursor: Any, job_id: int, which: str, place: dict[str, int]) -> None:
    cursor.execute(
        f"""
        UPDATE jobs_recipient
        SET state = CASE WHEN doubt_since IS NULL THEN %(cancelled)s ELSE %(in_doubt)s END,
            error_code = %(code)s, due_at = NULL
        WHERE id IN (
            SELECT id FROM jobs_recipient WHERE job_id = %(job)s AND {which} AND state = %(waits)s
            ORDER BY position FOR UPDATE
        )
        """,  # noqa: S608 - constants
        {
            "cancelled": _CANCEL.target,
            "in_doubt": _LEAVE_IN_DOUBT.target,
            "waits": _CANCEL.source,
            "code": CANCELLED,
            "job": job_id,
            **place,
        },
    )
    if number := int(cursor.rowcount):
        Job.unscoped.filter(pk=job_id).update(failed=F("failed") + number, updated_at=Now())


def retry_failed(job: Job, note: Note = unnoted) -> int:
    """Queue again every recipient that failed and may be retried; return how many.

    Never one that is `unknown`: it may have been sent, and only a person settles that. A job that had ended
    goes on.
    """
    may_be_retried = """
        (state = %(failed)s AND NOT error_code = ANY(%(permanent)s))
        OR (state = %(cancelled)s AND error_code = %(no_devices)s)
    """
    parameters = {
        "failed": _RETRY.source,
        "permanent": list(PERMANENT),
        "cancelled": _BEGIN_AFTER_ALL.source,
        "no_devices": NO_DEVICES,
    }
    return _reopen(job, may_be_retried, parameters, note)


def resend_unknown(job: Job, positions: Collection[int] | None = None, note: Note = unnoted) -> int:
    """Queue again recipients that are `unknown` (all of them, or those at these rows): they may get it twice."""
    return _reopen(job, "state = %(unknown)s" + _AT_ROWS, {"positions": _listed(positions)}, note)


_AT_ROWS = " AND (%(positions)s::int[] IS NULL OR position = ANY(%(positions)s))"


def _listed(positions: Collection[int] | None) -> list[int] | None:
    return None if positions is None else list(positions)


def _reopen(job: Job, condition: str, parameters: dict[str, Any], note: Note) -> int:
    condition = f"({condition}) AND phone <> ''"  # of who was erased meanwhile nobody knows the number
    with transaction.atomic(), connection.cursor() as cursor:
        # A refusal is no proof that it was not delivered: to write again is a risk, as with an unknown one.
        refused = _forget_refusals(cursor, job, condition, {"unknown": _RESEND.source, **parameters})
        cursor.execute(
            f"""
            UPDATE jobs_recipient
            SET state = %(queued)s, error_code = '', due_at = clock_timestamp(), tries_left = %(tries)s,
                accepted_risks = accepted_risks + (state = %(unknown)s)::int
            WHERE job_id = %(job)s AND ({condition})
            """,  # noqa: S608 - constants
            {"queued": _RESEND.target, "unknown": _RESEND.source, "job": job.pk, "tries": MAX_TRIES, **parameters},
        )
        number = int(cursor.rowcount)
        locked = Job.unscoped.select_for_update(no_key=True).get(pk=job.pk)
        if locked.status == JobStatus.CANCELLED:
            raise IllegalTransition("a cancelled job cannot be retried")
        if number:
            note(number)
            changes: dict[str, Any] = {
                "failed": F("failed") - number,
                "failed_after": F("failed_after") - refused.total(),
            }
            parts.forget_refusals(cursor, refused)
            if locked.finished_at is not None:
                changes |= {"finished_at": None, "results": {}, "state_reason": ""}
                # A job that failed before it began has not been started yet.
                changes |= {"started_at": locked.started_at or Now(), "next_position": locked.total}
                changes |= {"event_seq": F("event_seq") + 1}
                locked.move(source=locked.status, target=JobStatus.PROCESSING, **changes)
            else:
                Job.unscoped.filter(pk=job.pk).update(**changes, updated_at=Now())
                runners.tell(cursor)  # of people who wait in a job that goes on as it did, nobody hears otherwise
        job.refresh_from_db()
    if number and locked.finished_at is not None:
        publishing.publish([events.job_resumed(str(job.uuid), job.event_seq)])
    return number


def _forget_refusals(cursor: Any, job: Job, condition: str, parameters: dict[str, Any]) -> Counter[Part]:
    """Those of these recipients whom WhatsApp refused after the gateway had taken it are so no longer: how many."""
    cursor.execute(
        f"""
        WITH refused AS (
            UPDATE jobs_recipient
            SET failed_after_at = NULL, accepted_risks = accepted_risks + (state <> %(unknown)s)::int
            WHERE job_id = %(job)s AND failed_after_at IS NOT NULL AND ({condition})
            RETURNING coalesce(device_id, {parts.NOBODY}) AS device_id, coalesce(variant, 0) AS variant
        )
        SELECT device_id, variant, count(*) FROM refused GROUP BY device_id, variant
        """,  # noqa: S608 - constants
        {"job": job.pk, **parameters},
    )
    return Counter({Part(job.pk, device_id, variant): number for device_id, variant, number in cursor.fetchall()})


def settle_unknown(
    job: Job, state: RecipientState, positions: Collection[int] | None = None, note: Note = unnoted
) -> int:
    """Count `unknown` recipients as sent, or give them up as failed, on a person's word; return how many."""
    if state not in {RecipientState.SENT, RecipientState.FAILED}:
        raise ValueError("an unknown recipient is settled as sent or as failed")
    move = recipient_move(RecipientState.UNKNOWN, state)
    with transaction.atomic(), connection.cursor() as cursor:
        refused: Counter[Part] = Counter()
        if state == RecipientState.SENT:
            which = {"unknown": move.source, "positions": _listed(positions)}
            refused = _forget_refusals(cursor, job, "state = %(unknown)s" + _AT_ROWS, which)
        cursor.execute(
            f"""
            UPDATE jobs_recipient SET state = %(settled)s, due_at = NULL, doubt_since = NULL, doubt_device_ids = NULL
            WHERE job_id = %(job)s AND state = %(unknown)s {_AT_ROWS}
            """,  # noqa: S608 - a constant
            {"settled": move.target, "unknown": move.source, "job": job.pk, "positions": _listed(positions)},
        )
        number = int(cursor.rowcount)
        locked = Job.unscoped.select_for_update(no_key=True).get(pk=job.pk)
        if number:
            note(number)
        # `unknown` counts as failed already.
        moved = number if state == RecipientState.SENT else 0
        Job.unscoped.filter(pk=job.pk).update(
            sent=F("sent") + moved,
            failed=F("failed") - moved,
            failed_after=F("failed_after") - refused.total(),
            updated_at=Now(),
        )
        parts.forget_refusals(cursor, refused)
        if locked.finished_at is not None:
            Job.unscoped.filter(pk=job.pk).update(results=results.tally(cursor, job.pk))
            parts.settle(cursor, job.pk)
        job.refresh_from_db()
    return number


def pause_stranded(job_ids: Sequence[int]) -> None:
    """Pause jobs that no device can serve any more; they resume by themselves."""
    for job in Job.unscoped.filter(pk__in=job_ids):
        resting.hold(job, NO_DEVICES_LEFT)
