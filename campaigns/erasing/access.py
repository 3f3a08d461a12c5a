"""All that an account holds of one person, as one file: what they may ask for. Indented JSON, in the API's words."""

import json
from datetime import datetime
from typing import Any

from django.db.models import Q

from accounts.models import Account, AuditEntry
from campaigns.erasing import forgetting, held
from campaigns.erasing.held import told
from campaigns.models import ConsentRecord, Contact
from jobs.erasing.forgetting import lids_of
from jobs.erasing.person import Person


def gather(account: Account, person: Person, now: datetime) -> dict[str, Any]:
    """The person's contact, messages, replies and whatever else is known of them."""
    forgetting.find(account.pk, person)
    person.lids = lids_of(account.pk, person)
    return {
        "account": account.name,
        "made_at": told(now),
        "phone": person.phone,
        "contacts": _contacts(account, person),
        "consents": _consents(account, person),
        "messages": held.messages(account.pk, person),
        "replies": held.replies(account.pk, person),
        "answers": held.answers(account.pk, person),
        "suppressions": held.suppressions(account.pk, person),
        "exclusion_lists": held.exclusions(account.pk, person),
        "identities": held.identities(account.pk, person),
        "audit": _audit(account, person),
    }


def as_text(gathered: dict[str, Any]) -> str:
    return json.dumps(gathered, ensure_ascii=False, indent=2) + "\n"


def _contacts(account: Account, person: Person) -> list[dict[str, Any]]:
    rows = Contact.objects.for_account(account).filter(pk__in=person.contact_ids).order_by("id")
    return [
        {
            "id": row.pk,
            "name": row.name,
            "phone": row.phone,
            "email": row.email,
            "labels": row.labels,
            "custom_attributes": row.custom_attributes,
            "opted_in_at": told(row.opted_in_at),
            "opted_in_source": row.opted_in_source,
            "opted_out_at": told(row.opted_out_at),
            "opted_out_source": row.opted_out_source,
            "other_basis": row.other_basis,
            "last_sent_at": told(row.last_sent_at),
            "last_replied_at": told(row.last_replied_at),
            "created_at": told(row.created_at),
            "updated_at": told(row.updated_at),
        }
        for row in rows
    ]


def _consents(account: Account, person: Person) -> list[dict[str, Any]]:
    """What they said of being written to, in the order in which we heard of it."""
    theirs = Q(contact_id__in=person.contact_ids)
    if person.phone:
        theirs |= Q(phone_key=person.phone_key)
    return [
        {
            "phone": row.phone,
            "revoked": row.is_revocation,
            "kind": row.kind,
            "basis": row.basis,
            "channel": row.channel,
            "source": row.source,
            "evidence": row.evidence,
            "text_version": row.text_version,
            "given_at": told(row.given_at),
            "recorded_at": told(row.recorded_at),
        }
        for row in ConsentRecord.objects.for_account(account).filter(theirs).order_by("id")
    ]


def _audit(account: Account, person: Person) -> list[dict[str, Any]]:
    """What was done to their contact, and when; not by whom."""
    entries = AuditEntry.objects.for_account(account).filter(
        action__startswith="contact.", details__id__in=person.contact_ids
    )
    return [{"action": entry.action, "at": told(entry.created_at)} for entry in entries.order_by("id")]
