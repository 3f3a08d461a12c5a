"""What is done for a person who asks: they are forgotten, or told what is held of them. One audit entry each, which
does not say who they are (see `jobs.actions`)."""

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.audit import Actor
from campaigns.erasing import access, erasure
from campaigns.models import Contact
from campaigns.tasks import erase_person
from jobs.erasing.person import Person
from jobs.models import Erasure


def erase(actor: Actor, phone: str = "", contact: Contact | None = None) -> Erasure:
    """Have a person forgotten, by their number ("+" and digits) or as a contact. A worker does it."""
    with transaction.atomic():
        row = erasure.begin(actor.account.pk, _person(phone, contact))
        audit.record(actor, "person.erased", "person", id=row.pk)
        transaction.on_commit(lambda: erase_person.delay(row.pk), robust=True)
    return row


def exported(actor: Actor, phone: str = "", contact: Contact | None = None) -> str:
    """All that the account holds of a person, as the text of a file."""
    audit.record(actor, "person.exported", "person")
    return access.as_text(access.gather(actor.account, _person(phone, contact), timezone.now()))


def _person(phone: str, contact: Contact | None) -> Person:
    if contact is None:
        return Person(phone)
    return Person(contact.phone or "", [contact.pk])
