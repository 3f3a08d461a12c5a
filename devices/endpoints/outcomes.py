"""What an endpoint's answer means, and when it is called again. Pure: Standard Webhooks 1.0.0, its schedule and jitter.

An event is tried ten times within some 75 hours. An endpoint that fails is besides left alone for a while, with
whatever else waits for it, and called with one event at a time until it takes one; after five days it is switched off.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from devices.gateway.base import WireFailure, WireResponse

_SECOND, _MINUTE, _HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
# After each try that failed; after the last of them it is given up.
WAITS: Final = (
    5 * _SECOND,
    5 * _MINUTE,
    30 * _MINUTE,
    2 * _HOUR,
    5 * _HOUR,
    10 * _HOUR,
    14 * _HOUR,
    20 * _HOUR,
    24 * _HOUR,
)
MOST_TRIES: Final = len(WAITS) + 1
_JITTER: Final = 0.2
# How long an endpoint is left alone after so many failures in a row.
_PAUSES: Final = (1 * _SECOND, 2 * _SECOND, 5 * _SECOND, 15 * _SECOND, 30 * _SECOND, _MINUTE)
LONGEST_PAUSE: Final = timedelta(hours=24)  # that it may ask for
SWITCHED_OFF_AFTER: Final = timedelta(days=5)
GONE: Final = "endpoint_gone"  # why it was switched off, a code of `reasons`: it said so
FAILING: Final = "endpoint_failing"  # or has failed for too long
ANSWER_BYTES: Final = 1000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one call."""

    is_delivered: bool
    status: int | None
    error: str  # why there was no answer, or "" where there was
    answer: str
    asked_to_wait: timedelta = timedelta()

    @property
    def is_gone(self) -> bool:
        """Whether it wants to be told nothing any more."""
        return self.status == 410


def read(answer: WireResponse | WireFailure) -> Outcome:
    """Any 2xx is success, nothing else is: redirects are not followed."""
    if isinstance(answer, WireFailure):
        return Outcome(False, None, answer.code, "")
    said = answer.body[:ANSWER_BYTES].decode("utf-8", "replace").replace("\x00", "\ufffd")
    wait = answer.headers.get("retry-after", "")
    asked = min(timedelta(seconds=int(wait)), LONGEST_PAUSE) if wait.isdigit() and len(wait) < 10 else timedelta()
    return Outcome(200 <= answer.status < 300, answer.status, "", said, asked)


def next_try(tries: int, now: datetime) -> datetime | None:
    """When an event is tried again that has failed so many times; None where it is given up."""
    if tries > len(WAITS):
        return None
    return now + WAITS[tries - 1] * (1 + _JITTER * (2 * random.random() - 1))  # noqa: S311


def pause(failures: int, asked: timedelta, now: datetime) -> datetime:
    """Until when an endpoint is left alone after so many failures in a row, or as long as it asked for."""
    return now + max(asked, _PAUSES[min(failures, len(_PAUSES)) - 1])


def why_off(outcome: Outcome, failing_since: datetime, now: datetime) -> str:
    """Why it is to be switched off; "" where it is not."""
    if outcome.is_gone:
        return GONE
    return FAILING if now - failing_since >= SWITCHED_OFF_AFTER else ""
