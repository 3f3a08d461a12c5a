"""The rule of receipts: whatever order they come in, how often and how many are lost, the end is the highest."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.gateway.base import Tick
from jobs.receipts.lifting import NOT_DELIVERED, NOT_NOW, News, Standing, lift, news, together
from jobs.states import RecipientState as State

START = datetime(2026, 1, 15, 20, tzinfo=UTC)


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def after(standing: Standing, *receipts: tuple[Tick, int]) -> Standing:
    for tick, seconds in receipts:
        standing = lift(standing, news(tick, at(seconds)))
    return standing


SENT = Standing(State.SENT)


def test_each_tick_is_kept_with_its_time() -> None:
    assert after(SENT, (Tick.ACCEPTED, 1), (Tick.DELIVERED, 2), (Tick.READ, 3), (Tick.PLAYED, 4)) == Standing(
        State.READ, delivered_at=at(2), read_at=at(3), played_at=at(4)
    )


def test_a_later_tick_implies_those_before_it() -> None:
    assert after(SENT, (Tick.PLAYED, 4)) == Standing(State.READ, delivered_at=at(4), read_at=at(4), played_at=at(4))


def test_what_whatsapps_server_has_is_on_no_phone_yet() -> None:
    assert after(SENT, (Tick.ACCEPTED, 1)) == SENT


def test_a_refusal_after_acceptance_fails() -> None:
    assert after(SENT, (Tick.REFUSED, 5)) == Standing(State.FAILED, NOT_DELIVERED, failed_after_at=at(5))


def test_a_delivery_lifts_a_refusal() -> None:
    assert after(SENT, (Tick.REFUSED, 5), (Tick.DELIVERED, 7)) == Standing(State.DELIVERED, delivered_at=at(7))


def test_a_refusal_after_a_delivery_is_nothing() -> None:
    delivered = after(SENT, (Tick.DELIVERED, 2))
    assert after(delivered, (Tick.REFUSED, 5)) == delivered


def test_whoever_may_have_it_from_an_earlier_try_is_unknown_and_not_failed() -> None:
    doubtful = Standing(State.SENT, is_in_doubt=True)
    assert after(doubtful, (Tick.REFUSED, 5)).state == State.UNKNOWN


@pytest.mark.parametrize("state", [State.AMBIGUOUS, State.UNKNOWN, State.FAILED, State.CANCELLED, State.SUPPRESSED])
def test_a_delivery_settles_whatever_was_thought(state: State) -> None:
    assert after(Standing(state, "ReadTimeout"), (Tick.DELIVERED, 3)) == Standing(State.DELIVERED, delivered_at=at(3))


@pytest.mark.parametrize("state", [State.AMBIGUOUS, State.UNKNOWN, State.FAILED, State.CANCELLED, State.SUPPRESSED])
def test_a_refusal_settles_nothing_that_was_not_sent(state: State) -> None:
    standing = Standing(state, "ReadTimeout")
    assert after(standing, (Tick.REFUSED, 3)) == standing


RECEIPTS = st.lists(st.tuples(st.sampled_from(Tick), st.integers(0, 1000)), max_size=12)
STANDINGS = st.builds(
    Standing,
    state=st.sampled_from(
        [state for state in State if state not in NOT_NOW and state not in {State.DELIVERED, State.READ}]
    ),
    is_in_doubt=st.booleans(),
)


@given(standing=STANDINGS, receipts=RECEIPTS, data=st.data())
def test_order_and_repetition_change_nothing(standing: Standing, receipts: list[tuple[Tick, int]], data) -> None:
    whole = after(standing, *receipts)
    shuffled = data.draw(st.permutations(receipts + receipts))
    assert after(standing, *shuffled) == whole
    folded = News()
    for tick, seconds in shuffled:
        folded = together(folded, news(tick, at(seconds)))
    assert lift(standing, folded) == whole


@given(standing=STANDINGS, receipts=RECEIPTS)
def test_the_end_says_what_was_said(standing: Standing, receipts: list[tuple[Tick, int]]) -> None:
    end = after(standing, *receipts)
    ticks = {tick for tick, _ in receipts}
    assert (end.state == State.READ) == bool(ticks & {Tick.READ, Tick.PLAYED})
    assert (end.delivered_at is not None) == bool(ticks & {Tick.DELIVERED, Tick.READ, Tick.PLAYED})
    assert (end.failed_after_at is not None) == (
        Tick.REFUSED in ticks and end.delivered_at is None and standing.state == State.SENT
    )
