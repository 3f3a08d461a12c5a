"""How often a device may send: never above its limit in any minute, and nearly all of it while work waits."""

from bisect import bisect_left
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devices.lane.pacing import GRACE_SECONDS, HORIZON_SECONDS, Pace, daily_allowance

LIMITS = st.sampled_from([1, 2, 7, 12, 60, 100, 101, 172, 242, 243, 300, 600, 1201, 3000])


def drive(pace, seconds, stalls=(), in_flight=256):
    """Send all that may be sent, as the engine's loop does; return when each message was written.

    A stall is (when it begins, how long it lasts): the process does nothing meanwhile, and what it had lined
    up goes out all at once afterwards.
    """
    pending = sorted(stalls)
    written, ready = [], []
    now = 0.0
    while now < seconds:
        while ready and ready[0] <= now:
            ready.pop(0)
            pace.used(now)
            written.append(now)
        allowed = pace.slots(now)
        room = min(in_flight - len(ready), allowed if allowed is not None else in_flight)
        ready += [pace.take(now) for _ in range(room)]
        now = max(now + 1e-6, min(ready[0] if ready else seconds, max(now, pace.next_slot - HORIZON_SECONDS)))
        while pending and pending[0][0] <= now:
            now += pending.pop(0)[1]
    return written


def most_in_a_minute(written):
    """The largest number of messages in any sliding minute: [t, t + 60)."""
    return max((bisect_left(written, start + 60) - index for index, start in enumerate(written)), default=0)


@settings(max_examples=150)
@given(
    limit=LIMITS,
    stalls=st.lists(st.tuples(st.floats(0, 150), st.sampled_from([0.01, 0.1, 0.26, 1.0, 4.9, 30.0])), max_size=12),
)
@example(limit=243, stalls=[(10.0, 0.26), (20.0, 0.26), (40.0, 0.26), (65.0, 0.26)])
@example(limit=12, stalls=[(4.9, 4.9), (30.0, 4.9)])
def test_no_minute_holds_more_than_the_limit_whatever_stalls(limit, stalls):
    assert most_in_a_minute(drive(Pace(limit), 150, stalls)) <= limit


@pytest.mark.parametrize("limit", [1, 12, 60, 243, 600, 3000])
def test_nearly_all_of_the_limit_is_used_while_work_waits(limit):
    minutes = 5 if limit < 600 else 2
    written = drive(Pace(limit), minutes * 60)
    assert len(written) >= 0.95 * limit * minutes
    assert most_in_a_minute(written) <= limit


@settings(max_examples=50)
@given(limit=LIMITS, stalls=st.lists(st.tuples(st.floats(0, 100), st.floats(0.05, 3.0)), max_size=5))
def test_a_stall_costs_its_own_time_and_no_more(limit, stalls):
    written = drive(Pace(limit), 120, stalls)
    lost = sum(length for _, length in stalls)
    assert len(written) >= 0.95 * limit / 60 * (120 - lost) - len(stalls) - 1


def test_the_default_is_one_each_five_seconds():
    written = drive(Pace(12), 60)
    assert all(5.0 <= later - earlier < 5.1 for earlier, later in pairwise(written))
    assert len(written) == 12


def test_no_limit_means_any_number_at_once():
    pace = Pace(None)
    assert pace.slots(0.0) is None
    assert [pace.take(5.0) for _ in range(3)] == [5.0, 5.0, 5.0]


def test_a_stall_is_not_caught_up():
    pace = Pace(60)
    pace.take(0.0)
    assert pace.slots(100.0) == 1  # not a hundred
    assert pace.take(100.0) == 100.0
    assert pace.slots(100.0) == 0


def test_a_slot_used_late_moves_the_next_one():
    pace = Pace(60)
    slot = pace.take(0.0)
    pace.used(slot + 3)
    assert pace.take(0.0) >= slot + 3 + 1


def test_slots_are_counted_only_as_far_as_the_horizon():
    pace = Pace(600)
    assert pace.slots(0.0) == 1 + int(HORIZON_SECONDS / pace.interval)
    pace.next_slot = 10.0
    assert pace.slots(10.0 - HORIZON_SECONDS - 0.01) == 0
    assert pace.slots(10.0 - HORIZON_SECONDS + 0.01) == 1


@pytest.mark.parametrize("limit", [None, 60])
def test_a_gateways_wait_is_kept_and_never_shortened(limit):
    pace = Pace(limit)
    pace.wait(30, now=0.0)
    pace.wait(5, now=1.0)
    assert pace.slots(29.0) == 0
    assert pace.slots(30.0) in {None, 1}


def test_jitter_only_ever_waits_longer():
    written = drive(Pace(60, jitter_percent=50), 300)
    waits = [later - earlier for earlier, later in pairwise(written)]
    assert all(1.0 <= wait <= 1.55 for wait in waits)
    assert max(waits) - min(waits) > 0.3  # it does not tick like a clock
    assert 300 / len(written) == pytest.approx(1.01 * 1.25, rel=0.05)


# --- How many a day ---------------------------------------------------------------------------------------------

TODAY = date(2026, 1, 15)


def test_without_limit_and_warm_up_any_number_a_day():
    assert daily_allowance(None, None, TODAY) is None
    assert daily_allowance(300, None, TODAY) == 300


@pytest.mark.parametrize(("day", "allowed"), [(0, 20), (1, 30), (2, 45), (3, 67), (13, 3892), (14, None), (400, None)])
def test_a_new_number_begins_with_twenty_and_sends_half_as_many_again_each_day(day, allowed):
    assert daily_allowance(None, TODAY - timedelta(days=day), TODAY) == allowed


def test_the_lower_of_limit_and_warm_up_holds():
    assert daily_allowance(25, TODAY, TODAY) == 20
    assert daily_allowance(25, TODAY - timedelta(days=2), TODAY) == 25
    assert daily_allowance(25, TODAY - timedelta(days=20), TODAY) == 25


def test_a_warm_up_that_begins_tomorrow_has_begun():
    assert daily_allowance(None, TODAY + timedelta(days=1), TODAY) == 20


@settings(deadline=None)
@given(LIMITS.filter(lambda limit: limit <= 240), st.lists(st.floats(0.0, 3.0), min_size=1, max_size=8))
def test_slots_that_are_used_a_little_late_put_off_nothing_and_no_minute_holds_one_too_many(limit, lateness):
    pace, written, now = Pace(limit), [], 0.0
    for number in range(3 * limit + 3):
        now = pace.take(now) + lateness[number % len(lateness)]
        pace.used(now, GRACE_SECONDS)
        written.append(now)
    assert all(later - earlier >= 60 for earlier, later in zip(written, written[limit:], strict=False))
    if max(lateness) <= GRACE_SECONDS:
        assert written[-1] - written[0] <= (len(written) - 1) * pace.interval + max(lateness) + 1e-6
