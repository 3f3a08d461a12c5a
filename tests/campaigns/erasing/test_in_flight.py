"""A message on its way is waited for, one that waits is left out; nobody is written to twice and no count is lost."""

import pytest
from django.utils import timezone

from accounts.audit import Actor
from campaigns import tasks
from campaigns.actions import person_acts
from campaigns.contacts import people as contacts
from campaigns.erasing import erasure
from jobs import control, invariants
from jobs.erasing.digests import KeyLost
from jobs.erasing.person import Waits
from jobs.models import Erasure, Job, Recipient, Suppression
from tests.campaigns import campaigns_of
from tests.factories import make_job
from tests.jobs.arrange import record, sending_one, sent

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "+51900000001"  # the second of `make_job`


@pytest.fixture
def job(account, device):
    return make_job(account, 3, (device,))


def person(job):
    return Recipient.objects.get(job=job, position=1)


def test_who_waits_is_left_out_and_counted(account, job):
    erasure.advance(person_acts.erase(Actor(account), PHONE).pk)

    row = person(job)
    assert (row.state, row.error_code, row.phone, row.values) == ("suppressed", "erased", "", [])
    assert Job.unscoped.get(pk=job.pk).failed == 1
    assert invariants.check() == []


def test_a_message_on_its_way_is_waited_for(account, device, job):
    claim = sending_one(person(job), device)
    row = person_acts.erase(Actor(account), PHONE)

    assert erasure.advance(row.pk) == Waits.SENDING

    assert person(job).phone == PHONE
    assert Suppression.objects.for_account(account).filter(phone=PHONE).exists()  # nobody claims them meanwhile
    assert Erasure.unscoped.get().waits_for == Waits.SENDING
    record(sent(claim))
    assert erasure.advance(row.pk) is None
    assert (person(job).state, person(job).phone, person(job).gateway_message_id) == ("sent", "", "")
    assert not Suppression.unscoped.exists()
    assert invariants.check() == []


@pytest.mark.parametrize("state", ["queued", "ambiguous"])
def test_who_may_have_got_it_is_unknown_and_not_asked_after_any_more(account, device, job, state):
    sending_one(person(job), device)
    Recipient.objects.filter(pk=person(job).pk).update(
        state=state,
        doubt_since="2026-03-01T00:00Z",
        doubt_device_ids=[device.pk],
        due_at="2026-03-01T00:00Z",
        unsent_tries=0,
        accepted_risks=1,
    )

    assert erasure.advance(person_acts.erase(Actor(account), PHONE).pk) is None

    row = person(job)
    assert (row.state, row.phone, row.due_at) == ("unknown", "", None)
    assert Job.unscoped.get(pk=job.pk).failed == 1
    assert invariants.check() == []


@pytest.mark.parametrize("state", ["failed", "unknown"])
def test_who_was_erased_is_not_tried_again(account, device, job, state):
    Recipient.objects.filter(pk=person(job).pk).update(state=state, error_code="gateway_error")
    Job.unscoped.filter(pk=job.pk).update(failed=1)
    erasure.advance(person_acts.erase(Actor(account), PHONE).pk)

    assert control.retry_failed(job) == 0
    assert control.resend_unknown(job) == 0
    assert person(job).state == state


def test_who_waits_in_a_campaign_is_left_out_for_the_same_reason(account, device):
    campaigns_of.contact(account, phone=PHONE, labels=["vip"], name="Ana")
    campaigns_of.contact(account, labels=["vip"])
    run = campaigns_of.started(campaigns_of.campaign(account), timezone.now())

    erasure.advance(person_acts.erase(Actor(account), PHONE).pk)

    rows = Recipient.objects.filter(job=run.job_id).in_order().values_list("state", "error_code", "phone", "contact_id")
    assert rows[0] == ("suppressed", "erased", "", None)
    assert rows[1][0] == "queued"
    assert invariants.check() == []


def test_what_cannot_be_unsealed_is_not_called_done(account):
    row = person_acts.erase(Actor(account), PHONE)
    Erasure.unscoped.filter(pk=row.pk).update(sealed="")

    with pytest.raises(KeyLost):
        erasure.advance(row.pk)
    assert erasure.under_way() == [row.pk]


def test_a_deleted_contact_who_may_have_got_it_is_unknown(account, device):
    contact = campaigns_of.contact(account, phone=PHONE, labels=["vip"], name="Ana")
    campaigns_of.contact(account, labels=["vip"])
    run = campaigns_of.started(campaigns_of.campaign(account), timezone.now())
    row = Recipient.objects.get(job=run.job_id, contact_id=contact.pk)
    sending_one(row, device)
    in_doubt = {"doubt_since": timezone.now(), "doubt_device_ids": [device.pk], "due_at": timezone.now()}
    Recipient.objects.filter(pk=row.pk).update(state="queued", accepted_risks=1, **in_doubt)

    contacts.delete(contact)

    row.refresh_from_db()
    assert (row.state, row.error_code) == ("unknown", "contact_deleted")
    assert invariants.check() == []


def test_beat_goes_on_with_what_had_to_wait_until_it_is_done(account, device, job, monkeypatch):
    claim = sending_one(person(job), device)
    row = person_acts.erase(Actor(account), PHONE)
    called: list[tuple[int]] = []
    monkeypatch.setattr(tasks.erase_person, "apply_async", lambda args, **_: called.append(args))

    tasks.erase_person(row.pk)
    tasks.wake_erasures()
    record(sent(claim))
    tasks.erase_person(row.pk)
    tasks.wake_erasures()

    assert called == [(row.pk,)]
    assert (person(job).state, person(job).phone) == ("sent", "")
