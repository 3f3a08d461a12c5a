"""What a person does to jobs and to the list of suppressed numbers: one function an act.

Each makes the change, writes its one audit entry in the same transaction, and wakes who goes on after the commit.
The API, the admin and the commands call these. What is refused raises, what changes nothing leaves no entry.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction

from accounts import audit
from accounts.audit import Actor
from accounts.constraints import is_breach_of
from jobs import control, retention
from jobs.erasing import erased
from jobs.intake import accepting
from jobs.intake.accepting import BulkFields
from jobs.models import Job, Suppression
from jobs.states import RecipientState
from jobs.tasks import import_job
from jobs.wording import suppression_reasons


def send_file(
    actor: Actor, upload: "UploadedFile[Any] | None", fields: BulkFields, idempotency_key: str | None = None
) -> tuple[Job, bool]:
    """Accept a file of recipients and have it imported; return the job and whether it is new.

    Raises ApiError (400, 409, 413).
    """

    def note(job: Job) -> None:
        audit.record(actor, "job.created", job, id=str(job.uuid), recipients=job.total)

    job, is_new = accepting.accept_file(actor.account, actor.user, upload, fields, idempotency_key, note)
    if is_new:
        # Only a nudge: without a broker the answer is the same, and the sweep imports the job.
        transaction.on_commit(lambda: import_job.delay(job.pk), robust=True)
    return job, is_new


def exported(actor: Actor, job: Job) -> None:
    """Note that somebody takes the job's outcome away as a file. Called before its first line."""
    audit.record(actor, "job.exported", job, id=str(job.uuid))


def delete(actor: Actor, job: Job) -> int:
    """Delete an ended job; return how many recipients went with it. Raises retention.StillOpen."""
    return retention.delete_job(job, _note(actor, job, "deleted"))


# --- Control: each returns how many jobs or recipients changed, 0 where it was so already ------------------


def _note(actor: Actor, job: Job, verb: str, **details: Any) -> control.Note:
    def note(changed: int) -> None:
        audit.record(actor, f"job.{verb}", job, id=str(job.uuid), recipients=changed, **details)

    return note


def pause(actor: Actor, job: Job) -> int:
    """Raises IllegalTransition."""
    return control.pause(job, note=_note(actor, job, "pause"))


def resume(actor: Actor, job: Job) -> int:
    """Raises IllegalTransition."""
    return control.resume(job, note=_note(actor, job, "resume"))


def cancel(actor: Actor, job: Job) -> int:
    """Raises IllegalTransition."""
    return control.cancel(job, note=_note(actor, job, "cancel"))


def retry_failed(actor: Actor, job: Job) -> int:
    """Raises IllegalTransition."""
    return control.retry_failed(job, note=_note(actor, job, "retry_failed"))


# By the name that the API's addresses and the live page's buttons have.
CONTROLS: Final[dict[str, Callable[[Actor, Job], int]]] = {
    "pause": pause,
    "resume": resume,
    "cancel": cancel,
    "retry_failed": retry_failed,
}

RESOLUTIONS: Final[dict[str, Callable[..., int]]] = {
    "resend": control.resend_unknown,
    "count_as_sent": partial(control.settle_unknown, state=RecipientState.SENT),
    "give_up": partial(control.settle_unknown, state=RecipientState.FAILED),
}


def resolve_unknown(actor: Actor, job: Job, resolution: str, positions: list[int] | None = None) -> int:
    """Decide, as one of RESOLUTIONS, what nobody could find out: for these rows, or for all that are `unknown`.

    Raises IllegalTransition.
    """
    note = _note(actor, job, f"unknown_{resolution}", positions=positions)
    return RESOLUTIONS[resolution](job, positions=positions, note=note)


# --- Suppressed numbers ----------------------------------------------------------------------------------


# Told, in the transaction, of each number that a person puts on the list: the apps above keep what was said of it.
who_hears: Final[list[Callable[[Actor, Suppression], object]]] = []


class AlreadySuppressed(Exception):
    """The number is on the list, perhaps in another spelling; or its owner was erased."""


def suppress(actor: Actor, number: Suppression) -> Suppression:
    """Put a new row, with its phone and reason, on the account's list. Raises AlreadySuppressed."""
    number.account = actor.account
    try:
        with transaction.atomic():
            if erased.is_erased(actor.account.pk, number.phone):
                raise AlreadySuppressed
            number.save(force_insert=True)
            audit.record(actor, "suppression.created", number, id=number.pk)
            for hears in who_hears:
                hears(actor, number)
    except IntegrityError as error:
        if not is_breach_of("suppression_once_per_number", error):
            raise
        raise AlreadySuppressed from None
    return number


def give_reason(actor: Actor, number: Suppression, reason: str) -> None:
    """Say why a number is suppressed. The number itself stays: another one would lift the ban on this one."""
    if reason == suppression_reasons.on_the_wire(number.reason_code, number.reason):
        return
    number.reason, number.reason_code = reason, ""
    with transaction.atomic():
        number.save(update_fields=["reason", "reason_code"])
        audit.record(actor, "suppression.changed", number, id=number.pk, fields=["reason"])


def lift(actor: Actor, numbers: Sequence[Suppression]) -> int:
    """Take numbers off the list, as one act; return how many were on it."""
    with transaction.atomic():
        ids = [number.pk for number in numbers]
        count, _models = Suppression.objects.for_account(actor.account).filter(pk__in=ids).delete()
        if count:
            subject = str(numbers[0]) if len(numbers) == 1 else "suppressions"
            audit.record(actor, "suppression.deleted", subject, ids=ids, count=count)
    return int(count)
