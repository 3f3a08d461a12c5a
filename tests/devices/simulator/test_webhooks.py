"""What the simulator reports by itself: envelope, order, receipts, replies, retries."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.devices import recorded
from tests.devices.simulator.conftest import GIVES_UP_SOON
from tests.devices.simulator.webhook_server import WebhookServer
from tests.simulator_process import Simulator, start_simulator
from tests.waiting import eventually

Send = Callable[..., requests.Response]
JID = "51987654321@s.whatsapp.net"


def set_webhook(gateway: Simulator, **webhook: Any) -> requests.Response:
    return gateway.post("/webhook/set/one", {"webhook": webhook})


def statuses(webhooks: WebhookServer, count: int) -> list[str]:
    return [event["data"]["status"] for event in webhooks.wait_for(count, "messages.update")]


def test_the_webhook_that_was_set_is_found(gateway: Simulator) -> None:
    assert gateway.get("/webhook/find/one").json() is None
    answer = set_webhook(gateway, enabled=True, url="http://127.0.0.1:1/x", events=["SEND_MESSAGE"], headers={"A": "b"})
    assert answer.status_code == 201
    found = gateway.get("/webhook/find/one").json()
    assert found == answer.json()
    assert (found["url"], found["enabled"], found["events"]) == ("http://127.0.0.1:1/x", True, ["SEND_MESSAGE"])
    assert found["headers"] == {"A": "b"}


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"url": "http://h/x", "webhook_by_events": False}, 400, [['instance requires property "webhook"']]),
        ({"webhook": {"enabled": True}}, 400, [['webhook requires property "url"']]),
        (
            {"webhook": {"enabled": True, "url": "http://h/x"}},
            500,
            "Cannot read properties of undefined (reading 'length')",
        ),
    ],
)
def test_webhook_settings_that_are_refused(
    gateway: Simulator, body: dict[str, Any], status: int, message: object
) -> None:
    answer = gateway.post("/webhook/set/one", body)
    assert answer.status_code == status
    assert answer.json()["response"]["message"] == message


def test_send_message_carries_the_answers_body_in_an_envelope(
    gateway: Simulator, send: Send, webhooks: WebhookServer
) -> None:
    sent = send(text="hola ñ").json()
    event = webhooks.wait_for(1, "send.message")[0]
    assert event["data"] == sent
    assert (event["instance"], event["destination"]) == ("one", webhooks.url)
    assert event["apikey"] == gateway.token
    assert event["server_url"] == gateway.url
    assert event["sender"].endswith("@s.whatsapp.net")
    assert event["date_time"].endswith("Z")


def test_receipts_follow_in_order(gateway: Simulator, send: Send, webhooks: WebhookServer) -> None:
    sent = send().json()
    assert statuses(webhooks, 3) == ["SERVER_ACK", "DELIVERY_ACK", "READ"]
    update = webhooks.events("messages.update")[0]["data"]
    assert (update["keyId"], update["remoteJid"], update["fromMe"]) == (sent["key"]["id"], JID, True)
    assert update["instanceId"] == sent["instanceId"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("error-463", ["ERROR"]),
        ("time-lock", ["ERROR"]),
        ("no-read", ["SERVER_ACK", "DELIVERY_ACK"]),
        ("no-server-ack", ["DELIVERY_ACK", "READ"]),
        ("reordered-acks", ["READ", "DELIVERY_ACK", "SERVER_ACK"]),
        ("duplicate-acks", ["SERVER_ACK", "SERVER_ACK", "DELIVERY_ACK", "DELIVERY_ACK", "READ", "READ"]),
        ("error-then-delivered", ["ERROR", "DELIVERY_ACK"]),
        ("read-only", ["READ"]),
        ("late-acks", ["SERVER_ACK", "DELIVERY_ACK", "READ"]),
        ("lost-acks", []),
        ("zombie", []),
        ("hidden-row", []),
        ("accept-then-400", []),
    ],
)
def test_receipts_under_faults(
    gateway: Simulator, send: Send, webhooks: WebhookServer, fault: str, expected: list[str]
) -> None:
    gateway.faults({fault: "1:50"})
    send()
    assert statuses(webhooks, len(expected)) == expected
    time.sleep(0.05)
    assert len(webhooks.events("messages.update")) == len(expected)


def test_a_receipt_may_name_a_lid_instead_of_the_number(
    gateway: Simulator, send: Send, webhooks: WebhookServer
) -> None:
    gateway.faults({"lid-acks": 1})
    sent = send().json()
    update = webhooks.wait_for(1, "messages.update")[0]["data"]
    assert update["keyId"] == sent["key"]["id"]
    assert update["remoteJid"].endswith(":3@lid")


def test_what_can_be_played_is(gateway: Simulator, webhooks: WebhookServer) -> None:
    audio = {"number": "51987654321", "mediatype": "audio", "media": "https://example.com/a.ogg", "fileName": "a.ogg"}
    assert gateway.post("/message/sendMedia/one", audio).status_code == 201
    assert statuses(webhooks, 4)[-1] == "PLAYED"


def test_a_zombie_looks_open(gateway: Simulator, send: Send, webhooks: WebhookServer) -> None:
    gateway.faults({"zombie": 1})
    assert send().status_code == 201
    assert gateway.get("/instance/connectionState/one").json()["instance"]["state"] == "open"


def test_early_receipts_come_before_the_answer(gateway: Simulator, send: Send, webhooks: WebhookServer) -> None:
    gateway.faults({"early-acks": "1:1000"})
    send()
    assert sorted(statuses(webhooks, 0)) == ["DELIVERY_ACK", "READ", "SERVER_ACK"]


def test_a_hang_after_accepting_still_reports_the_message(
    gateway: Simulator, send: Send, webhooks: WebhookServer
) -> None:
    gateway.faults({"accept-then-hang": 1})
    with pytest.raises(requests.ReadTimeout):
        send(timeout=GIVES_UP_SOON)
    assert webhooks.wait_for(1, "send.message")[0]["data"]["key"]["remoteJid"] == JID


def test_a_recipient_answers_stop(gateway: Simulator, send: Send, webhooks: WebhookServer) -> None:
    gateway.faults({"stop-reply": 1})
    send()
    data = webhooks.wait_for(1, "messages.upsert")[0]["data"]
    assert data["message"] == {"conversation": "STOP"}
    assert (data["key"]["remoteJid"], data["key"]["fromMe"]) == (JID, False)


def test_a_reply_by_hand(gateway: Simulator, webhooks: WebhookServer) -> None:
    gateway.incoming("one", "51987654321", "BAJA")
    assert webhooks.wait_for(1, "messages.upsert")[0]["data"]["message"] == {"conversation": "BAJA"}


def test_whoever_wrote_to_a_number_that_is_locked_is_delivered_to(
    gateway: Simulator, send: Send, webhooks: WebhookServer
) -> None:
    gateway.faults({"time-lock": 1})
    gateway.incoming("one", "51987654321", "Hola", lid="120000055915@lid")
    key = webhooks.wait_for(1, "messages.upsert")[0]["data"]["key"]
    assert (key["remoteJid"], key["remoteJidAlt"]) == (JID, "120000055915@lid")
    send()
    assert statuses(webhooks, 3) == ["SERVER_ACK", "DELIVERY_ACK", "READ"]


def test_a_receipt_by_hand_also_for_an_unknown_id(gateway: Simulator, webhooks: WebhookServer) -> None:
    gateway.receipt("one", "3EB0FFFFFFFFFFFFFFFFFF", "READ", number="51987654321")
    data = webhooks.wait_for(1, "messages.update")[0]["data"]
    assert (data["keyId"], data["remoteJid"], data["status"]) == ("3EB0FFFFFFFFFFFFFFFFFF", JID, "READ")


def test_changes_of_the_connection_are_reported(gateway: Simulator, webhooks: WebhookServer) -> None:
    gateway.set_state("one", "close", reason=403)
    closed = webhooks.wait_for(1, "connection.update")[0]["data"]
    assert closed == {"instance": "one", "state": "close", "statusReason": 403}
    gateway.get("/instance/connect/one")
    assert webhooks.wait_for(1, "qrcode.updated")[0]["data"]["qrcode"]["code"].startswith("2@")
    states = [event["data"]["state"] for event in webhooks.wait_for(3, "connection.update")]
    assert states == ["close", "connecting", "open"]


def test_a_lost_connection_is_back_at_once(gateway: Simulator, webhooks: WebhookServer) -> None:
    gateway.post("/instance/restart/one")
    states = [event["data"]["state"] for event in webhooks.wait_for(2, "connection.update")]
    assert states == ["connecting", "open"]


def test_a_deleted_instance_that_was_connecting_may_send_a_stray_event(
    gateway: Simulator, webhooks: WebhookServer
) -> None:
    gateway.set_state("one", "connecting")
    assert gateway.delete("/instance/delete/one").status_code == 200
    assert gateway.get("/instance/connectionState/one").json() == {"instance": {"instanceName": "one"}}
    assert webhooks.wait_for(1, "connection.update")[0]["data"]["state"] == "connecting"
    assert gateway.get("/instance/connectionState/one").status_code == 404


@pytest.mark.parametrize("real", recorded.events(), ids=lambda real: real["situation"])
def test_an_event_is_as_the_real_gateway_posted_it(
    gateway: Simulator, send: Send, webhooks: WebhookServer, real: dict[str, Any]
) -> None:
    match real["given"]:
        case {"send": _}:
            send()
        case {"incoming": text}:
            gateway.incoming("one", "51955000001", text)
        case {"call": [method, path, body]}:
            gateway.request(method, path, body)
        case {"state": state}:
            gateway.set_state("one", state)
        case {"qr": _}:
            gateway.set_state("one", "close")
            gateway.get("/instance/connect/one")
    name, data = real["body"]["event"], real["body"]["data"] or {}
    told = {key: data[key] for key in ("status", "state") if key in data}
    posted = webhooks.wait_until(name, told)
    assert recorded.differences(real["body"], posted) == []


def test_only_the_events_asked_for_are_sent(gateway: Simulator, send: Send, webhooks: WebhookServer) -> None:
    set_webhook(gateway, enabled=True, url=webhooks.url, events=["MESSAGES_UPDATE"])
    send()
    webhooks.wait_for(3, "messages.update")
    assert webhooks.events("send.message") == []


def test_a_disabled_webhook_hears_nothing(gateway: Simulator, send: Send, webhooks: WebhookServer) -> None:
    set_webhook(gateway, enabled=False, url=webhooks.url, events=["SEND_MESSAGE"])
    send()
    time.sleep(0.1)
    assert webhooks.posts == []


def test_headers_and_by_events(gateway: Simulator, send: Send, webhooks: WebhookServer) -> None:
    set_webhook(
        gateway, enabled=True, url=webhooks.url, events=["SEND_MESSAGE"], byEvents=True, headers={"X-S": "geheim"}
    )
    send()
    webhooks.wait_for(1)
    assert webhooks.posts[0]["path"] == "/hook/send-message"
    assert webhooks.posts[0]["headers"]["X-S"] == "geheim"
    assert webhooks.posts[0]["headers"]["Content-Type"] == "application/json"


def test_a_jwt_key_becomes_a_bearer_token(gateway: Simulator, send: Send, webhooks: WebhookServer) -> None:
    set_webhook(gateway, enabled=True, url=webhooks.url, events=["SEND_MESSAGE"], headers={"jwt_key": "k"})
    send()
    webhooks.wait_for(1)
    signed, _, signature = webhooks.posts[0]["headers"]["Authorization"].removeprefix("Bearer ").rpartition(".")
    expected = hmac.new(b"k", signed.encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(signature + "=") == expected
    claims = json.loads(base64.urlsafe_b64decode(signed.split(".")[1] + "=="))
    assert (claims["app"], claims["exp"] - claims["iat"]) == ("evolution", 600)


def test_a_server_error_is_retried(gateway: Simulator, send: Send, webhooks: WebhookServer) -> None:
    set_webhook(gateway, enabled=True, url=webhooks.url, events=["SEND_MESSAGE"])
    webhooks.answers = [500, 503]
    sent = send().json()
    assert [event["data"]["key"]["id"] for event in webhooks.wait_for(3)] == [sent["key"]["id"]] * 3
    assert gateway.ledger()["webhooks"]["retried"] == 2


def test_a_kept_connection_the_server_has_closed_is_opened_again(
    gateway: Simulator, send: Send, webhooks: WebhookServer
) -> None:
    set_webhook(gateway, enabled=True, url=webhooks.url, events=["SEND_MESSAGE"])
    webhooks.hangs_up = True
    for count in range(1, 4):
        send()
        webhooks.wait_for(count)
        eventually(lambda: webhooks.hung_up == len(webhooks.posts))
        time.sleep(0.1)  # until it has arrived
    assert gateway.ledger()["webhooks"]["retried"] == 0


def test_a_post_on_its_way_when_all_is_forgotten_counts_no_more(
    gateway: Simulator, send: Send, webhooks: WebhookServer
) -> None:
    set_webhook(gateway, enabled=True, url=webhooks.url, events=["SEND_MESSAGE"])
    with webhooks.silence():
        send()
        webhooks.wait_for(1)
        gateway.renew()
        assert gateway.ledger()["webhooks"]["retried"] == 0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_these_refusals_are_never_retried(gateway: Simulator, send: Send, webhooks: WebhookServer, status: int) -> None:
    set_webhook(gateway, enabled=True, url=webhooks.url, events=["SEND_MESSAGE"])
    webhooks.answers = [status]
    send()
    webhooks.wait_for(1)
    time.sleep(0.12)
    assert len(webhooks.posts) == 1


def test_a_server_that_is_away_is_tried_again(gateway: Simulator, send: Send, webhooks: WebhookServer) -> None:
    set_webhook(gateway, enabled=True, url="http://127.0.0.1:1/nobody", events=["SEND_MESSAGE"])
    send()
    eventually(lambda: gateway.ledger()["webhooks"]["retried"] >= 2)


def test_with_ack_statuses_come_without_a_webhook() -> None:
    with start_simulator("one", arguments=["--ack", "--webhook-delay", "5"]) as simulator:
        sent = simulator.post("/message/sendText/one", {"number": "51987654321", "text": "hola"}).json()
        where = {"where": {"id": sent["key"]["id"]}}

        def statuses_there() -> list[str]:
            return [row["status"] for row in simulator.post("/chat/findStatusMessage/one", where).json()]

        eventually(lambda: len(statuses_there()) == 3)
        assert statuses_there() == ["SERVER_ACK", "DELIVERY_ACK", "READ"]
