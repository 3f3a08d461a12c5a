"""When contacts were last written to."""

import threading
import time

import pytest
from django.db import connection, transaction
from django.utils import timezone

from campaigns.models import CampaignRun, Contact
from campaigns.results import stamping
from jobs.models import Job, Recipient
from tests.campaigns import campaigns_of
from tests.waiting import GIVE_UP_SECONDS

LONG_AGO = timezone.now().replace(year=2020)


def stamped():
    stamping.stamp(time.monotonic() + 60)
    return dict(Contact.unscoped.order_by("pk").values_list("name", "last_sent_at"))


@pytest.fixture
def run(db, monkeypatch):
    monkeypatch.setattr(stamping, "BATCH_RECIPIENTS", 2)
    account = campaigns_of.account()
    for name in "abcde":
        campaigns_of.contact(account, labels=["vip"], name=name)
    return campaigns_of.launched(campaigns_of.campaign(account), timezone.now())


def end(run, **states):
    """Give recipients their ends, by the names of their contacts."""
    for name, state in states.items():
        sent_at = timezone.now() if state in {"sent", "delivered", "read"} else None
        Recipient.objects.filter(job=run.job, contact_id=Contact.unscoped.get(name=name).pk).update(
            state=state, sent_at=sent_at
        )


def test_who_was_written_to_is_stamped_and_nobody_else(run):
    end(run, a="sent", b="failed", c="read", d="unknown", e="suppressed")
    Job.unscoped.filter(pk=run.job_id).update(finished_at=timezone.now())

    names = stamped()

    assert [name for name, at in names.items() if at is not None] == ["a", "c"]
    assert names["a"] == Recipient.objects.get(job=run.job, position=0).sent_at
    run.refresh_from_db()
    assert run.stamped_at is not None


def test_it_follows_the_sending_and_passes_nobody_who_waits(run):
    end(run, a="sent", b="sent", d="sent")
    assert [name for name, at in stamped().items() if at] == ["a", "b"]
    end(run, c="sent")
    assert [name for name, at in stamped().items() if at] == ["a", "b", "c", "d"]
    run.refresh_from_db()
    assert (run.stamped_position, run.stamped_at) == (4, None)
    end(run, e="sent")
    Job.unscoped.filter(pk=run.job_id).update(finished_at=timezone.now())
    assert all(stamped().values())
    run.refresh_from_db()
    assert run.stamped_at is not None


def test_a_later_stamp_stays(run):
    later = timezone.now().replace(year=2040)
    Contact.unscoped.filter(name="a").update(last_sent_at=later)
    Contact.unscoped.filter(name="b").update(last_sent_at=LONG_AGO)
    end(run, a="sent", b="sent")
    names = stamped()
    assert names["a"] == later
    assert names["b"] > LONG_AGO


@pytest.mark.django_db(transaction=True)
def test_contacts_that_somebody_is_at_come_in_the_next_round(run):
    end(run, a="sent", b="sent")
    locked, done = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            Contact.unscoped.select_for_update().get(name="a")
            locked.set()
            done.wait(GIVE_UP_SECONDS)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    locked.wait(GIVE_UP_SECONDS)
    assert not any(stamped().values())
    done.set()
    holder.join()
    assert [name for name, at in stamped().items() if at] == ["a", "b"]
    assert CampaignRun.objects.get(pk=run.pk).stamped_position == 2
