"""Whoever comes through a door while an erasure begins is found by it, or finds it: nobody slips through between."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.audit import Actor
from campaigns.actions import contact_acts, person_acts
from campaigns.contacts import people
from campaigns.erasing import erasure
from campaigns.launch import launching
from campaigns.models import Contact
from jobs import invariants
from jobs.models import Erasure, Recipient
from tests.campaigns import campaigns_of
from tests.campaigns.erasing.arrange import NAME, PHONE, traces
from tests.waiting import GIVE_UP_SECONDS, eventually

pytestmark = pytest.mark.django_db(transaction=True)


def at_the_same_time(act: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=lambda: (act(), connection.close()))
    thread.start()
    return thread


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)")
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("is_known", [False, True])
def test_a_contact_that_is_being_made_is_found_by_the_erasure(account, device, is_known):
    """The same where the account has erased nobody yet, and has no key."""
    if is_known:
        person_acts.erase(Actor(account), "+51900000009")

    with transaction.atomic():
        contact_acts.save(Actor(account), Contact(account=account), {"name": NAME, "phone": PHONE}, "API")
        eraser = at_the_same_time(lambda: person_acts.erase(Actor(account), PHONE))
        eventually(somebody_waits)
    eraser.join(GIVE_UP_SECONDS)

    for pk in erasure.under_way():
        erasure.advance(pk)
    assert traces() == []


def test_a_contact_that_comes_while_an_erasure_begins_is_refused(account, device):
    refused: list[BaseException] = []

    def make() -> None:
        try:
            contact_acts.save(Actor(account), Contact(account=account), {"name": NAME, "phone": PHONE}, "API")
        except people.PhoneErased as error:
            refused.append(error)

    with transaction.atomic():
        person_acts.erase(Actor(account), PHONE)
        maker = at_the_same_time(make)
        eventually(somebody_waits)
    maker.join(GIVE_UP_SECONDS)

    assert len(refused) == 1
    assert not Contact.unscoped.exists()


def test_an_audience_that_is_being_frozen_is_found_by_the_erasure(account, device):
    campaigns_of.contact(account, phone=PHONE, labels=["vip"], name=NAME)
    campaigns_of.contact(account, labels=["vip"])
    run = launching.launch(campaigns_of.campaign(account), timezone.now(), None)

    with transaction.atomic():
        launching.freeze_run(run.pk)
        eraser = at_the_same_time(lambda: erasure.advance(person_acts.erase(Actor(account), PHONE).pk))
        eventually(somebody_waits)
    eraser.join(GIVE_UP_SECONDS)

    assert Erasure.unscoped.get().done_at is not None
    assert sorted(Recipient.objects.filter(job=run.job_id).values_list("state", flat=True)) == ["queued", "suppressed"]
    assert traces() == []
    assert invariants.check() == []
