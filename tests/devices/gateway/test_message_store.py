"""Asking a gateway whether a message went out: it may say yes, no, or nothing that proves anything."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devices.gateway.base import LookUp, Media, OutgoingMessage
from devices.gateway.evolution import EvolutionGateway, message_store
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


def test_a_gateway_whose_connection_is_closed_is_asked_again(simulator: Simulator) -> None:
    send(simulator, number="51911111111")
    simulator.set_state("demo-1", "close")
    assert look_up(simulator) == (LookUp.NOT_NOW, "")


def test_what_a_closed_gateway_has_in_its_store_was_sent_all_the_same(simulator: Simulator) -> None:
    message_id = send(simulator)
    simulator.set_state("demo-1", "close")
    assert look_up(simulator) == (LookUp.SENT, message_id)


@pytest.mark.parametrize("fault", ["502", "401", "license", "429"])
def test_a_gateway_that_refuses_to_look_is_asked_again(simulator: Simulator, fault: str) -> None:
    send(simulator)
    simulator.faults({fault: 1})
    assert look_up(simulator) == (LookUp.NOT_NOW, "")


def test_a_gateway_that_is_away_is_asked_again(simulator: Simulator) -> None:
    message_id = send(simulator)
    with simulator.away():
        assert look_up(simulator) == (LookUp.NOT_NOW, "")
    assert look_up(simulator) == (LookUp.SENT, message_id)


def test_an_instance_that_its_gateway_does_not_know_is_asked_again(simulator: Simulator) -> None:
    gateway = EvolutionGateway(simulator.url, "gone", simulator.token)
    now = datetime.now(tz=UTC)
    assert gateway.look_up(MESSAGE, since=now, until=now) == (LookUp.NOT_NOW, "")


def test_a_program_without_such_calls_cannot_tell(simulator: Simulator) -> None:
    gateway = EvolutionGateway(f"{simulator.url}/elsewhere", "demo-1", simulator.token)
    now = datetime.now(tz=UTC)
    assert gateway.look_up(MESSAGE, since=now, until=now) == (LookUp.CANNOT_TELL, "")


def test_a_message_stored_under_an_id_that_none_can_be_was_sent(simulator: Simulator) -> None:
    send(simulator)
    simulator.faults({"long-id": 1})
    assert look_up(simulator) == (LookUp.SENT, "")


def test_more_messages_to_one_number_than_a_page_holds_are_all_read(simulator: Simulator) -> None:
    message_id = send(simulator)
    for number in range(60):
        send(simulator, text=f"another {number}")
    assert look_up(simulator) == (LookUp.SENT, message_id)


# --- Media: the same kind and the same words ------------------------------------------------------------------------


def send_medium(simulator: Simulator, kind: str, caption: str = "") -> str:
    body = {"number": "51987654321", "mediatype": kind, "media": f"https://example.com/a.{kind}", "caption": caption}
    return simulator.post("/message/sendMedia/demo-1", body).json()["key"]["id"]


def medium(kind: str, caption: str = "") -> OutgoingMessage:
    return OutgoingMessage("+51987654321", caption, Media(kind, f"https://example.com/a.{kind}"))


@pytest.mark.parametrize("kind", ["image", "video", "document"])
def test_a_medium_is_known_by_its_kind_and_caption(simulator: Simulator, kind: str) -> None:
    message_id = send_medium(simulator, kind, "Hola")
    assert look_up(simulator, medium(kind, "Hola")) == (LookUp.SENT, message_id)
    assert look_up(simulator, medium(kind, "Adiós")) == (LookUp.NOT_THERE, "")
    assert look_up(simulator, medium("image" if kind != "image" else "video", "Hola")) == (LookUp.NOT_THERE, "")
    assert look_up(simulator) == (LookUp.NOT_THERE, "")  # a text with the caption's words


def test_an_audio_is_known_by_its_kind_alone(simulator: Simulator) -> None:
    """WhatsApp drops its caption: what is stored has no words to compare."""
    message_id = send_medium(simulator, "audio")
    assert look_up(simulator, medium("audio", "Hola")) == (LookUp.SENT, message_id)
    assert look_up(simulator, medium("audio")) == (LookUp.SENT, message_id)


# As WhatsApp's own clients and newer servers wrap them.
STORED = [
    ({"conversation": "Hola"}, MESSAGE),
    ({"extendedTextMessage": {"text": "Hola"}, "messageContextInfo": {}}, MESSAGE),
    ({"messageContextInfo": {"deviceListMetadata": {}}, "conversation": "Hola"}, MESSAGE),
    ({"ephemeralMessage": {"message": {"extendedTextMessage": {"text": "Hola"}}}}, MESSAGE),
    ({"documentWithCaptionMessage": {"message": {"documentMessage": {"caption": "Hola"}}}}, medium("document", "Hola")),
    ({"imageMessage": {"url": "https://mmg.whatsapp.net/a"}}, medium("image")),
    ({"ptvMessage": {"seconds": 3}}, medium("video")),
    ({"audioMessage": {"seconds": 3, "ptt": True}}, medium("audio", "Hola")),
    ({"someNewMessage": {"text": "Hola"}}, MESSAGE),
]


@pytest.mark.parametrize(("stored", "message"), STORED, ids=[next(iter(stored)) for stored, _ in STORED])
def test_what_is_stored_is_read_however_it_is_wrapped(stored: dict[str, Any], message: OutgoingMessage) -> None:
    assert message_store._is_the_same(stored, message)
    assert not message_store._is_the_same({"reactionMessage": {"text": "👍"}}, message)
    assert not message_store._is_the_same({}, message) or not message.text
