"""How many a lane claims before their turn: none where the gateway is slower than the database."""

import pytest

from devices.egress import CheckedAddress
from devices.gateway.evolution import EvolutionGateway
from devices.lane.pacing import Pace
from jobs.running.lane_runner import LaneRunner
from jobs.running.lanes import Lane
from tests.factories import make_account, make_device, make_job
from tests.simulator_process import Simulator
from tests.waiting import GIVE_UP_SECONDS


def lane(max_in_flight=64, messages_per_minute=None):
    return Lane(
        device_id=1,
        token=1,
        gateway=EvolutionGateway("http://127.0.0.1", "one", "secret"),
        address=CheckedAddress("http", "127.0.0.1", 80, "127.0.0.1"),
        pace=Pace(messages_per_minute),
        max_in_flight=max_in_flight,
        counted_since=10.0,
    )


@pytest.mark.parametrize(
    ("accepted", "order_seconds", "room"),
    [
        (320, 0.005, 64),  # 64 at 200 ms: what is answered meanwhile is less than the window
        (1280, 0.005, 64),  # at 50 ms
        (10_000, 0.004, 160),  # 10,000 a second: 160 while the database is asked four times
        (10_000, 0.5, 200),  # a slow database: no more than are sent in 20 ms
        (0, 0.004, 64),
    ],
)
def test_claims_are_ahead_of_their_turn_only_where_the_gateway_is_faster_than_the_database(
    accepted, order_seconds, room
):
    busy = lane()
    busy.accepted = accepted

    busy.look_ahead(order_seconds, 11.0)

    assert busy.room(11.0) == room


def test_a_gateway_that_accepts_no_more_is_given_no_more_than_its_window():
    busy = lane()
    busy.accepted = 10_000
    busy.look_ahead(0.004, 11.0)

    busy.look_ahead(0.004, 11.1)

    assert busy.room(11.1) == 64


def test_a_limited_device_claims_by_its_slots():
    busy = lane(messages_per_minute=12)
    busy.accepted = 10_000

    busy.look_ahead(0.004, 11.0)

    assert busy.room(11.0) == 1


@pytest.mark.django_db(transaction=True)
def test_no_more_requests_than_the_device_allows_are_under_way_whatever_was_claimed(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lane, "look_ahead", lambda lane, _seconds, _now: setattr(lane, "ahead", 40))
    account = make_account()
    device = make_device(account, simulator.url, max_in_flight=8)
    job = make_job(account, 500, (device,))
    runner = LaneRunner()
    seen = set()
    pump = runner._transport.pump
    monkeypatch.setattr(runner._transport, "pump", lambda wait: (seen.add(len(runner._transport)), pump(wait))[1])
    try:
        runner.run(GIVE_UP_SECONDS)
    finally:
        runner.close()

    job.refresh_from_db()
    assert job.sent == 500
    assert max(seen) == 8
