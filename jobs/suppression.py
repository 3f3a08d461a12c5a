"""Who must not be written to: numbers on an account's list, every way onto and off which passes here, and contacts
that it has deleted."""

from collections.abc import Iterable

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from devices.phone_numbers import key_of
from jobs.models import Job, Suppression
from jobs.states import RecipientState, recipient_move

OPTED_OUT = "opted_out"  # the error code of a recipient whose number is on the list
CONTACT_DELETED = "contact_deleted"  # that of one whose contact was deleted before its turn
_LEAVE_OUT = recipient_move(RecipientState.QUEUED, RecipientState.SUPPRESSED)


def suppress(account_id: int, phones: Iterable[str], reason_code: str) -> None:
    """Ban these numbers ("+" and digits), for a reason of ours; one that is banned already keeps its first reason."""
    banned = [
        Suppression(account_id=account_id, phone=phone, phone_key=key_of(phone), reason_code=reason_code)
        for phone in phones
    ]
    Suppression.unscoped.bulk_create(banned, ignore_conflicts=True)


def lift(account_id: int, phones: Iterable[str]) -> int:
    """Allow these numbers again, which their owners agreed to. Returns how many were banned."""
    banned = Suppression.objects.for_account(account_id).filter(phone_key__in=[key_of(phone) for phone in phones])
    deleted, _ = banned.delete()
    return int(deleted)


def leave_out_contact(account_id: int, contact_id: int) -> int:
    """Have a contact, who is being deleted, written to no more by jobs under way. Returns how many messages that saves.

    A job that is through by it is ended by the sweep. It reads the recipients of the account's open campaigns: less
    than a second for each million.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            WITH left_out AS (
                UPDATE jobs_recipient SET state = %s, error_code = %s, due_at = NULL
                WHERE id IN (
                    SELECT recipient.id
                    FROM jobs_recipient AS recipient JOIN jobs_job AS job ON job.id = recipient.job_id
                    WHERE job.account_id = %s AND job.finished_at IS NULL AND job.syntax = 'campaign'
                      AND recipient.contact_id = %s AND recipient.state = %s
                    ORDER BY recipient.id FOR UPDATE OF recipient
                )
                RETURNING job_id
            )
            SELECT job_id, count(*) FROM left_out GROUP BY job_id ORDER BY job_id
            """,
            (_LEAVE_OUT.target, CONTACT_DELETED, account_id, contact_id, _LEAVE_OUT.source),
        )
        counted = cursor.fetchall()
        for job_id, number in counted:
            Job.unscoped.filter(pk=job_id).update(failed=F("failed") + number, updated_at=Now())
    return sum(number for _, number in counted)
