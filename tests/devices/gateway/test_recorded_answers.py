"""What our client makes of each answer that a real gateway gave to a send."""

import json

import pytest

from devices.gateway.base import SendError, WireResponse
from devices.gateway.evolution import send_answers
from tests.devices import recorded
from tests.devices.recorded import Recorded

SENDS = [real for real in recorded.answers() if real.verdict]


@pytest.mark.parametrize("real", SENDS, ids=[real.situation for real in SENDS])
def test_a_recorded_answer_is_understood(real: Recorded) -> None:
    body = json.dumps(real.body, ensure_ascii=False).encode()
    assert read(WireResponse(real.status, body)) == (real.verdict, "" if real.status != 201 else real.body["key"]["id"])


def read(answer: WireResponse) -> tuple[str, str]:
    """The verdict on an answer, and the id where it is an acceptance."""
    try:
        return "accepted", send_answers.read_answer(answer).gateway_message_id
    except SendError as error:
        return f"{type(error).__name__} {error.code}", ""
