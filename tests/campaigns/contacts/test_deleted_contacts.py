"""Whoever is deleted is written to no more, however far their campaign is."""

import threading
import time

import pytest
from django.db import connection
from django.utils import timezone

from campaigns.audience import freezing
from campaigns.launch import launching
from campaigns.models import Contact
from jobs import control, invariants, sweep
from jobs.models import Recipient
from jobs.sending.claims import Claimer
from tests.campaigns import campaigns_of
from tests.campaigns.arrange import Caller
from tests.factories import make_device, make_job
from tests.jobs.arrange import claim, give_back, refill, states

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def call() -> Caller:
    return Caller(account=campaigns_of.account())


def started(call: Caller, contacts: int = 3):
    """A campaign that is being sent to so many; its job, and the contacts in order."""
    made = [campaigns_of.contact(call.account, labels=["vip"]) for _ in range(contacts)]
    device = make_device(call.account)
    return campaigns_of.started(campaigns_of.campaign(call.account), timezone.now()).job, made, device


def test_who_was_read_and_not_claimed_is_left_out(call):
    job, contacts, device = started(call)
    claimer = Claimer(device.pk, 10)
    refill(claimer)
    assert call.delete(f"contacts/{contacts[1].pk}").status_code == 204
    claimed = claim(claimer, 10)
    give_back(claimer)
    assert [one.phone for one in claimed] == [contacts[0].phone, contacts[2].phone]
    left_out = Recipient.objects.get(job=job, position=1)
    assert (left_out.state, left_out.error_code, left_out.tries) == ("suppressed", "contact_deleted", 0)
    job.refresh_from_db()
    assert (job.failed, job.total) == (1, 3)
    assert invariants.check() == []


def test_also_where_the_campaign_is_paused_and_it_ends_when_all_are_gone(call):
    job, contacts, _ = started(call)
    control.pause(job)
    for contact in contacts:
        call.delete(f"contacts/{contact.pk}")
    control.resume(job)
    sweep.sweep()
    job.refresh_from_db()
    assert (job.status, job.failed, job.results["by_error"]) == ("completed", 3, {"contact_deleted": 3})


def test_what_is_over_and_what_is_anothers_stays(call):
    job, contacts, device = started(call)
    claimer = Claimer(device.pk, 10)
    refill(claimer)
    claim(claimer, 2)
    other = make_job(campaigns_of.account(), 1, syntax="campaign")
    Recipient.objects.filter(job=other).update(contact_id=contacts[0].pk)
    call.delete(f"contacts/{contacts[0].pk}")
    assert states(job) == {"sending": 2, "queued": 1}
    assert states(other) == {"queued": 1}


def test_who_is_deleted_while_the_audience_is_being_frozen_is_left_out(call, monkeypatch):
    contacts = [campaigns_of.contact(call.account, labels=["vip"]) for _ in range(3)]
    run = launching.launch(campaigns_of.campaign(call.account), timezone.now(), None)
    answers = []

    def delete() -> None:
        try:
            answers.append(call.delete(f"contacts/{contacts[0].pk}").status_code)
        finally:
            connection.close()

    deleting = threading.Thread(target=delete)
    freeze = freezing.freeze

    def freeze_and_dwell(cursor, job, audience):
        counted = freeze(cursor, job, audience)
        deleting.start()
        give_up = time.monotonic() + 20
        while deleting.is_alive() and time.monotonic() < give_up:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            if cursor.fetchone()[0]:
                break
            time.sleep(0.02)
        return counted

    monkeypatch.setattr(launching, "freeze", freeze_and_dwell)
    launching.freeze_run(run.pk)
    deleting.join()
    assert answers == [204]
    assert not Contact.unscoped.filter(pk=contacts[0].pk).exists()
    assert states(run.job) == {"queued": 2, "suppressed": 1}
    assert invariants.check() == []
