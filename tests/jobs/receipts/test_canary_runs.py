"""A large job and its canary from the start to the end, with the real simulator."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from devices.models import Acknowledgement, Correspondent, Device
from devices.phone_numbers import key_of
from jobs import control, invariants, sweep
from jobs.models import Job, Recipient, Suppression
from jobs.running.lane_runner import LaneRunner
from jobs.sending import dispatch
from jobs.states import JobStatus
from tests.devices.webhooks.served import door, have_it_tell
from tests.factories import make_account, make_device, make_job
from tests.jobs.receipts.arrange import worked
from tests.simulator_process import Simulator
from tests.waiting import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("closes_sessions_of_other_threads")]

RECIPIENTS = 500
FIRST = 100


@pytest.fixture(autouse=True)
def large(settings) -> None:
    settings.CANARY_ABOVE = 400


@pytest.fixture
def devices(simulator: Simulator) -> Iterator[list[Device]]:
    """Two devices, both fast, whose gateway tells nobody anything."""
    account = make_account()
    yield [make_device(account, simulator.url, instance_name=name, max_in_flight=64) for name in ("demo-1", "demo-2")]
    simulator.renew()


@pytest.fixture
def telling(simulator: Simulator, devices: list[Device], runner: LaneRunner) -> Iterator[list[Device]]:
    """Their receipts come to us, and some of each came before."""
    with door() as address:
        for device in devices:
            have_it_tell(simulator, device, address)
            job = make_job(device.account, 3, (device,), message=f"Antes {device.pk} @valor1")
            eventually(lambda job=job: step(runner, job) == JobStatus.COMPLETED)
        eventually(lambda: worked() or Acknowledgement.objects.count() == 2)
        yield devices


def started(devices: list[Device]) -> Job:
    job = make_job(devices[0].account, RECIPIENTS, status="pending", started_at=None)
    assert dispatch.start(job.pk)
    return job


def step(runner: LaneRunner, job: Job) -> str:
    """What the workers do in a moment: send, work what was told, sweep."""
    runner.run(0.3)
    worked()
    sweep.sweep()
    job.refresh_from_db()
    return job.status


def sent_of(job: Job) -> int:
    return Recipient.objects.filter(job=job, tries__gt=0).count()


def waits_for_its_canary(runner: LaneRunner, job: Job) -> bool:
    step(runner, job)
    return job.canary_state == "under_way" and job.canary_until is not None


def the_wait_is_over(job: Job) -> None:
    Job.unscoped.filter(pk=job.pk).update(canary_until=F("canary_until") - timedelta(minutes=11))


def test_where_nothing_is_ever_told_it_goes_out_whole_by_itself(
    simulator: Simulator, runner: LaneRunner, devices: list[Device]
) -> None:
    job = started(devices)
    runner.run(0.3)
    eventually(lambda: runner.run(0.3) or simulator.ledger()["accepted"] == FIRST)
    eventually(lambda: step(runner, job) == JobStatus.COMPLETED)
    ledger = simulator.ledger()
    assert (ledger["accepted"], ledger["distinct"]) == (RECIPIENTS, RECIPIENTS)
    first = Recipient.objects.filter(job=job, position__lt=FIRST).order_by()
    assert first.values("device").distinct().count() == 2
    assert (job.canary_state, job.sent) == ("passed", RECIPIENTS)
    assert invariants.check() == []


def test_receipts_have_it_go_on_without_a_wait(runner: LaneRunner, telling: list[Device]) -> None:
    job = started(telling)
    eventually(lambda: runner.run(0.3) or worked() or job.refresh_from_db() or job.canary_state == "passed")
    assert job.delivered >= FIRST // 2
    assert job.status == JobStatus.PROCESSING
    eventually(lambda: step(runner, job) == JobStatus.COMPLETED)
    assert job.sent == RECIPIENTS
    assert invariants.check() == []


def test_refused_after_acceptance_it_is_held_with_all_the_others_unsent(
    simulator: Simulator, runner: LaneRunner, telling: list[Device]
) -> None:
    simulator.faults({"error-463": 0.5})
    job = started(telling)
    eventually(lambda: step(runner, job) == JobStatus.PAUSED)
    assert (job.state_reason, job.canary_state) == ("canary_refused", "held")
    assert sent_of(job) <= FIRST
    assert invariants.check() == []

    simulator.faults({})
    control.cancel(job)
    control.cancel_waiting(job.pk)
    eventually(lambda: step(runner, job) == JobStatus.CANCELLED and job.finished_at is not None)
    assert job.sent + job.failed == RECIPIENTS
    assert sent_of(job) <= FIRST
    assert invariants.check() == []


def test_unacknowledged_it_waits_is_held_and_goes_on_by_a_persons_word(
    simulator: Simulator, runner: LaneRunner, telling: list[Device]
) -> None:
    simulator.faults({"lost-acks": 1})
    job = started(telling)
    eventually(lambda: waits_for_its_canary(runner, job))
    for _ in range(5):
        assert waits_for_its_canary(runner, job)
    assert sent_of(job) == FIRST
    the_wait_is_over(job)
    eventually(lambda: step(runner, job) == JobStatus.PAUSED)
    assert (job.state_reason, job.canary_state, sent_of(job)) == ("canary_undelivered", "held", FIRST)

    control.resume(job)
    eventually(lambda: step(runner, job) == JobStatus.COMPLETED)
    assert (job.canary_state, job.sent) == ("overruled", RECIPIENTS)
    assert simulator.ledger()["duplicates"] == 0
    assert invariants.check() == []


def test_people_who_wrote_are_written_to_behind_it_by_a_device_that_may_write_to_nobody_else(
    simulator: Simulator, runner: LaneRunner, devices: list[Device]
) -> None:
    now = timezone.now()
    Device.unscoped.update(only_known_until=now + timedelta(hours=1))
    job = started(devices)
    person = Recipient.objects.get(job=job, position=450)
    Correspondent.objects.create(device=devices[0], phone_key=key_of(person.phone), first_at=now, last_at=now)
    eventually(lambda: step(runner, job) and sent_of(job) == 1)
    person.refresh_from_db()
    assert (person.state, job.canary_state) == ("sent", "under_way")
    assert invariants.check() == []

    Device.unscoped.update(only_known_until=None)
    eventually(lambda: step(runner, job) == JobStatus.COMPLETED)
    assert (job.canary_state, job.sent) == ("passed", RECIPIENTS)
    assert simulator.ledger()["duplicates"] == 0


def test_answers_that_ask_for_no_more_hold_it(simulator: Simulator, runner: LaneRunner, telling: list[Device]) -> None:
    Device.unscoped.update(messages_per_minute=600)  # so that it is not through before they come
    simulator.faults({"stop-reply": 0.5})
    job = started(telling)
    eventually(lambda: step(runner, job) == JobStatus.PAUSED)
    assert (job.state_reason, job.canary_state) == ("canary_opt_outs", "held")
    assert sent_of(job) < RECIPIENTS
    assert invariants.check() == []


def test_opt_outs_among_the_first_hold_it_though_it_has_gone_on(
    simulator: Simulator, runner: LaneRunner, telling: list[Device]
) -> None:
    Device.unscoped.update(messages_per_minute=600)  # so that it is not through before anybody says no
    job = started(telling)
    eventually(lambda: step(runner, job) and job.canary_state == "passed" and sent_of(job) > FIRST)
    first = Recipient.objects.filter(job=job, position__lt=6).values_list("phone", flat=True)
    for phone in first:
        Suppression.unscoped.create(account=job.account, phone=phone)
    eventually(lambda: step(runner, job) == JobStatus.PAUSED)
    assert (job.state_reason, job.canary_state) == ("canary_opt_outs", "held")
    assert FIRST < sent_of(job) < RECIPIENTS
