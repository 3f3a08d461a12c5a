"""The arithmetic of paces."""

import pytest

from tests.bench.arrivals import longest_gap, most_in_a_minute, share_used, slowest_tenth

EVERY_FIVE = [float(moment) for moment in range(0, 200, 5)]


@pytest.mark.parametrize("begin", [20.0, 21.0, 23.7, 24.99])
def test_a_device_that_sends_in_time_uses_all_of_its_allowance_whenever_one_looks(begin: float) -> None:
    assert share_used(EVERY_FIVE, 5.0, begin, begin + 62) == pytest.approx(1)


def test_a_device_that_sends_every_second_time_uses_half() -> None:
    assert share_used(EVERY_FIVE[::2], 5.0, 20, 120) == pytest.approx(0.5)


def test_a_device_that_stops_is_credited_no_more_than_its_last_message() -> None:
    stopped = [moment for moment in EVERY_FIVE if moment <= 70]
    assert share_used(stopped, 5.0, 20, 120) == pytest.approx(0.55)
    assert share_used([], 5.0, 20, 120) == 0


def test_a_minute_holds_twelve_and_not_the_thirteenth() -> None:
    assert most_in_a_minute(EVERY_FIVE) == 12
    assert most_in_a_minute(sorted([*EVERY_FIVE, 42.0])) == 13
    assert most_in_a_minute([]) == 0


def test_a_gap_counts_from_the_message_before_and_while_it_lasts() -> None:
    assert longest_gap(EVERY_FIVE, 21, 60) == 5
    assert longest_gap([20.0, 31.0, 36.0], 24, 40) == 11
    assert longest_gap([20.0, 25.0], 24, 60) == 35


def test_the_slowest_tenth_is_a_mean() -> None:
    assert slowest_tenth([0.0, 0.5, *[1.0] * 18]) == 0.25
    assert slowest_tenth([0.5, 1.0]) == 0.5
