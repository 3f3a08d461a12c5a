"""Who must not be written to: numbers on an account's list, every way onto and off which passes here, and contacts
that it has deleted."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from devices.phone_numbers import key_of
from jobs.erasing import erased
from jobs.models import Job, Suppression
from jobs.states import RecipientState, recipient_move

OPTED_OUT = "opted_out"  # the error code of a recipient whose number is on the list
CONTACT_DELETED = "contact_deleted"  # that of one whose contact was deleted before its turn
# Those of recipients whom the rules of countries, or the account's cap, keep a commercial message from.
NO_CONSENT = "no_consent"
COUNTRY_HOURS = "country_hours"  # there is no hour at which both the job and their country would have it sent
TOO_RECENT = "too_recent"
_LEAVE_OUT = recipient_move(RecipientState.QUEUED, RecipientState.SUPPRESSED)
# Who may have got the message from an earlier try is not simply left out.
_LEAVE_IN_DOUBT = recipient_move(RecipientState.QUEUED, RecipientState.UNKNOWN)


class Ban(NamedTuple):
    """A number that is to go on the list, and why."""

    phone: str  # "+" and digits
    phone_key: str
    reason: str = ""  # in a person's words
    reason_code: str = ""  # or one of ours
    since: datetime | None = None  # when its owner said so, where that is known


def suppress(account_id: int, phones: Iterable[str], reason_code: str) -> None:
    """Ban these numbers ("+" and digits), for a reason of ours; one that is banned already keeps its first reason."""
    ban(account_id, [Ban(phone, key_of(phone), reason_code=reason_code) for phone in phones])


def ban(account_id: int, bans: Iterable[Ban], *, said_again: bool = False) -> int:
    """Put numbers on the account's list, as one statement; one that is there keeps its reason and date. Returns how
    many were not there. That of somebody who was erased is not written down again: it is suppressed for good.

    `said_again`: of whose owners opted out before, and did so later again, the later date counts: what they agreed to
    in between does not bring them back.
    """
    each_once = {one.phone_key: one for one in reversed(list(bans))}
    for key in erased.among(account_id, each_once.keys()):
        del each_once[key]
    if not each_once:
        return 0
    # In one order: two who ban the same numbers wait for each other, and meet no deadlock.
    rows = [
        {**one._asdict(), "since": one.since and one.since.isoformat()}
        for _, one in sorted(each_once.items(), key=lambda item: item[0])
    ]
    with connection.cursor() as cursor:
        # As one text: a list of each column would be written value by value, which takes four times as long.
        cursor.execute(
            """
            INSERT INTO jobs_suppression AS known (account_id, phone, phone_key, reason, reason_code, since)
            SELECT %s, phone, phone_key, reason, reason_code, since FROM json_to_recordset(%s)
                AS ban (phone text, phone_key text, reason text, reason_code text, since timestamptz)
            ON CONFLICT (account_id, phone_key) DO UPDATE SET since = excluded.since
            WHERE %s AND known.reason_code = %s AND coalesce(known.since, known.created_at) < excluded.since
            RETURNING xmax = 0
            """,
            (account_id, json.dumps(rows), said_again, OPTED_OUT),
        )
        return sum(is_new for (is_new,) in cursor.fetchall())


def lift_before(account_id: int, agreed: Mapping[str, datetime]) -> int:
    """Allow again, by their keys, numbers whose owners opted out and agreed later than that. A number that is on the
    list for another reason stays there. Returns how many were banned."""
    if not agreed:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM jobs_suppression AS ban
            USING unnest(string_to_array(%s, ' '), string_to_array(%s, ' ')::timestamptz[]) AS agreed (phone_key, at)
            WHERE ban.account_id = %s AND ban.phone_key = agreed.phone_key AND ban.reason_code = %s
              AND coalesce(ban.since, ban.created_at) < agreed.at
            """,
            (" ".join(agreed), " ".join([at.isoformat() for at in agreed.values()]), account_id, OPTED_OUT),
        )
        return int(cursor.rowcount)


def lift(account_id: int, phones: Iterable[str]) -> int:
    """Allow these numbers again, which their owners agreed to. Returns how many were banned."""
    banned = Suppression.objects.for_account(account_id).filter(phone_key__in=[key_of(phone) for phone in phones])
    deleted, _ = banned.delete()
    return int(deleted)


def leave_out_contact(account_id: int, contact_id: int, reason: str = CONTACT_DELETED) -> int:
    """Have a contact, who is being deleted, written to no more by jobs under way. Returns how many messages that saves.

    A job that is through by it is ended by the sweep. It reads the recipients of the account's open campaigns: less
    than a second for each million.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            WITH left_out AS (
                UPDATE jobs_recipient
                SET state = CASE WHEN doubt_since IS NULL THEN %s ELSE %s END, error_code = %s, due_at = NULL
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
            (
                *(_LEAVE_OUT.target, _LEAVE_IN_DOUBT.target, reason),
                *(account_id, contact_id, _LEAVE_OUT.source),
            ),
        )
        counted = cursor.fetchall()
        for job_id, number in counted:
            Job.unscoped.filter(pk=job_id).update(failed=F("failed") + number, updated_at=Now())
    return sum(number for _, number in counted)
