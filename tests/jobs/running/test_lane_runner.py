"""The loop that sends, against the real simulator and a real database."""

import pytest
from django.db.models.functions import Now

from accounts.models import Account
from jobs import invariants, suppression
from jobs.models import Chunk, Recipient
from jobs.running.lane_runner import LaneRunner
from jobs.states import JobStatus
from tests.factories import make_account, make_device, make_job
from tests.simulator_process import Simulator
from tests.waiting import GIVE_UP_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_recipient_is_sent_once_and_the_job_completes(simulator: Simulator, runner: LaneRunner) -> None:
    account = make_account()
    device = make_device(account, simulator.url, max_in_flight=64)
    job = make_job(account, 2500, (device,))

    runner.run(GIVE_UP_SECONDS)

    job.refresh_from_db()
    assert (job.status, job.sent, job.failed) == (JobStatus.COMPLETED, 2500, 0)
    ledger = simulator.ledger()
    assert (ledger["accepted"], ledger["distinct"]) == (2500, 2500)
    assert not Chunk.objects.exists()


@pytest.fixture
def account():
    return make_account(default_country="BR")


def test_who_says_no_after_the_start_gets_nothing_and_the_job_ends(
    simulator: Simulator, runner: LaneRunner, account: Account
) -> None:
    device = make_device(account, simulator.url, max_in_flight=4)
    job = make_job(account, 60, (device,))
    refused = [row.phone for row in Recipient.objects.filter(job=job, position__in=[0, 7, 59])]
    Recipient.objects.filter(job=job, position=30).update(phone="+5511987654321")
    Recipient.objects.filter(job=job, position=31).update(due_at=Now())  # a retry
    retried = Recipient.objects.get(job=job, position=31).phone
    suppression.suppress(account.pk, [*refused, retried, "+551187654321"], "dijo que no")

    runner.run(GIVE_UP_SECONDS)

    job.refresh_from_db()
    assert (job.status, job.sent, job.failed) == (JobStatus.COMPLETED, 55, 5)
    left_out = Recipient.objects.filter(job=job, state="suppressed", error_code="opted_out", tries=0)
    assert sorted(left_out.values_list("position", flat=True)) == [0, 7, 30, 31, 59]
    assert simulator.ledger()["accepted"] == 55
    assert invariants.check() == []


def test_a_job_all_of_whose_people_said_no_ends_too(simulator: Simulator, runner: LaneRunner, account: Account) -> None:
    job = make_job(account, 20, (make_device(account, simulator.url),))
    suppression.suppress(account.pk, Recipient.objects.filter(job=job).values_list("phone", flat=True), "no")

    runner.run(GIVE_UP_SECONDS)

    job.refresh_from_db()
    assert (job.status, job.sent, job.failed) == (JobStatus.COMPLETED, 0, 20)
    assert not Chunk.objects.exists()


def test_another_accounts_list_changes_nothing(simulator: Simulator, runner: LaneRunner, account: Account) -> None:
    job = make_job(account, 5, (make_device(account, simulator.url),))
    suppression.suppress(make_account().pk, Recipient.objects.filter(job=job).values_list("phone", flat=True), "no")

    runner.run(GIVE_UP_SECONDS)

    job.refresh_from_db()
    assert job.sent == 5
