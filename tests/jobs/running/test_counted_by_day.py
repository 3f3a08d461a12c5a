"""What a runner sends is counted for its devices, day by day."""

import pytest

from devices.models import DeviceDay
from jobs.running.lane_runner import LaneRunner
from tests.factories import make_account, make_device, make_job
from tests.simulator_process import Simulator
from tests.waiting import GIVE_UP_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_was_accepted_and_what_was_not(simulator: Simulator) -> None:
    account = make_account()
    device, idle = make_device(account, simulator.url), make_device(account, simulator.url, instance_name="demo-2")
    simulator.faults({"not-on-whatsapp": {"rate": 1, "times": 2}})
    make_job(account, 20, (device,))
    runner = LaneRunner()
    try:
        runner.run(GIVE_UP_SECONDS)
    finally:
        runner.close()
    row = DeviceDay.objects.get()
    assert (row.device_id, row.accepted, row.failed) == (device.pk, 18, 2)
    assert row.last_accepted_at is not None
    assert not DeviceDay.objects.filter(device=idle).exists()
