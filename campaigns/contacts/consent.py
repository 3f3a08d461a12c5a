"""Consent of many contacts at once: what `people.save` does for one. In a transaction of the caller's."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now

from campaigns.models import Contact
from devices.phone_numbers import key_of
from jobs import suppression
from jobs.replies.keeping import Said
from jobs.replies.people import Heard
from jobs.states import Wish

BY_REPLY: Final = "WhatsApp"  # the source of what somebody wrote themselves
CHUNK_CONTACTS: Final = 2_000  # looked at at once


def opt_out(account_id: int, contacts: QuerySet[Contact], source: str) -> int:
    """Note that these contacts want no messages, and suppress their numbers. Returns for how many that was new."""
    changed = 0
    last = 0
    while found := _chunk(contacts.filter(opted_out_at=None), last):
        last = found[-1][0]
        changed += Contact.unscoped.filter(pk__in=[pk for pk, _ in found], opted_out_at=None).update(
            opted_out_at=Now(), opted_out_source=source, updated_at=Now()
        )
        suppression.suppress(account_id, [phone for _, phone in found if phone], suppression.OPTED_OUT)
    return changed


def opt_in(account_id: int, contacts: QuerySet[Contact], source: str) -> int:
    """Note that these contacts agreed again, and lift the ban on their numbers. Returns for how many that was new."""
    changed = 0
    last = 0
    while found := _chunk(contacts.filter(opted_out_at__isnull=False), last):
        last = found[-1][0]
        changed += Contact.unscoped.filter(pk__in=[pk for pk, _ in found], opted_out_at__isnull=False).update(
            opted_out_at=None, opted_out_source="", opted_in_at=Now(), opted_in_source=source, updated_at=Now()
        )
        suppression.lift(account_id, [phone for _, phone in found if phone])
    return changed


def _chunk(contacts: QuerySet[Contact], last: int) -> list[tuple[int, str | None]]:
    return list(contacts.filter(pk__gt=last).order_by("id").values_list("id", "phone")[:CHUNK_CONTACTS])


def said(wishes: Sequence[Said]) -> None:
    """Note at the contacts what their owners wrote; their numbers are suppressed, or free again, already."""
    for one in wishes:
        theirs = Contact.unscoped.filter(account_id=one.account_id, phone_key=key_of(one.phone))
        if one.wish is Wish.OUT:
            theirs.filter(opted_out_at=None).update(opted_out_at=one.at, opted_out_source=BY_REPLY, updated_at=Now())
        else:
            theirs.filter(opted_out_at__lt=one.at).update(
                opted_out_at=None, opted_out_source="", opted_in_at=one.at, opted_in_source=BY_REPLY, updated_at=Now()
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
