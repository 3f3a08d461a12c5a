"""What was said of whether people want messages: a record each, added in the transaction of what it changes.

A record is never changed. Only whoever erases a person says so to the database (`erase`), which refuses it else.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from accounts.audit import Actor
from campaigns.models import ConsentRecord, Contact
from campaigns.states import Basis
from devices.phone_numbers import key_of
from jobs.models import Suppression
from jobs.states import MessageKind

SOURCE_CHARACTERS: Final = 200
# The database asks for it: see the migration 0021_consent_records.
_ERASING: Final = "SET LOCAL pregonero.erasing = 'on'"
_KEEPING: Final = "SET LOCAL pregonero.erasing = 'off'"


class Told(NamedTuple):
    """Through what somebody's yes or no came to us, and what shows it."""

    channel: str  # of Channel, or "" where that is not known
    source: str = ""  # in a person's words
    evidence: Mapping[str, Any] = {}
    user_id: int | None = None
    text_version: str = ""


class Statement(NamedTuple):
    """One person's yes or no."""

    phone: str  # "+" and digits; "": who has none
    contact_id: int | None
    is_revocation: bool
    given_at: datetime
    told: Told
    kind: str = MessageKind.COMMERCIAL  # of a yes; "" of all messages
    basis: str = Basis.CONSENT


def add(account_id: int, said: Sequence[Statement]) -> list[ConsentRecord]:
    """Keep these statements."""
    return ConsentRecord.unscoped.bulk_create(
        ConsentRecord(
            account_id=account_id,
            contact_id=one.contact_id,
            phone=one.phone,
            phone_key=key_of(one.phone) if one.phone else "",
            is_revocation=one.is_revocation,
            kind=one.kind,
            basis="" if one.is_revocation else one.basis,
            channel=one.told.channel,
            source=one.told.source[:SOURCE_CHARACTERS],
            evidence=dict(one.told.evidence),
            text_version=one.told.text_version,
            user_id=one.told.user_id,
            given_at=one.given_at,
        )
        for one in said
    )


def of_contact(contact: Contact) -> QuerySet[ConsentRecord]:
    """What was said of a contact and of its number, newest first."""
    return of_person(contact.account_id, contact.pk, contact.phone_key)


def of_person(account_id: int, contact_id: int | None, phone_key: str | None) -> QuerySet[ConsentRecord]:
    """The same of a contact, of a number, or of both; of neither nothing."""
    theirs = Q(contact_id=contact_id) if contact_id is not None else Q()
    if phone_key:
        theirs |= Q(phone_key=phone_key)
    rows: QuerySet[ConsentRecord] = ConsentRecord.objects.for_account(account_id)
    return rows.filter(theirs if theirs else Q(pk=None)).order_by("-id")


def erase(account_id: int, *, contact_ids: Collection[int] = (), phone_keys: Collection[str] = ()) -> int:
    """Forget what these people said. Returns how many records that were."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ERASING)
        cursor.execute(
            "DELETE FROM campaigns_consentrecord WHERE account_id = %s"
            " AND (contact_id = ANY(%s) OR phone_key = ANY(%s) AND phone_key <> '')",
            (account_id, list(contact_ids), list(phone_keys)),
        )
        count = int(cursor.rowcount)
        cursor.execute(_KEEPING)
    return count


# --- Many at once: a statement of SQL each ---------------------------------------------------------------------


def opted_out(account_id: int, contact_ids: Sequence[int], told: Told) -> None:
    """Keep that these contacts said no, at the moment that they have."""
    _of_contacts(account_id, contact_ids, told, is_revocation=True)


def opted_in(account_id: int, contact_ids: Sequence[int], told: Told) -> None:
    """Keep that these contacts said yes, at the moment that they have."""
    _of_contacts(account_id, contact_ids, told, is_revocation=False)


def _of_contacts(account_id: int, contact_ids: Sequence[int], told: Told, *, is_revocation: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO campaigns_consentrecord (
                account_id, contact_id, phone_key, phone, is_revocation, kind, basis, channel, source, evidence,
                user_id, given_at
            )
            SELECT account_id, id, coalesce(phone_key, ''), coalesce(phone, ''),
                %s, %s, %s, %s, %s, %s::jsonb, %s::bigint,
                {"opted_out_at" if is_revocation else "opted_in_at"}
            FROM campaigns_contact WHERE account_id = %s AND id = ANY(%s) ORDER BY id
            """,  # noqa: S608 - one of two constants
            (
                is_revocation,
                "" if is_revocation else MessageKind.COMMERCIAL,
                "" if is_revocation else Basis.CONSENT,
                told.channel,
                told.source,
                json.dumps(dict(told.evidence)),
                told.user_id,
                account_id,
                list(contact_ids),
            ),
        )


def suppressed(actor: Actor, number: Suppression) -> None:
    """Keep that somebody put a number on the account's list."""
    user_id = None if actor.user is None else actor.user.pk
    told = Told("", number.reason, {"suppression": number.pk}, user_id)
    at = number.since or number.created_at
    add(number.account_id, [Statement(number.phone, None, True, at, told, kind="")])
