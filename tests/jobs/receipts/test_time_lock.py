"""A device whose messages to strangers WhatsApp refuses, from the first message to the job's end."""

from datetime import timedelta

import pytest
from django.utils import timezone

from devices import needs
from devices.models import Correspondent, Device, Incident, Lane
from devices.phone_numbers import key_of
from jobs import invariants, tasks, waits
from jobs.models import Chunk, Job, Recipient
from jobs.running.lane_runner import LaneRunner
from jobs.states import JobStatus
from tests.factories import make_job
from tests.jobs.receipts.arrange import worked
from tests.simulator_process import Simulator
from tests.waiting import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("closes_sessions_of_other_threads")]


def numbers(job: Job, positions: range) -> list[str]:
    phones = Recipient.objects.filter(job=job, position__in=positions).order_by("position")
    return [phone.removeprefix("+") for phone in phones.values_list("phone", flat=True)]


def have_written(simulator: Simulator, device: Device, job: Job, positions: range) -> None:
    for number in numbers(job, positions):
        simulator.incoming(device.instance_name, number, "Hola")
    eventually(lambda: worked() or Correspondent.objects.filter(device=device).count() == len(positions))


def send(runner: LaneRunner, seconds: float = 0.3) -> None:
    runner.run(seconds)
    worked()


def is_locked(device: Device) -> bool:
    device.refresh_from_db()
    return device.only_known_until is not None


def written(job: Job, device: Device) -> set[int]:
    """The positions of those whom a device has begun to write to."""
    return set(Recipient.objects.filter(job=job, device=device, tries__gt=0).values_list("position", flat=True))


def test_in_a_burst_of_463_no_stranger_is_written_to_after_three_errors_and_those_who_wrote_are(
    simulator: Simulator, runner: LaneRunner, gateways: list[Device]
) -> None:
    device = gateways[0]
    job = make_job(device.account, 120, (device,))
    have_written(simulator, device, job, range(80, 110))
    simulator.faults({"time-lock": 1})

    eventually(lambda: send(runner) or is_locked(device))
    strangers = set(range(120)) - set(range(80, 110))
    by_then = written(job, device) & strangers
    assert Recipient.objects.filter(job=job, error_code="not_delivered").count() >= 3
    eventually(lambda: send(runner) or set(range(80, 110)) <= written(job, device))
    send(runner, 1.0)

    assert written(job, device) & strangers == by_then
    assert len(simulator.entries()) == len(by_then) + 30
    job.refresh_from_db()
    assert (job.status, job.finished_at) == (JobStatus.PROCESSING, None)
    assert job.delivered >= 1
    (wait,) = waits.waits(job, timezone.now())
    assert (wait.reason, wait.until) == ("only_known_people", device.only_known_until)
    assert waits.reason(job, [wait]) == "only_known_people"
    assert invariants.check() == []
    assert Incident.objects.filter(device=device, reason="time_lock", over_at=None).count() == 1

    # It is over: the others are written to, and nobody was lost or written to twice.
    simulator.faults({})
    Device.unscoped.update(only_known_until=timezone.now())
    eventually(lambda: worked() or not is_locked(device))
    free_the_slots()
    eventually(lambda: send(runner) or ended(job))
    assert simulator.ledger()["duplicates"] == 0
    assert len(simulator.entries()) == 120
    assert Incident.objects.get().over_at is not None


def ended(job: Job) -> bool:
    job.refresh_from_db()
    return bool(job.status == JobStatus.COMPLETED)


def free_the_slots() -> None:
    """What rested until it is to look again need not be waited for."""
    Lane.objects.update(next_slot_at=None)


def test_strangers_of_a_locked_device_go_through_the_jobs_other_device(
    simulator: Simulator, runner: LaneRunner, gateways: list[Device]
) -> None:
    locked, free = gateways
    job = make_job(locked.account, 120, tuple(gateways))
    have_written(simulator, locked, job, range(100, 110))
    simulator.faults({"time-lock": 1}, instance="demo-1")

    eventually(lambda: send(runner) or is_locked(locked))
    by_then = len(written(job, locked))
    eventually(lambda: send(runner) or ended(job))

    assert len(written(job, locked) - set(range(100, 110))) <= by_then
    assert not is_locked(free)
    assert simulator.ledger()["duplicates"] == 0
    assert len(simulator.entries()) == 120
    assert not Chunk.objects.filter(job=job).exists()
    assert invariants.check() == []


def test_whoever_writes_meanwhile_is_written_to(
    simulator: Simulator, runner: LaneRunner, gateways: list[Device]
) -> None:
    device = gateways[0]
    Device.unscoped.filter(pk=device.pk).update(only_known_until=timezone.now() + timedelta(hours=1))
    job = make_job(device.account, 50, (device,))
    send(runner, 1.0)
    assert simulator.entries() == []
    have_written(simulator, device, job, range(40, 42))
    free_the_slots()
    eventually(lambda: send(runner) or len(simulator.entries()) == 2)
    assert {one["number"] for one in simulator.entries()} == set(numbers(job, range(40, 42)))


def test_people_are_known_in_every_spelling(simulator: Simulator, runner: LaneRunner, gateways: list[Device]) -> None:
    device = gateways[0]
    Device.unscoped.filter(pk=device.pk).update(only_known_until=timezone.now() + timedelta(hours=1))
    job = make_job(device.account, 3, (device,))
    Recipient.objects.filter(job=job, position=1).update(phone="+5521987654321")
    now = timezone.now()
    Correspondent.objects.create(device=device, phone_key=key_of("+552187654321"), first_at=now, last_at=now)
    eventually(lambda: send(runner) or len(simulator.entries()) == 1)
    assert simulator.entries()[0]["number"] == "5521987654321"


def test_a_refusal_at_the_door_calls_a_worker_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[dict[str, object]] = []
    monkeypatch.setattr(tasks.work_receipts, "apply_async", lambda **options: called.append(options))
    needs.have_inbox_worked()
    assert called == [{"expires": tasks.STALE_AFTER_SECONDS, "retry": False}]
