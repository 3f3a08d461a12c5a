"""Consent of many contacts at once: what `people.save` does for one. In a transaction of the caller's."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from campaigns.contacts import consent_history
from campaigns.contacts.consent_by_file import SOURCE_CHARACTERS
from campaigns.contacts.consent_history import Statement, Told
from campaigns.contacts.people import PhoneErased
from campaigns.models import ConsentRecord, Contact
from campaigns.states import Basis, Channel
from devices.phone_numbers import key_of
from jobs import suppression
from jobs.erasing import erased
from jobs.replies.keeping import Said
from jobs.replies.people import Heard
from jobs.states import MessageKind, Wish

BY_REPLY: Final = "WhatsApp"  # the source of what somebody wrote themselves
CHUNK_CONTACTS: Final = 2_000  # looked at at once


def opt_out(account_id: int, contacts: QuerySet[Contact], told: Told) -> int:
    """Note that these contacts want no messages, and suppress their numbers. Returns for how many that was new."""
    changed = 0
    last = 0
    while found := _chunk(contacts.filter(opted_out_at=None), last):
        last, ids = found[-1].pk, [one.pk for one in found]
        changed += Contact.unscoped.filter(pk__in=ids).update(
            opted_out_at=Now(), opted_out_source=told.source, updated_at=Now()
        )
        consent_history.opted_out(account_id, ids, told)
        suppression.suppress(account_id, [one.phone for one in found if one.phone], suppression.OPTED_OUT)
    return changed


def opt_in(account_id: int, contacts: QuerySet[Contact], told: Told) -> int:
    """Note that these contacts agreed, and lift the ban on the numbers of those who had opted out; of others only what
    their owners had said. Returns for how many that was new."""
    changed = 0
    last = 0
    while found := _chunk(contacts.filter(Q(opted_out_at__isnull=False) | Q(opted_in_at=None)), last):
        last, ids = found[-1].pk, [one.pk for one in found]
        changed += Contact.unscoped.filter(pk__in=ids).update(
            opted_out_at=None, opted_out_source="", opted_in_at=Now(), opted_in_source=told.source, updated_at=Now()
        )
        consent_history.opted_in(account_id, ids, told)
        suppression.lift(account_id, [one.phone for one in found if one.phone and one.was_out])
        asked = [one.phone for one in found if one.phone and not one.was_out]
        suppression.lift_before(account_id, dict.fromkeys(map(key_of, asked), timezone.now()))
    return changed


class _Found(NamedTuple):
    pk: int
    phone: str | None
    was_out: bool


def _chunk(contacts: QuerySet[Contact], last: int) -> list[_Found]:
    """The next of them, whom nobody else changes until our transaction ends."""
    rows = contacts.filter(pk__gt=last).order_by("id").select_for_update(no_key=True)
    found = rows.values_list("id", "phone", "opted_out_at")[:CHUNK_CONTACTS]
    return [_Found(pk, phone, out_at is not None) for pk, phone, out_at in found]


def _not_said_since(at: datetime) -> Q:
    """Whom a yes of that moment concerns: who said no before it, or has neither said no nor yes since."""
    is_new = Q(opted_in_at=None) | Q(opted_in_at__lt=at)
    return Q(opted_out_at=None) & is_new | Q(opted_out_at__lt=at)


def said(wishes: Sequence[Said]) -> None:
    """Note at the contacts what their owners wrote; their numbers are suppressed, or free again, already."""
    for one in wishes:
        theirs = Contact.unscoped.filter(account_id=one.account_id, phone_key=key_of(one.phone))
        leaves = one.wish is Wish.OUT
        if leaves:
            theirs.filter(opted_out_at=None).update(opted_out_at=one.at, opted_out_source=BY_REPLY, updated_at=Now())
        else:
            # Also who was out by their number alone, from before they were a contact.
            theirs.filter(_not_said_since(one.at)).update(
                opted_out_at=None, opted_out_source="", opted_in_at=one.at, opted_in_source=BY_REPLY, updated_at=Now()
            )
        told = Told(Channel.REPLY, BY_REPLY, {"message": one.message_row, "device": one.device_id})
        contact_id = theirs.values_list("pk", flat=True).first()
        kind = "" if leaves else MessageKind.COMMERCIAL
        consent_history.add(one.account_id, [Statement(one.phone, contact_id, leaves, one.at, told, kind=kind)])


def record(account_id: int, one: Statement) -> ConsentRecord:
    """Keep what somebody said, now or earlier, and do what it asks for. In a transaction.

    A no is obeyed whatever was said before and after it. A yes to commercial messages lifts a no only if it came later;
    another basis than consent lifts none; a yes to messages of service, which nobody is asked for, is only kept.
    Raises PhoneErased.
    """
    if one.phone and erased.is_erased(account_id, one.phone):
        raise PhoneErased
    contact = Contact.unscoped.filter(account_id=account_id, pk=one.contact_id or 0)
    contact.select_for_update(no_key=True).first()
    if one.is_revocation:
        source = one.told.source[:SOURCE_CHARACTERS]
        contact.filter(opted_out_at=None).update(opted_out_at=one.given_at, opted_out_source=source, updated_at=Now())
        if one.phone:
            left = suppression.Ban(one.phone, key_of(one.phone), "", suppression.OPTED_OUT, one.given_at)
            suppression.ban(account_id, [left])
    elif one.kind == MessageKind.COMMERCIAL and one.basis == Basis.CONSENT:
        _agree(account_id, contact, one)
    elif one.kind == MessageKind.COMMERCIAL:
        contact.update(other_basis=one.basis, updated_at=Now())
    [kept] = consent_history.add(account_id, [one])
    return kept


def _agree(account_id: int, contact: QuerySet[Contact], one: Statement) -> None:
    if one.phone:
        suppression.lift_before(account_id, {key_of(one.phone): one.given_at})
    contact.filter(_not_said_since(one.given_at)).update(
        opted_out_at=None,
        opted_out_source="",
        opted_in_at=one.given_at,
        opted_in_source=one.told.source[:SOURCE_CHARACTERS],
        updated_at=Now(),
    )


def wrote(heard: Sequence[Heard]) -> None:
    """Note at the contacts when their owners last wrote."""
    last: dict[tuple[int, str], datetime] = {}
    for one in heard:
        who = (one.account_id, key_of(one.message.phone))
        last[who] = max(one.at, last.get(who, one.at))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE campaigns_contact AS contact SET last_replied_at = given.at
            FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS given (account_id, phone_key, at)
            WHERE contact.account_id = given.account_id AND contact.phone_key = given.phone_key
              AND coalesce(contact.last_replied_at < given.at, true)
            """,
            (
                [account_id for account_id, _ in last],
                [phone_key for _, phone_key in last],
                list(last.values()),
            ),
        )
