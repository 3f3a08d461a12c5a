"""What the rows of jobs, devices and the audit log know of a person, taken out of them: docs/erasing.md lists it all.

Each function is one transaction, harmless when doubled, and finds by itself what an earlier one that was cut short has
left. What is counted stays counted: a recipient keeps its place, its state and its times, and has no number any more.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import AuditEntry
from devices.models import Correspondent, Device, OutgoingEvent
from devices.phone_numbers import key_sql
from devices.webhooks import inbox
from jobs.erasing.erased import ERASED
from jobs.erasing.person import Person, Waits
from jobs.models import Answer, Identity, IncomingMessage, Job, LastWritten, Suppression
from jobs.states import RecipientState, recipient_move

_LEAVE_OUT = recipient_move(RecipientState.QUEUED, RecipientState.SUPPRESSED)
# Who may have got the message from an earlier try is not simply left out; and nobody can ask after it any more.
_LEAVE_IN_DOUBT = recipient_move(RecipientState.QUEUED, RecipientState.UNKNOWN)
_GIVE_UP = recipient_move(RecipientState.AMBIGUOUS, RecipientState.UNKNOWN)

Cursor = Any


def ban(account_id: int, phone: str, phone_key: str) -> None:
    """Have nobody claimed for this number while the erasure is under way: by the list that every claim asks."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO jobs_suppression (account_id, phone, phone_key, reason, reason_code) VALUES (%s, %s, %s, '', %s)
            ON CONFLICT (account_id, phone_key) DO UPDATE SET reason = '', reason_code = excluded.reason_code
            """,
            (account_id, phone, phone_key, ERASED),
        )


def unban(account_id: int, phone_key: str) -> None:
    """Nobody waits under this number any more, and nobody comes to: the digest stands for it from here on."""
    Suppression.objects.for_account(account_id).filter(phone_key=phone_key).delete()


def lids_of(account_id: int, person: Person) -> list[str]:
    """WhatsApp's other names for them, as far as they are known."""
    if not person.phone:
        return []
    known = Identity.objects.filter(account_id=account_id, phone_key=person.phone_key).values_list("lid", flat=True)
    wrote = IncomingMessage.objects.for_account(account_id).filter(phone_key=person.phone_key).exclude(lid="")
    return sorted({*known, *wrote.values_list("lid", flat=True)})


def waits_for(account_id: int, person: Person, asked_at: datetime) -> Waits:
    """What may still bring in something of them that came before they asked."""
    files = Job.unscoped.filter(account_id=account_id, created_at__lte=asked_at).exclude(upload_name="")
    if files.filter(finished_at=None).exists():
        return Waits.IMPORTS
    for job in files:  # one that failed before all of it was read
        (settings.UPLOAD_DIR / job.upload_name).unlink(missing_ok=True)
        Job.unscoped.filter(pk=job.pk).update(upload_name="")
    with transaction.atomic(), connection.cursor() as cursor:
        told = _told(person)
        if told and inbox.holds_unworked(cursor, _devices(account_id), told):
            return Waits.EVENTS
    return Waits.NOTHING


def _told(person: Person) -> list[str]:
    """For LIKE: what gateways tell of them."""
    return [f"%{name}%" for name in (*person.spellings, *person.lids)]


def _devices(account_id: int) -> list[int]:
    """All of an account's, those that were deleted, too."""
    return list(Device.unscoped.filter(account_id=account_id).values_list("pk", flat=True))


# --- What was sent to them -------------------------------------------------------------------------------------


def recipients(account_id: int, person: Person) -> bool:
    """Empty every row of theirs that is settled; leave out who waits. Whether a message to them is on its way yet.

    A job whose file is being read is left alone: the file's last step asks who was erased.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        ids = _recipients(cursor, account_id, person)
        if not ids:
            _forget_message_ids(cursor, account_id, person, [])
            return False
        cursor.execute("SELECT gateway_message_id FROM jobs_recipient WHERE id = ANY(%s)", (ids,))
        _forget_message_ids(cursor, account_id, person, [message_id for (message_id,) in cursor.fetchall()])
        for job_id, number in _empty(cursor, ids):
            # One that is not imported yet is counted when it is.
            Job.unscoped.filter(pk=job_id).update(failed=F("failed") + number, updated_at=Now())
        cursor.execute(
            "SELECT EXISTS (SELECT FROM jobs_recipient WHERE id = ANY(%s) AND state = %s)",
            (ids, RecipientState.SENDING.value),
        )
        return bool(cursor.fetchone()[0])


def _recipients(cursor: Cursor, account_id: int, person: Person) -> list[int]:
    """By their number, whatever its spelling, also where it was no number; by their contact, whatever its number was.

    It reads all recipients of the account: about a second for each million.
    """
    cursor.execute(
        f"""
        SELECT recipient.id FROM jobs_recipient AS recipient JOIN jobs_job AS job ON job.id = recipient.job_id
        WHERE job.account_id = %(account)s AND (recipient.phone <> '' OR recipient."values" <> '{{}}')
          AND (job.imported_at IS NOT NULL OR job.finished_at IS NOT NULL)
          AND (
            (recipient.phone <> '' AND {key_sql("recipient.phone")} = %(key)s)
            OR recipient.contact_id = ANY(%(contacts)s)
            OR (recipient.error_code = 'invalid_number'
                AND regexp_replace(recipient.phone, '[^0-9]', '', 'g') LIKE ANY(%(patterns)s))
          )
        ORDER BY recipient.id
        """,  # noqa: S608 - constants
        {
            "account": account_id,
            "key": person.phone_key,
            "contacts": person.contact_ids,
            "patterns": person.patterns,
        },
    )
    return [pk for (pk,) in cursor.fetchall()]


def _forget_message_ids(cursor: Cursor, account_id: int, person: Person, message_ids: Sequence[str]) -> None:
    """By which receipts would find them, and what receipts said that found nobody yet."""
    device_ids = _devices(account_id)
    cursor.execute(
        """
        DELETE FROM jobs_sentmessage
        WHERE device_id = ANY(%s) AND (message_id = ANY(%s) OR (phone_key <> '' AND phone_key = %s))
        RETURNING message_id
        """,
        (device_ids, [one for one in message_ids if one], person.phone_key),
    )
    known = {*filter(None, message_ids), *(message_id for (message_id,) in cursor.fetchall())}
    cursor.execute(
        "DELETE FROM jobs_parkedreceipt WHERE device_id = ANY(%s) AND message_id = ANY(%s)", (device_ids, list(known))
    )


def _empty(cursor: Cursor, ids: Sequence[int]) -> list[tuple[int, int]]:
    """Empty these rows but those that are being sent; return how many ended by that, by job."""
    cursor.execute(
        """
        WITH standing AS MATERIALIZED (
            SELECT id, state FROM jobs_recipient WHERE id = ANY(%(ids)s) AND state <> %(sending)s
            ORDER BY id FOR NO KEY UPDATE
        ), emptied AS (
            UPDATE jobs_recipient AS recipient
            SET state = CASE WHEN standing.state = %(queued)s AND recipient.doubt_since IS NULL THEN %(left_out)s
                    WHEN standing.state IN (%(queued)s, %(ambiguous)s) THEN %(unknown)s ELSE standing.state END,
                error_code = CASE WHEN standing.state IN (%(queued)s, %(ambiguous)s) THEN %(erased)s
                    ELSE recipient.error_code END,
                due_at = CASE WHEN standing.state NOT IN (%(queued)s, %(ambiguous)s) THEN recipient.due_at END,
                phone = '', "values" = '{}', gateway_message_id = '', contact_id = NULL
            FROM standing WHERE recipient.id = standing.id
            RETURNING recipient.job_id, standing.state
        )
        SELECT job_id, count(*) FROM emptied WHERE state IN (%(queued)s, %(ambiguous)s) GROUP BY job_id ORDER BY job_id
        """,
        {
            "ids": list(ids),
            "sending": RecipientState.SENDING.value,
            "queued": _LEAVE_OUT.source,
            "left_out": _LEAVE_OUT.target,
            "ambiguous": _GIVE_UP.source,
            "unknown": _LEAVE_IN_DOUBT.target,
            "erased": ERASED,
        },
    )
    rows: list[tuple[int, int]] = cursor.fetchall()
    return rows


# --- What was written to and by them ----------------------------------------------------------------------------


def messages(account_id: int, person: Person) -> None:
    """What they wrote, what was answered, who they are to WhatsApp, that they ever wrote, and were written to."""
    device_ids = _devices(account_id)
    theirs = Q(lid__in=person.lids)
    if person.phone:
        theirs |= Q(phone_key=person.phone_key)
    with transaction.atomic(), connection.cursor() as cursor:
        if person.phone:
            answers = Answer.objects.for_account(account_id).filter(phone_key=person.phone_key)
            jobs = Job.unscoped.filter(account_id=account_id, answer__in=answers)
            uuids = [str(uuid) for uuid in jobs.values_list("uuid", flat=True)]
            jobs.update(title="")
            answers.delete()
            audit_entries(account_id, Q(action__startswith="job.", details__id__in=uuids))
            Correspondent.objects.filter(device_id__in=device_ids, phone_key=person.phone_key).delete()
            LastWritten.objects.filter(account_id=account_id, phone_key=person.phone_key).delete()
        IncomingMessage.objects.for_account(account_id).filter(theirs).delete()
        Identity.objects.filter(theirs, account_id=account_id).delete()
        if told := _told(person):
            inbox.forget_worked(cursor, device_ids, told)
            _forget_told_outside(cursor, account_id, told)


def _forget_told_outside(cursor: Cursor, account_id: int, told: Sequence[str]) -> None:
    """What the account's own systems were told of them, or wait to be, with what these answered."""
    cursor.execute(
        "SELECT id FROM devices_outgoingevent WHERE account_id = %s AND data::text LIKE ANY(%s)", (account_id, told)
    )
    OutgoingEvent.unscoped.filter(pk__in=[pk for (pk,) in cursor.fetchall()]).delete()


def audit_entries(account_id: int, which: Q) -> int:
    """Take the name or number out of what these entries are about; who did what, and when, stays."""
    return int(AuditEntry.objects.for_account(account_id).filter(which).exclude(subject=ERASED).update(subject=ERASED))


def mentions(account_id: int, person: Person) -> None:
    """Entries of the audit log that say the number, or the name of the contact that they were."""
    named = Q(action__startswith="contact.", details__id__in=person.contact_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM accounts_auditentry
            WHERE account_id = %s AND regexp_replace(subject, '[^0-9]', '', 'g') LIKE ANY(%s)
            """,
            (account_id, person.patterns),
        )
        ids = [pk for (pk,) in cursor.fetchall()]
        # Django's own log knows no account, and named suppressed numbers in versions before this one.
        cursor.execute(
            """
            UPDATE django_admin_log SET object_repr = %s
            WHERE regexp_replace(object_repr, '[^0-9]', '', 'g') LIKE ANY(%s)
            """,
            (ERASED, person.patterns),
        )
    audit_entries(account_id, named | Q(pk__in=ids))
