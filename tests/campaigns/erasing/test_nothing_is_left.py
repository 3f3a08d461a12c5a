"""Whoever is erased is found nowhere: not in a dump of the database, not in a file, in no spelling."""

from io import StringIO

import pytest
from django.core.management import call_command

from accounts.audit import Actor
from accounts.models import AuditEntry
from campaigns.actions import person_acts
from campaigns.erasing import erasure
from campaigns.erasing import forgetting as of_contacts
from campaigns.models import Contact, ContactImport
from jobs import invariants
from jobs.erasing import forgetting
from jobs.models import Erasure, Job, Recipient, Suppression
from tests.campaigns.erasing.arrange import NAME, PHONE, TRACES, everything, traces

pytestmark = pytest.mark.django_db(transaction=True)


def erase(phone: str, account: str) -> str:
    out = StringIO()
    call_command("erase_person", phone, "--account", account, "--wait", "0", stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("written", [PHONE, "+54 11 5566-7788", "011 15 5566-7788"])
def test_nothing_is_left_of_a_person_of_whom_everything_was_held(account, device, written):
    everything(account, device)
    assert set(traces()) == set(TRACES)

    assert "is done" in erase(written, account.name)

    assert traces() == []
    assert invariants.check() == []


def test_what_was_sent_stays_counted_and_others_stay(account, device):
    everything(account, device)
    before = {job.pk: (job.total, job.sent, job.failed, job.replied) for job in Job.unscoped.all()}
    states = dict(Recipient.objects.exclude(state__in=["queued"]).values_list("pk", "state"))

    erase(PHONE, account.name)

    after = {job.pk: (job.total, job.sent, job.failed, job.replied) for job in Job.unscoped.all()}
    assert {pk: (total, sent, replied) for pk, (total, sent, _, replied) in after.items()} == {
        pk: (total, sent, replied) for pk, (total, sent, _, replied) in before.items()
    }
    assert dict(Recipient.objects.filter(pk__in=states).values_list("pk", "state")) == states
    assert Contact.unscoped.filter(account=account, phone="+51911111111").exists()
    assert Recipient.objects.filter(phone="+51911111111").count() == 2
    assert Suppression.unscoped.count() == 0
    given_up = ContactImport.unscoped.get(status="failed")
    assert [one["code"] for one in given_up.errors] == ["import_names_erased"]


def test_another_accounts_same_person_is_untouched(account, device, another):
    everything(another.account, another)
    untouched = Recipient.objects.filter(phone=PHONE).count()
    person_acts.erase(Actor(account), PHONE)

    erase(PHONE, account.name)

    assert Contact.unscoped.filter(account=another.account, phone=PHONE, name=NAME).exists()
    assert Recipient.objects.filter(phone=PHONE).count() == untouched
    assert set(traces()) == set(TRACES)


def test_it_is_in_the_log_without_the_number(account, device):
    everything(account, device)

    erase(PHONE, account.name)

    entry = AuditEntry.unscoped.get(action="person.erased")
    assert (entry.subject, entry.details) == ("person", {"id": Erasure.unscoped.get().pk})
    assert AuditEntry.unscoped.filter(action="contact.created", subject="erased").count() <= 1
    assert AuditEntry.unscoped.filter(action="contact.changed").get().subject == "erased"


STEPS = [
    (of_contacts, "tests"),
    (of_contacts, "contacts"),
    (of_contacts, "consents"),
    (of_contacts, "notifications"),
    (forgetting, "recipients"),
    (forgetting, "messages"),
    (forgetting, "mentions"),
    (forgetting, "unban"),
]


@pytest.mark.parametrize(("module", "step"), STEPS, ids=[step for _, step in STEPS])
def test_whoever_dies_before_a_step_leaves_it_to_the_next(account, device, monkeypatch, module, step):
    everything(account, device)
    row = person_acts.erase(Actor(account), PHONE)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, step, die)
        with pytest.raises(KeyboardInterrupt):
            erasure.advance(row.pk)
    assert erasure.under_way() == [row.pk]

    assert erasure.advance(row.pk) is None

    assert traces() == []
    assert erasure.under_way() == []
    assert invariants.check() == []


def test_a_second_time_forgets_what_came_since_and_nothing_else_changes(account, device):
    everything(account, device)
    erase(PHONE, account.name)
    job_rows = list(Recipient.objects.order_by("pk").values())

    erase(PHONE, account.name)

    assert list(Recipient.objects.order_by("pk").values()) == job_rows
    assert Erasure.unscoped.count() == 1
    assert traces() == []


def test_a_contact_without_a_number_is_erased_too(account, device):
    contact = Contact.unscoped.create(account=account, name=NAME, email="zenobia@example.com")
    row = person_acts.erase(Actor(account), contact=contact)

    assert erasure.advance(row.pk) is None

    assert traces() == []
    assert Erasure.unscoped.get().digest is None
