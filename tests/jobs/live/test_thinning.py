"""How many events a job may send: the first hundred one by one, then four a second, and always the last."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from jobs.live.thinning import REFILL_PER_SECOND, thin
from jobs.models import EVENT_BURST


@dataclass(frozen=True)
class Told:
    kind: str
    number: int


def progress(*numbers):
    return [Told("progress", number) for number in numbers]


def error(*numbers):
    return [Told("error", number) for number in numbers]


def test_while_there_is_allowance_everything_goes_out_in_order():
    events = [*progress(1, 2), *error(3), *progress(4)]
    thinned = thin(events, [], 100.0, 0.0)
    assert (thinned.publish, thinned.held, thinned.allowance) == (events, [], 96.0)


def test_beyond_it_only_the_newest_of_each_kind_is_kept_for_later():
    thinned = thin([*progress(1, 2), *error(3), *progress(4)], [], 0.0, 0.0)
    assert thinned.publish == []
    assert set(thinned.held) == {*error(3), *progress(4)}


def test_what_was_held_back_goes_out_once_there_is_allowance():
    thinned = thin([], progress(4), 0.0, 0.25)
    assert (thinned.publish, thinned.held, thinned.allowance) == (progress(4), [], 0.0)


def test_what_was_held_back_gives_way_to_what_is_newer():
    assert thin(progress(5), progress(4), 0.0, 0.0).held == progress(5)


def test_the_allowance_refills_with_time_up_to_a_hundred():
    assert thin([], [], 10.0, 2.0).allowance == 10.0 + 2 * REFILL_PER_SECOND
    assert thin([], [], 10.0, 1e6).allowance == EVENT_BURST == 100
    assert thin([], [], 10.0, -5.0).allowance == 10.0  # a clock that was set back takes nothing away


def test_a_burst_larger_than_the_allowance_spends_it_all_and_ends_with_the_newest():
    thinned = thin(progress(*range(300)), [], 100.0, 0.0)
    assert thinned.publish == progress(*range(99), 299)
    assert (thinned.held, thinned.allowance) == ([], 0.0)


def test_the_last_ones_always_go_out():
    thinned = thin(progress(1, 2), error(0), 0.0, 0.0, last=True)
    assert set(thinned.publish) == {*error(0), *progress(2)}
    assert thinned.held == []


EVENTS = st.lists(st.sampled_from(["progress", "error"]), max_size=250)


@given(
    kinds=EVENTS,
    held=st.sampled_from(["", "progress", "error"]),
    allowance=st.floats(0, 100),
    elapsed=st.floats(0, 100),
    last=st.booleans(),
)
def test_nothing_is_said_twice_the_newest_of_each_kind_is_said_or_kept_and_the_allowance_holds(
    kinds, held, allowance, elapsed, last
):
    before = [Told(held, -1)] if held else []
    events = [Told(kind, number) for number, kind in enumerate(kinds)]
    thinned = thin(events, before, allowance, elapsed, last=last)

    told = [*thinned.publish, *thinned.held]
    assert len(set(told)) == len(told)
    newest = {event.kind: event for event in [*before, *events]}
    assert set(newest.values()) <= set(told)
    available = min(100.0, allowance + 4 * elapsed)
    assert 0.0 <= thinned.allowance <= available
    # One more than there is room for at most: two kinds where one may go.
    assert len(thinned.publish) <= (max(2, available) if last or available >= 1 else 0)
    assert len(thinned.held) <= 2
    if last:
        assert thinned.held == []


@given(st.lists(st.tuples(st.floats(0, 2), EVENTS), max_size=40))
def test_over_any_time_no_more_than_a_hundred_and_four_a_second(steps):
    allowance, held, published, elapsed = 100.0, [], 0, 0.0
    for number, (wait, kinds) in enumerate(steps):
        elapsed += wait
        fresh = [Told(kind, 1000 * number + index) for index, kind in enumerate(kinds)]
        thinned = thin(fresh, held, allowance, wait)
        allowance, held = thinned.allowance, thinned.held
        published += len(thinned.publish)
        assert published <= 100 + 4 * elapsed + number  # rounding: at most one a step
