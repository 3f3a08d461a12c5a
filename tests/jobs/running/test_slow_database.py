"""A database that takes its time costs a paced device none of its slots."""

import time

import pytest

from jobs.running.lane_runner import LaneRunner
from jobs.running.settlement import Order, Settled, Settlement
from tests.factories import make_account, make_device, make_job
from tests.simulator_process import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_allowance_is_used_though_each_order_takes_half_a_second(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = Settlement.settle

    def settle_slowly(self: Settlement, order: Order) -> Settled:
        time.sleep(0.5)
        return settle(self, order)

    monkeypatch.setattr(Settlement, "settle", settle_slowly)
    account = make_account()
    device = make_device(account, simulator.url, messages_per_minute=480, max_in_flight=16)
    make_job(account, 200, (device,))
    runner = LaneRunner()
    runner.run(7)
    runner.close()
    # The first orders open the device and learn how long they take.
    times = [moment for moment in simulator.timeline("demo-1") if moment > simulator.timeline("demo-1")[0] + 1]
    assert len(times) >= 0.9 * 8 * (times[-1] - times[0])
