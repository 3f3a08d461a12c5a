"""What an answer means, and when an event is told again."""

from datetime import UTC, datetime, timedelta

import pytest

from devices.endpoints import outcomes
from devices.gateway.base import WireFailure, WireResponse

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_success(status: int) -> None:
    assert outcomes.read(WireResponse(status, b"")).is_delivered


@pytest.mark.parametrize("status", [199, 301, 302, 307, 400, 401, 404, 410, 429, 500, 503])
def test_nothing_else_is(status: int) -> None:
    outcome = outcomes.read(WireResponse(status, b"no"))
    assert (outcome.is_delivered, outcome.status, outcome.answer) == (False, status, "no")
    assert outcome.is_gone is (status == 410)


def test_no_answer_says_why() -> None:
    outcome = outcomes.read(WireFailure("ReadTimeout", nothing_written=False))
    assert (outcome.is_delivered, outcome.status, outcome.error) == (False, None, "ReadTimeout")


def test_an_answer_is_kept_as_far_as_a_kilobyte_and_can_be_stored() -> None:
    outcome = outcomes.read(WireResponse(500, b"\x00\xff" + b"a" * 5000))
    assert len(outcome.answer) == outcomes.ANSWER_BYTES
    assert "\x00" not in outcome.answer


def test_an_event_is_tried_ten_times_within_75_hours() -> None:
    total = timedelta()
    for tries in range(1, outcomes.MOST_TRIES):
        at = outcomes.next_try(tries, NOW)
        assert at is not None
        wait = outcomes.WAITS[tries - 1]
        assert 0.8 * wait <= at - NOW <= 1.2 * wait
        total += wait
    assert outcomes.MOST_TRIES == 10
    assert timedelta(hours=75) < total < timedelta(hours=76)
    assert outcomes.next_try(outcomes.MOST_TRIES, NOW) is None


def test_an_endpoint_that_fails_is_left_alone_for_ever_longer_and_as_long_as_it_asks() -> None:
    waits = [outcomes.pause(failures, timedelta(), NOW) - NOW for failures in range(1, 10)]
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(minutes=1)
    asked = outcomes.read(WireResponse(429, b"", {"retry-after": "120"})).asked_to_wait
    assert outcomes.pause(1, asked, NOW) == NOW + timedelta(minutes=2)
    assert outcomes.read(WireResponse(503, b"", {"retry-after": "999999999"})).asked_to_wait == timedelta(hours=24)
    for nonsense in ("-5", "soon", "9" * 50, ""):
        assert outcomes.read(WireResponse(503, b"", {"retry-after": nonsense})).asked_to_wait == timedelta()


def test_one_that_says_gone_is_switched_off_at_once_and_one_that_fails_after_five_days() -> None:
    gone, broken = outcomes.read(WireResponse(410, b"")), outcomes.read(WireResponse(500, b""))
    assert outcomes.why_off(gone, NOW, NOW) == outcomes.GONE
    assert outcomes.why_off(broken, NOW - timedelta(days=4, hours=23), NOW) == ""
    assert outcomes.why_off(broken, NOW - timedelta(days=5), NOW) == outcomes.FAILING
