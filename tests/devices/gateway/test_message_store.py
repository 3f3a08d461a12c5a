"""Asking a gateway whether a message went out: it may say yes, no, or nothing that proves anything."""

from datetime import UTC, datetime, timedelta

import pytest

from devices.gateway.base import LookUp, OutgoingMessage
from devices.gateway.evolution import EvolutionGateway
from tests.simulator_process import Simulator

pytestmark = pytest.mark.usefixtures("loopback_is_open")
MESSAGE = OutgoingMessage("+51987654321", "Hola")


def look_up(simulator: Simulator, message: OutgoingMessage = MESSAGE) -> tuple[LookUp, str]:
    now = datetime.now(tz=UTC)
    gateway = EvolutionGateway(simulator.url, "demo-1", simulator.token)
    return gateway.look_up(message, since=now - timedelta(seconds=10), until=now)


def send(simulator: Simulator, number: str = "51987654321", text: str = "Hola") -> str:
    return simulator.post("/message/sendText/demo-1", {"number": number, "text": text}).json()["key"]["id"]


def test_a_message_that_was_sent_is_found_with_its_id(simulator: Simulator) -> None:
    message_id = send(simulator)
    assert look_up(simulator) == (LookUp.SENT, message_id)


def test_a_message_that_is_missing_among_others_was_not_sent(simulator: Simulator) -> None:
    send(simulator, number="51911111111")
    assert look_up(simulator) == (LookUp.NOT_THERE, "")


def test_another_text_to_the_same_number_is_another_message(simulator: Simulator) -> None:
    send(simulator, text="Adiós")
    assert look_up(simulator) == (LookUp.NOT_THERE, "")


def test_a_gateway_that_keeps_no_messages_cannot_tell(simulator: Simulator) -> None:
    simulator.faults({"hidden-row": 1})
    send(simulator)
    send(simulator, number="51911111111")
    assert look_up(simulator) == (LookUp.CANNOT_TELL, "")


def test_a_gateway_whose_connection_is_closed_cannot_tell(simulator: Simulator) -> None:
    send(simulator, number="51911111111")
    simulator.set_state("demo-1", "close")
    assert look_up(simulator) == (LookUp.CANNOT_TELL, "")


@pytest.mark.parametrize("fault", ["502", "401", "license", "429"])
def test_a_gateway_that_refuses_to_look_cannot_tell(simulator: Simulator, fault: str) -> None:
    send(simulator)
    simulator.faults({fault: 1})
    assert look_up(simulator) == (LookUp.CANNOT_TELL, "")
