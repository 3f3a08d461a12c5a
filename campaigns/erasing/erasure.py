"""Erasing a person: begun in one transaction, carried on step by step until nothing is left of them.

What is begun is a row, and says who it is until the end: whoever dies in the middle leaves it to the next, beat wakes
it, and every step may be done twice. Meanwhile the number is on the list that each claim asks, so that nobody is
written to who waits; a message that is on its way is waited for, as its answer needs the row it belongs to.
"""

from django.db import transaction
from django.db.models.functions import Now

from campaigns.erasing import files
from campaigns.erasing import forgetting as of_contacts
from jobs.erasing import digests, erased
from jobs.erasing import forgetting as of_jobs
from jobs.erasing.digests import KeyLost
from jobs.erasing.person import Person, Waits
from jobs.models import Erasure


def begin(account_id: int, person: Person) -> Erasure:
    """Note that a person is to be forgotten, in a transaction of the caller's; from its commit on every door knows.

    One who was forgotten before is once more, with what came since.
    """
    erased.begin_alone(account_id)
    of_contacts.find(account_id, person)
    changes = {"sealed": person.sealed(), "waits_for": Waits.NOTHING, "asked_at": Now(), "done_at": None}
    if not person.phone:
        row: Erasure = Erasure.unscoped.create(account_id=account_id, **changes)
    else:
        digest = digests.for_first(account_id).of(person.phone_key)
        row, _ = Erasure.unscoped.update_or_create(account_id=account_id, digest=digest, defaults=changes)
    row.refresh_from_db()
    return row


def under_way() -> list[int]:
    """The erasures that a worker should go on with."""
    return list(Erasure.unscoped.filter(done_at=None).order_by("id").values_list("pk", flat=True))


def advance(erasure_id: int) -> Waits | None:
    """Forget all that can be forgotten now; what is waited for, None once nothing is left. Raises KeyLost."""
    row: Erasure | None = Erasure.unscoped.filter(pk=erasure_id, done_at=None).first()
    if row is None:
        return None
    if not row.sealed:
        raise KeyLost(f"erasure {row.pk} is sealed with a key that is no longer in FIELD_ENCRYPTION_KEYS")
    account_id = row.account_id
    person = Person.unsealed(row.sealed)
    of_contacts.find(account_id, person)
    person.lids = sorted({*person.lids, *of_jobs.lids_of(account_id, person)})
    Erasure.unscoped.filter(pk=row.pk, done_at=None).update(sealed=person.sealed())
    if person.phone:
        of_jobs.ban(account_id, person.phone, person.phone_key)
    # Asked before the rest: what comes in until then is found below, what comes later finds the digest.
    waits = of_jobs.waits_for(account_id, person, row.asked_at)
    if files.give_up_those_with(account_id, person, row.asked_at):
        waits = waits or Waits.IMPORTS
    files.forget_samples(account_id)
    of_contacts.tests(account_id, person)
    of_contacts.contacts(account_id, person)
    of_contacts.consents(account_id, person)
    of_contacts.notifications(account_id, person)
    if of_jobs.recipients(account_id, person):
        waits = Waits.SENDING
    of_jobs.messages(account_id, person)
    of_jobs.mentions(account_id, person)
    if waits:
        Erasure.unscoped.filter(pk=row.pk, done_at=None).update(waits_for=waits)
        return waits
    with transaction.atomic():
        if Erasure.unscoped.filter(pk=row.pk, done_at=None, asked_at=row.asked_at).update(
            sealed="", waits_for=Waits.NOTHING, done_at=Now()
        ):
            of_jobs.unban(account_id, person.phone_key)
    return None
