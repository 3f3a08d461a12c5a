"""What an answer means for the recipient: the engine's table, line by line."""

from datetime import timedelta

import pytest

from devices.gateway.base import (
    Acceptance,
    DeviceUnavailable,
    NotSent,
    OutcomeUnknown,
    Rejected,
    SendError,
)
from jobs.sending.outcomes import BACK_OFF_SECONDS, MAX_TRIES, Claim, accepted, not_written, refused
from jobs.states import RECIPIENT_MOVES, RecipientState


def claim(tries_left=MAX_TRIES):
    return Claim(1, 2, 3, "+51900000000", "hola", None, tries_left, None)


def outcome_of(error, tries_left=MAX_TRIES):
    return refused(claim(tries_left), error, quiet_seconds=120)


def test_an_accepted_message_is_sent_and_keeps_its_id():
    outcome = accepted(claim(), Acceptance("3EB0"))
    assert (outcome.state, outcome.gateway_message_id, outcome.error_code) == ("sent", "3EB0", "")
    assert (outcome.due_in_seconds, outcome.proven_unsent, outcome.tries_spent) == (None, False, 0)


@pytest.mark.parametrize("tries_left", [1, 2, 3])
def test_a_wrong_number_or_content_fails_for_good(tries_left):
    outcome = outcome_of(Rejected("not_on_whatsapp"), tries_left)
    assert (outcome.state, outcome.error_code, outcome.due_in_seconds) == ("failed", "not_on_whatsapp", None)
    assert outcome.proven_unsent


@pytest.mark.parametrize("tries_left", [1, 2, 3])
def test_a_devices_trouble_costs_no_try_and_does_not_wait_for_that_device(tries_left):
    outcome = outcome_of(DeviceUnavailable("connection_closed"), tries_left)
    assert (outcome.state, outcome.error_code) == ("queued", "connection_closed")
    assert outcome.due_in_seconds is not None
    assert outcome.due_in_seconds <= 1
    assert (outcome.proven_unsent, outcome.tries_spent) == (True, 0)


@pytest.mark.parametrize(("tries_left", "wait"), [(3, BACK_OFF_SECONDS[0]), (2, BACK_OFF_SECONDS[1])])
def test_what_was_not_sent_is_tried_again_later_and_later(tries_left, wait):
    outcome = outcome_of(NotSent("ConnectTimeout"), tries_left)
    assert (outcome.state, outcome.error_code, outcome.due_in_seconds) == ("queued", "ConnectTimeout", wait)
    assert (outcome.proven_unsent, outcome.tries_spent) == (True, 1)


def test_after_the_last_try_it_has_failed():
    outcome = outcome_of(NotSent("ConnectTimeout"), tries_left=1)
    assert (outcome.state, outcome.error_code, outcome.due_in_seconds) == ("failed", "ConnectTimeout", None)
    assert outcome.proven_unsent


@pytest.mark.parametrize("tries_left", [1, 2, 3])
def test_one_whose_earlier_try_may_have_gone_out_has_not_failed_yet(tries_left):
    """The gateway is asked once more, about every try; after that nothing is tried again."""
    in_doubt = claim(tries_left)._replace(is_in_doubt=True)
    errors = [Rejected("not_on_whatsapp")] + ([NotSent("DNSError")] if tries_left == 1 else [])
    for error in errors:
        outcome = refused(in_doubt, error, quiet_seconds=120)
        assert (outcome.state, outcome.error_code, outcome.due_in_seconds) == ("ambiguous", error.code, 0.0)
        assert (outcome.proven_unsent, outcome.tries_spent) == (True, tries_left)


def test_who_is_part_of_a_burst_is_spared_until_that_cannot_be_believed_any_more():
    """Else three numbers that no gateway can look up would hold their devices and their job for ever."""
    error = NotSent("number_look_up_failed")
    spent = [refused(claim(3)._replace(tries=tries), error, 120, is_burst=True).tries_spent for tries in (1, 10, 11)]
    assert spent == [0, 0, 1]
    last = refused(claim(1)._replace(tries=13), error, 120, is_burst=True)
    assert (last.state, last.error_code) == ("failed", "number_look_up_failed")
    # What is said of a device costs nobody a try, however often.
    assert refused(claim(3)._replace(tries=99), DeviceUnavailable("connection_closed"), 120).tries_spent == 0


def test_three_tries_in_all():
    assert MAX_TRIES == 3
    left, tried = MAX_TRIES, 0
    while True:
        outcome = outcome_of(NotSent("DNSError"), left)
        left, tried = left - outcome.tries_spent, tried + 1
        if outcome.state == RecipientState.FAILED:
            break
    assert tried == 3


def test_a_gateway_that_asks_for_a_longer_wait_gets_it_and_a_shorter_one_does_not_count():
    assert outcome_of(NotSent("rate_limited", timedelta(seconds=600))).due_in_seconds == 600
    assert outcome_of(NotSent("rate_limited", timedelta(seconds=1))).due_in_seconds == BACK_OFF_SECONDS[0]


@pytest.mark.parametrize("tries_left", [1, 2, 3])
def test_what_may_have_been_sent_is_in_doubt_until_it_was_looked_up(tries_left):
    outcome = outcome_of(OutcomeUnknown("ReadTimeout"), tries_left)
    assert (outcome.state, outcome.error_code, outcome.due_in_seconds) == ("ambiguous", "ReadTimeout", 120)
    assert (outcome.proven_unsent, outcome.tries_spent) == (False, 0)


def test_a_request_that_was_never_begun_goes_back_at_no_cost():
    outcome = not_written(claim(tries_left=1), "stalled")
    assert (outcome.state, outcome.due_in_seconds) == ("queued", 0.0)
    assert (outcome.proven_unsent, outcome.tries_spent) == (True, 0)


def test_an_error_of_a_new_kind_is_not_guessed_at():
    with pytest.raises(TypeError):
        outcome_of(SendError("something"))


@pytest.mark.parametrize(
    "error", [Rejected("x"), DeviceUnavailable("x"), NotSent("x"), OutcomeUnknown("x")], ids=lambda e: type(e).__name__
)
@pytest.mark.parametrize("tries_left", [0, 1, 2, 3])
def test_every_outcome_is_a_move_the_states_allow(error, tries_left):
    outcome = outcome_of(error, tries_left)
    assert outcome.state in RECIPIENT_MOVES[RecipientState.SENDING]
    # Whoever waits has a time at which somebody comes back to it.
    assert (outcome.due_in_seconds is not None) == (outcome.state in {"queued", "ambiguous"})
