"""How many a lane claims before their turn: none where the gateway is slower than the database."""

import dataclasses
import math

import pytest

from devices.egress import CheckedAddress
from devices.gateway.evolution import EvolutionGateway
from devices.lane.limits import Limits
from devices.lane.pacing import Pace
from jobs.running.lane_runner import LaneRunner
from jobs.running.lanes import Lane
from jobs.running.settlement import Order
from jobs.sending.outcomes import Claim
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
    )


def answering_in(seconds, **limits):
    """A lane of a gateway that has accepted a message just now, after so long."""
    fast = lane(**limits)
    fast.note_accepted(11.0 - seconds, 11.0)
    return fast


@pytest.mark.parametrize(
    ("answer_seconds", "order_seconds", "room"),
    [
        (0.2, 0.005, 64),  # what is answered meanwhile is less than the window
        (0.05, 0.005, 64),
        (0.0064, 0.004, 160),  # 10,000 a second: 160 while the database is asked four times
        (0.0064, 0.5, 1000),  # a slow database: no more than are sent in 100 ms
    ],
)
def test_claims_are_ahead_of_their_turn_only_where_the_gateway_is_faster_than_the_database(
    answer_seconds, order_seconds, room
):
    busy = answering_in(answer_seconds)

    busy.look_ahead(order_seconds, 11.0)

    assert busy.room(11.0) == room


def test_a_lane_that_waits_for_orders_is_given_more_by_how_fast_its_gateway_answers():
    waiting = answering_in(0.002, max_in_flight=1)

    waiting.look_ahead(0.02, 11.02)  # one message for each order: 50 a second

    assert waiting.room(11.02) == pytest.approx(40, abs=1)


def test_of_a_gateway_nothing_is_known_of_no_more_are_claimed_than_its_window():
    new = lane()

    new.look_ahead(0.004, 11.0)

    assert new.room(11.0) == 64


def test_a_gateway_that_falls_silent_is_given_no_more_than_its_window():
    busy = answering_in(0.0064)
    busy.in_flight = 64

    busy.look_ahead(0.004, 11.0)
    assert busy.room(11.0) == 96

    busy.look_ahead(0.004, 11.1)
    assert busy.room(11.1) == 0


def test_the_newest_answers_weigh_most():
    busy = answering_in(0.001)
    for _ in range(50):
        busy.note_accepted(10.8, 11.0)

    assert busy.answer_seconds == pytest.approx(0.2, rel=0.01)


def test_a_limited_device_claims_by_its_slots():
    busy = answering_in(0.0064, messages_per_minute=12)

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
    transport = runner._network.transport
    pump = transport.pump
    monkeypatch.setattr(transport, "pump", lambda wait: (seen.add(len(transport)), pump(wait))[1])
    try:
        runner.run(GIVE_UP_SECONDS)
    finally:
        runner.close()

    job.refresh_from_db()
    assert job.sent == 500
    assert max(seen) == 8


def claim():
    return Claim(1, 2, 1, "+51900000000", "hola", None, 3, None)


def test_slow_lanes_use_their_slots_at_the_same_moments_and_brisk_ones_each_its_own():
    slow, brisk = lane(1, messages_per_minute=12), lane(1, messages_per_minute=600)
    for one in (slow, brisk):
        one.pace.next_slot = 20.06
        one.accept(claim(), 20.0, 20.0)
    assert slow.ready[0].at == 20.25
    assert brisk.ready[0].at == 20.06
    assert slow.pace.next_slot == pytest.approx(20.06 + 5.05)  # which puts off nothing


def test_a_lane_says_when_it_may_claim_and_when_it_is_to_write():
    slow = lane(1, messages_per_minute=12)
    slow.pace.next_slot = 20.0
    assert (slow.claims_from, slow.writes_from) == (20.0 - slow.pace.horizon, math.inf)
    slow.accept(claim(), 19.9, 19.9)
    assert (slow.claims_from, slow.writes_from) == (math.inf, 20.0)  # its window is full
    slow.ready.popleft()
    slow.in_flight = 1
    assert (slow.claims_from, slow.writes_from) == (math.inf, math.inf)  # an answer is next
    slow.in_flight = 0
    slow.is_closing = True
    assert slow.claims_from == math.inf


def test_what_connects_otherwise_by_now_is_taken_anew():
    mine = lane()
    mine.connects_to = "a mark"
    same = Limits(True, None, 0, 64, None, "a mark", is_on_trial=False)
    mine.limit(same, 1.0)
    assert not mine.is_closing
    mine.limit(dataclasses.replace(same, connects_to="another"), 1.0)
    assert mine.is_closing


@pytest.mark.parametrize(("awaits_receipt", "rests"), [(False, 3600.0), (True, 15.0)])
def test_who_has_sent_all_it_may_rests_until_midnight_and_on_trial_for_moments(awaits_receipt, rests):
    spent = lane()
    spent.midnight = 3601.0
    spent.limit(Limits(True, None, 0, 64, 0, "", is_on_trial=False, awaits_receipt=awaits_receipt), 1.0)
    assert spent.is_closing
    assert spent.pace.next_slot == pytest.approx(1.0 + rests)


@pytest.mark.parametrize(
    ("seconds", "wanted", "before", "after"),
    [(0.1, 100, 1024, 1024), (1.5, 800, 1024, 400), (1.5, 20, 32, 16), (0.1, 16, 16, 32), (0.7, 16, 64, 64)],
)
def test_an_order_claims_no_more_than_can_be_begun_in_time(seconds, wanted, before, after):
    runner = LaneRunner()
    try:
        runner._most_claims = before
        runner._order = Order(wanted={1: wanted})
        runner._fit_orders(seconds)
        assert runner._most_claims == after
    finally:
        runner.close()


def test_who_was_claimed_before_its_device_was_locked_goes_back_and_who_is_claimed_after_is_sent():
    runner = LaneRunner()
    locked = runner._lanes[1] = lane(max_in_flight=1, messages_per_minute=60)
    claims = [Claim(pk, 1, 1, "+51987654321", "Hola", None, 3, None) for pk in (1, 2, 3)]
    for claim in claims[:2]:
        locked.accept(claim, 0.0, 0.0)
        runner._network.lined_up += 1
    runner._lock(locked, is_locked=True)
    given_back = [(outcome.claim, outcome.state, outcome.proven_unsent) for outcome in runner._network.outcomes]
    assert given_back == [(claim, "queued", True) for claim in claims[:2]]
    assert (len(locked.ready), runner._network.lined_up, locked.is_closing) == (0, 0, False)
    locked.accept(claims[2], 0.0, 0.0)
    runner._lock(locked, is_locked=True)
    assert [ready.claim for ready in locked.ready] == [claims[2]]
    runner._lock(locked, is_locked=False)
    assert not locked.is_locked
    runner.close()


def test_one_that_has_looked_for_people_it_knows_rests_and_one_that_still_looks_does_not():
    busy, resting, looking = lane(), lane(), lane()
    busy.in_flight = 1
    for one, seconds in ((busy, 20.0), (resting, 20.0), (looking, 0.0)):
        one.rest_if_nobody_is_known(seconds, 5.0)
    assert [one.is_closing for one in (busy, resting, looking)] == [False, True, False]
    assert resting.pace.next_slot == 25.0
