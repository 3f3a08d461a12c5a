"""A device that loses its link and has it again a moment later, from the webhook to the message."""

from collections.abc import Iterator

import pytest

from devices import needs
from devices.models import Device
from jobs import sweep
from jobs.running.lane_runner import LaneRunner
from jobs.states import JobStatus
from jobs.wording.job_reasons import NO_DEVICES_LEFT
from tests.devices.webhooks.served import door, have_it_tell
from tests.factories import make_account, make_device, make_job
from tests.simulator_process import Simulator
from tests.waiting import GIVE_UP_SECONDS, eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("closes_sessions_of_other_threads")]


@pytest.fixture
def device(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    """One that is out, as was said of it just now: nobody asks it for minutes. Who is woken sweeps."""
    monkeypatch.setattr(needs, "who_waits", [sweep.sweep])
    device = make_device(make_account(), simulator.url, status="disconnected", status_reason="connection_closed")
    with door() as address:
        have_it_tell(simulator, device, address)
        yield device
        simulator.renew()


def test_a_job_that_waits_for_it_goes_on_at_once(simulator: Simulator, device: Device) -> None:
    job = make_job(device.account, 20, (device,), status="paused", state_reason=NO_DEVICES_LEFT)

    assert simulator.post("/instance/restart/demo-1").status_code == 200
    eventually(lambda: job.refresh_from_db() or job.status == JobStatus.PROCESSING)

    runner = LaneRunner()
    try:
        runner.run(GIVE_UP_SECONDS)
    finally:
        runner.close()
    job.refresh_from_db()
    assert (job.status, job.sent) == (JobStatus.COMPLETED, 20)
    assert simulator.ledger()["accepted"] == 20
