"""What an answer of the gateway means for a recipient. Pure: no database, no network."""

from typing import NamedTuple

from devices.gateway.base import (
    Acceptance,
    DeviceUnavailable,
    Media,
    NotSent,
    OutcomeUnknown,
    Rejected,
    Scope,
    SendError,
)
from jobs.states import RecipientState

MAX_TRIES = 3
# Who was tried so often, whatever it was called, is spared no more: else three numbers that no gateway can look up
# would keep their devices out for ever, and their job from its end.
MOST_SPARED = 10
UNRECORDABLE = "unrecordable"  # the database refused what the gateway had said
# A claim whose request has not begun by then (the process was frozen) is given back instead of written: whoever judges
# it in doubt may rely on nothing being written later.
NOT_BEGUN_AFTER_SECONDS = 5.0
BACK_OFF_SECONDS = (5.0, 30.0)  # after the first and the second try proven not to have been sent


class Claim(NamedTuple):
    """A recipient that is ours to send now: its row says `sending`, and that is committed."""

    recipient_id: int
    job_id: int
    device_id: int
    phone: str
    text: str
    media: Media | None
    tries_left: int  # this one included
    chunk_id: int | None  # None: a retry, found by its due time
    is_in_doubt: bool = False  # an earlier try may have gone out
    tries: int = 1  # so far, this one included
    is_stranger: bool = False  # counts for its device's day
    is_limited: bool = False  # was noted as written to: `rules.often`


class Outcome(NamedTuple):
    """What becomes of a claimed recipient. `due_in_seconds`: when to retry it or to look it up."""

    claim: Claim
    state: RecipientState
    error_code: str = ""
    gateway_message_id: str = ""
    due_in_seconds: float | None = None
    proven_unsent: bool = False
    risk_accepted: bool = False  # to be tried again without proof that it was not sent
    tries_spent: int = 0


def accepted(claim: Claim, acceptance: Acceptance) -> Outcome:
    return Outcome(claim, RecipientState.SENT, gateway_message_id=acceptance.gateway_message_id)


def refused(claim: Claim, error: SendError, quiet_seconds: float, *, is_burst: bool = False) -> Outcome:
    """Decide by the one question that matters: was it sent? (engine: the table of answers)

    `is_burst`: the device's last answers were the same, or it is back from such trouble on trial. What is not this
    recipient's trouble costs it no try, as long as that can be believed.
    """
    match error:
        case Rejected():
            return _given_up(claim, error, tries_spent=0)
        case DeviceUnavailable():
            # Not this recipient's fault: it costs none of its tries, and another device may take it at once.
            return Outcome(claim, RecipientState.QUEUED, error.code, due_in_seconds=1.0, proven_unsent=True)
        case NotSent() if error.scope is not Scope.RECIPIENT or (is_burst and claim.tries <= MOST_SPARED):
            # The device's pace waits as long as its gateway asks; another device may take this one at once.
            return Outcome(claim, RecipientState.QUEUED, error.code, due_in_seconds=1.0, proven_unsent=True)
        case NotSent():
            if claim.tries_left <= 1:
                return _given_up(claim, error, tries_spent=1)
            wait = BACK_OFF_SECONDS[min(MAX_TRIES - claim.tries_left, len(BACK_OFF_SECONDS) - 1)]
            if error.retry_after is not None:
                wait = max(wait, error.retry_after.total_seconds())
            return Outcome(
                claim, RecipientState.QUEUED, error.code, due_in_seconds=wait, proven_unsent=True, tries_spent=1
            )
        case OutcomeUnknown():
            return Outcome(claim, RecipientState.AMBIGUOUS, error.code, due_in_seconds=quiet_seconds)
        case _:
            raise TypeError(f"unknown kind of send error: {error!r}")


def _given_up(claim: Claim, error: SendError, tries_spent: int) -> Outcome:
    """The last try did not go out. Where an earlier one may have, the gateway is asked once more."""
    if claim.is_in_doubt:
        return Outcome(
            claim,
            RecipientState.AMBIGUOUS,
            error.code,
            due_in_seconds=0.0,
            proven_unsent=True,
            tries_spent=claim.tries_left,
        )
    return Outcome(claim, RecipientState.FAILED, error.code, proven_unsent=True, tries_spent=tries_spent)


def unsendable(claim: Claim, code: str = "invalid_content") -> Outcome:
    """Give up one that we cannot even put into words for its gateway; nothing of it was written."""
    return _given_up(claim, Rejected(code), tries_spent=0)


def not_written(claim: Claim, code: str) -> Outcome:
    """Give back a claim whose request was never begun."""
    return Outcome(claim, RecipientState.QUEUED, code, due_in_seconds=0.0, proven_unsent=True)
