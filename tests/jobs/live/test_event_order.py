"""A watcher sees a job's events in the order of their numbers, whoever published them first."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from jobs.live.event_order import PATIENCE_SECONDS, EventOrder


def event(seq):
    return {"type": "progress", "seq": seq}


def seqs(events):
    return [event["seq"] for event in events]


def test_events_in_order_pass_at_once():
    order = EventOrder(10)
    assert [seqs(order.take(event(seq), 0.0)) for seq in (11, 12, 13)] == [[11], [12], [13]]
    assert not order.is_waiting


def test_one_that_came_early_waits_for_those_before_it():
    order = EventOrder(10)
    assert order.take(event(13), 0.0) == []
    assert order.take(event(12), 0.0) == []
    assert order.is_waiting
    assert seqs(order.take(event(11), 0.1)) == [11, 12, 13]
    assert not order.is_waiting


def test_what_the_snapshot_told_is_not_said_again():
    order = EventOrder(10)
    assert order.take(event(10), 0.0) == []
    assert order.take(event(3), 0.0) == []
    assert not order.is_waiting


def test_a_double_is_said_once():
    order = EventOrder(10)
    order.take(event(12), 0.0)
    order.take(event(12), 0.0)
    assert seqs(order.take(event(11), 0.0)) == [11, 12]
    assert order.take(event(11), 0.0) == []
    assert order.take(event(12), 0.0) == []


def test_a_lost_event_is_waited_for_and_then_leaves_a_gap():
    order = EventOrder(10)
    order.take(event(12), 0.0)
    assert order.give_up(PATIENCE_SECONDS - 0.01) == []
    assert seqs(order.give_up(PATIENCE_SECONDS + 0.01)) == [12]
    assert not order.is_waiting
    # The client has seen the gap and asked for a snapshot: too late now.
    assert order.take(event(11), 1.0) == []
    assert seqs(order.take(event(13), 1.0)) == [13]


def test_each_gap_gets_its_own_time():
    order = EventOrder(10)
    order.take(event(12), 0.0)
    assert seqs(order.take(event(11), 0.2)) == [11, 12]
    order.take(event(14), 0.3)
    assert order.give_up(0.3 + PATIENCE_SECONDS - 0.01) == []
    assert seqs(order.give_up(0.3 + PATIENCE_SECONDS + 0.01)) == [14]


def test_an_event_that_fills_one_gap_starts_the_time_of_the_next():
    order = EventOrder(10)
    order.take(event(12), 0.0)
    order.take(event(14), 0.1)
    assert seqs(order.take(event(11), 0.2)) == [11, 12]
    assert order.give_up(0.2 + PATIENCE_SECONDS - 0.01) == []
    assert seqs(order.give_up(0.2 + PATIENCE_SECONDS + 0.01)) == [14]


def test_after_a_snapshot_it_goes_on_from_there():
    order = EventOrder(10)
    order.take(event(15), 0.0)
    order.restart(14)
    assert seqs(order.take(event(16), 0.1)) == [15, 16]


def test_a_snapshot_that_is_older_than_what_was_said_takes_nothing_back():
    order = EventOrder(10)
    order.take(event(11), 0.0)
    order.restart(10)
    assert order.take(event(11), 0.0) == []


@given(data=st.data(), last=st.integers(1, 30))
def test_any_order_without_loss_comes_out_complete_and_in_order(data, last):
    arriving = data.draw(st.permutations(range(1, last + 1)))
    doubled = data.draw(st.lists(st.sampled_from(arriving), max_size=5))
    order = EventOrder(0)
    said = [seq for arrived in [*arriving, *doubled] for seq in seqs(order.take(event(arrived), 0.0))]
    assert said == list(range(1, last + 1))


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("take"), st.integers(1, 40)),
            st.tuples(st.just("wait"), st.integers(1, 4)),
        ),
        max_size=60,
    )
)
def test_numbers_never_fall_and_nothing_is_held_for_ever(steps):
    order, now, said = EventOrder(0), 0.0, [0]
    for step, value in steps:
        if step == "take":
            said += seqs(order.take(event(value), now))
        else:
            now += value * 0.1
            said += seqs(order.give_up(now))
        assert all(earlier < later for earlier, later in pairwise(said))
    now += PATIENCE_SECONDS + 0.01
    said += seqs(order.give_up(now))
    assert not order.is_waiting
