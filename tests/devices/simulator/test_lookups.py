"""whatsappNumbers, findMessages, findStatusMessage."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from tests.simulator_process import Simulator

Send = Callable[..., requests.Response]
JID = "51987654321@s.whatsapp.net"


def find(gateway: Simulator, where: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = gateway.post("/chat/findMessages/one", {"where": where, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["messages"]
    return found


def moment(offset: float) -> str:
    return datetime.fromtimestamp(time.time() + offset, UTC).isoformat().replace("+00:00", "Z")


def test_a_sent_message_is_found_by_its_recipient(gateway: Simulator, send: Send) -> None:
    sent = send(text="hola leonardo").json()
    send("51900000000", "otro")
    found = find(gateway, {"key": {"remoteJid": JID, "fromMe": True}})
    assert (found["total"], found["pages"], found["currentPage"]) == (1, 1, 1)
    record = found["records"][0]
    assert record["key"] == {"id": sent["key"]["id"], "fromMe": True, "remoteJid": JID}
    assert record["message"] == {"conversation": "hola leonardo"}
    assert record["messageTimestamp"] == sent["messageTimestamp"]
    assert record["MessageUpdate"] == []


def test_a_message_is_found_by_its_id(gateway: Simulator, send: Send) -> None:
    message_id = send().json()["key"]["id"]
    send()
    assert find(gateway, {"key": {"id": message_id}})["records"][0]["key"]["id"] == message_id
    assert find(gateway, {"key": {"id": "3EB0000000000000000000"}})["total"] == 0
    assert find(gateway, {"key": {"id": "not an id"}})["total"] == 0


def test_messages_sent_after_a_look_up_are_found_too(gateway: Simulator, send: Send) -> None:
    for count in range(1, 4):
        send(text=f"text {count}")
        found = find(gateway, {"key": {"remoteJid": JID}})
        assert found["total"] == count
        assert found["records"][0]["message"] == {"conversation": f"text {count}"}  # the newest first


def test_a_number_whose_ninth_digit_was_dropped_is_found_by_its_jid(gateway: Simulator, send: Send) -> None:
    send("5531987654321")
    assert find(gateway, {"key": {"remoteJid": "553187654321@s.whatsapp.net"}})["total"] == 1
    assert find(gateway, {"key": {"remoteJid": "5531987654321@s.whatsapp.net"}})["total"] == 0


def test_an_instance_sees_only_its_own_messages(gateway: Simulator, send: Send) -> None:
    sent = send().json()
    for where in ({"key": {"remoteJid": JID}}, {"key": {"id": sent["key"]["id"]}}, {}):
        answer = gateway.post("/chat/findMessages/two", {"where": where}, key="TOKEN-OF-TWO")
        assert answer.json()["messages"]["total"] == 0


def test_the_time_filter_needs_both_ends(gateway: Simulator, send: Send) -> None:
    send()
    key = {"remoteJid": JID}
    past, future = moment(-100), moment(100)
    assert find(gateway, {"key": key, "messageTimestamp": {"gte": past, "lte": future}})["total"] == 1
    assert find(gateway, {"key": key, "messageTimestamp": {"gte": moment(-200), "lte": past}})["total"] == 0
    assert find(gateway, {"key": key, "messageTimestamp": {"gte": future}})["total"] == 1  # silently ignored
    assert find(gateway, {"key": key, "messageTimestamp": {"lte": past}})["total"] == 1


def test_offset_is_the_size_of_a_page(gateway: Simulator, send: Send) -> None:
    for count in range(5):
        send(text=f"text {count}")
    first = find(gateway, {"key": {"remoteJid": JID}}, page=1, offset=2)
    assert (first["total"], first["pages"], len(first["records"])) == (5, 3, 2)
    last = find(gateway, {"key": {"remoteJid": JID}}, page=3, offset=2)
    assert [record["message"]["conversation"] for record in last["records"]] == ["text 0"]


def test_a_media_message_is_found_with_its_caption(gateway: Simulator) -> None:
    body = {"number": "51987654321", "mediatype": "image", "media": "https://example.com/a.jpg", "caption": "mira"}
    gateway.post("/message/sendMedia/one", body)
    record = find(gateway, {"key": {"remoteJid": JID}})["records"][0]
    assert record["messageType"] == "imageMessage"
    assert record["message"]["imageMessage"]["caption"] == "mira"


def test_the_statuses_of_a_message(gateway: Simulator, send: Send) -> None:
    message_id = send().json()["key"]["id"]
    assert gateway.post("/chat/findStatusMessage/one", {"where": {"id": message_id}}).json() == []
    gateway.receipt("one", message_id, "READ")
    gateway.receipt("one", message_id, "DELIVERY_ACK")
    rows = gateway.post("/chat/findStatusMessage/one", {"where": {"id": message_id}}).json()
    assert [(row["keyId"], row["remoteJid"], row["status"]) for row in rows] == [
        (message_id, JID, "DELIVERY_ACK"),
        (message_id, JID, "READ"),
    ]
    assert find(gateway, {"key": {"id": message_id}})["records"][0]["MessageUpdate"] == [
        {"status": "DELIVERY_ACK"},
        {"status": "READ"},
    ]


def test_whatsapp_numbers(gateway: Simulator) -> None:
    numbers = ["+51987654321", "abc", "120363041234567890@g.us", "+5521912345678"]
    answer = gateway.post("/chat/whatsappNumbers/one", {"numbers": numbers})
    assert answer.status_code == 200
    assert answer.json() == [
        {"jid": "120363041234567890@g.us", "exists": True, "number": "120363041234567890@g.us"},
        {"jid": JID, "exists": True, "number": "+51987654321"},
        {"jid": "@s.whatsapp.net", "exists": False, "number": "abc"},
        {"jid": "5521912345678@s.whatsapp.net", "exists": False, "number": "+5521912345678"},
    ]


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([], "numbers does not meet minimum length of 1"),
        (["51", "51"], "numbers contains duplicate item"),
        ([51], '"numbers" must be an array of numeric strings'),
    ],
)
def test_whatsapp_numbers_refuses_in_a_shape_of_its_own(
    gateway: Simulator, numbers: list[object], message: str
) -> None:
    answer = gateway.post("/chat/whatsappNumbers/one", {"numbers": numbers})
    assert answer.status_code == 400
    assert answer.json() == {"status": 400, "error": "Bad Request", "message": [[message]]}


def test_whatsapp_numbers_while_disconnected(gateway: Simulator) -> None:
    gateway.set_state("one", "close")
    answer = gateway.post("/chat/whatsappNumbers/one", {"numbers": ["51987654321"]})
    assert (answer.status_code, answer.json()) == (400, {})
