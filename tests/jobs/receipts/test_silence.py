"""A device whose link is dead while its state stays open, from the first message to the job's end."""

from datetime import timedelta

import pytest
from django.db.models import F

from devices.models import Acknowledgement, Device
from jobs import invariants
from jobs.models import Job
from jobs.running.lane_runner import LaneRunner
from jobs.states import JobStatus
from tests.factories import make_job
from tests.jobs.receipts.arrange import worked
from tests.simulator_process import Simulator
from tests.waiting import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("closes_sessions_of_other_threads")]


def send(runner: LaneRunner, job: Job, *, minutes_pass: bool = False) -> bool:
    """Send for a moment, and work what was told; whether the job is through."""
    runner.run(0.5)
    worked()
    if minutes_pass:
        Acknowledgement.objects.update(silent_since=F("silent_since") - timedelta(minutes=11))
        worked()
    job.refresh_from_db()
    return bool(job.status == JobStatus.COMPLETED)


def test_a_zombie_is_taken_out_and_the_jobs_other_device_ends_the_work(
    simulator: Simulator, runner: LaneRunner, gateways: list[Device]
) -> None:
    zombie, well = gateways
    first = make_job(zombie.account, 20, tuple(gateways))
    eventually(lambda: send(runner, first))
    eventually(lambda: worked() or Acknowledgement.objects.count() == 2)
    simulator.faults({"zombie": 1}, instance="demo-1")
    job = make_job(zombie.account, 120, tuple(gateways), message="Adiós @valor1")

    eventually(lambda: send(runner, job, minutes_pass=True) or is_out(zombie))
    assert job.status == JobStatus.PROCESSING
    by_then = simulator.ledger()["by_instance"]["demo-1"]
    eventually(lambda: send(runner, job))

    assert job.sent == 120
    assert simulator.ledger()["by_instance"]["demo-1"] == by_then
    assert simulator.ledger()["duplicates"] == 0
    well.refresh_from_db()
    assert well.status == "connected"
    assert invariants.check() == []


def is_out(device: Device) -> bool:
    device.refresh_from_db()
    return device.status_reason == "no_acknowledgement"
