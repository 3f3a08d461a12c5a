"""Instances: their states, how they are made, connected and ended, and what sends meet in between."""

from collections.abc import Callable

import pytest
import requests

from tests.simulator_process import Simulator
from tests.waiting import eventually

Send = Callable[..., requests.Response]


def state_of(gateway: Simulator, name: str = "one") -> str | None:
    answer = gateway.get(f"/instance/connectionState/{name}", key=gateway.global_key)
    state: str | None = answer.json()["instance"].get("state")
    return state


def wait_for_state(gateway: Simulator, state: str, name: str = "one") -> None:
    eventually(lambda: state_of(gateway, name) == state)


def test_the_connection_state(gateway: Simulator) -> None:
    answer = gateway.get("/instance/connectionState/one")
    assert answer.json() == {"instance": {"instanceName": "one", "state": "open"}}


def test_an_instance_that_is_not_loaded_has_no_state(gateway: Simulator, send: Send) -> None:
    gateway.set_state("one", "not-loaded")
    assert gateway.get("/instance/connectionState/one").json() == {"instance": {"instanceName": "one"}}
    answer = send()
    assert answer.status_code == 500
    assert answer.json()["response"]["message"] == "Cannot read properties of undefined (reading 'textMessage')"


@pytest.mark.parametrize("state", ["close", "connecting"])
def test_sends_fail_at_once_while_disconnected(gateway: Simulator, send: Send, state: str) -> None:
    gateway.set_state("one", state)
    answer = send()
    assert (answer.status_code, answer.json()["response"]["message"]) == (500, "Connection Closed")
    assert gateway.ledger()["accepted"] == 0


def test_the_global_key_sees_all_instances_and_an_instances_key_only_itself(gateway: Simulator) -> None:
    every = gateway.get("/instance/fetchInstances", key=gateway.global_key).json()
    assert [each["name"] for each in every] == ["one", "two"]
    own = gateway.get("/instance/fetchInstances", key="TOKEN-OF-TWO").json()
    assert [(each["name"], each["token"], each["connectionStatus"]) for each in own] == [
        ("two", "TOKEN-OF-TWO", "open")
    ]
    assert gateway.get("/instance/fetchInstances", key="wrong").status_code == 401


def test_fetch_instances_by_name(gateway: Simulator) -> None:
    found = gateway.get("/instance/fetchInstances?instanceName=two", key=gateway.global_key).json()
    assert [each["name"] for each in found] == ["two"]
    missing = gateway.get("/instance/fetchInstances?instanceName=x", key=gateway.global_key)
    assert missing.status_code == 404
    assert missing.json()["response"]["message"] == ['Instance "x" not found']


def test_the_list_says_what_the_gateways_database_says(gateway: Simulator) -> None:
    """Which is "open" until WhatsApp itself ends it, whatever the socket does."""

    def listed() -> str:
        every = gateway.get("/instance/fetchInstances", key=gateway.global_key).json()
        return str(next(each["connectionStatus"] for each in every if each["name"] == "one"))

    said = {state: (gateway.set_state("one", state), listed())[1] for state in ("connecting", "not-loaded", "close")}
    assert said == {"connecting": "open", "not-loaded": "open", "close": "close"}
    gateway.get("/instance/connect/one")  # shows a QR code
    assert listed() == "connecting"


def test_instances_that_share_a_token_are_listed_together_while_all_are_loaded(gateway: Simulator) -> None:
    gateway.set_state("two", "open", token=gateway.token)
    assert [each["name"] for each in gateway.get("/instance/fetchInstances").json()] == ["one", "two"]
    assert [each["name"] for each in gateway.get("/instance/fetchInstances?instanceName=two").json()] == ["two"]
    gateway.set_state("two", "not-loaded")
    answer = gateway.get("/instance/fetchInstances")
    assert (answer.status_code, answer.json()["response"]["message"]) == (404, ['Instance "two" not found'])
    gateway.set_state("one", "not-loaded")
    assert gateway.get("/instance/fetchInstances").json()["response"]["message"] == ['Instances "one, two" not found']


@pytest.mark.parametrize("fault", ["502", "401", "list-refused", "giant-list", "slow-list"])
def test_the_list_can_fail_by_itself_or_with_the_rest(gateway: Simulator, fault: str) -> None:
    gateway.faults({fault: f"1:{1_500_000 if fault == 'giant-list' else 1}"})
    answer = gateway.get("/instance/fetchInstances", key=gateway.global_key)
    gateway.faults({"list-refused": 1, "slow-list": 1})
    assert gateway.get("/instance/connectionState/one").status_code == 200
    assert answer.status_code == {"502": 502, "401": 401, "list-refused": 403}.get(fault, 200)
    if answer.status_code == 200:
        assert [each["name"] for each in answer.json()] == ["one", "two"]
        assert (len(answer.content) > 1_500_000) is (fault == "giant-list")


def test_the_list_counts_each_instances_messages(gateway: Simulator, send: Send) -> None:
    def counted() -> list[int]:
        every = gateway.get("/instance/fetchInstances", key=gateway.global_key).json()
        return [each["_count"]["Message"] for each in every]

    send()
    assert counted() == [1, 0]
    send()
    assert counted() == [2, 0]
    gateway.reset()
    assert counted() == [0, 0]


def test_create_scan_send_log_out_delete(gateway: Simulator) -> None:
    key = gateway.global_key
    body = {"instanceName": "new", "integration": "WHATSAPP-BAILEYS", "token": "NEW-TOKEN", "qrcode": True}
    created = gateway.post("/instance/create", body, key=key)
    assert created.status_code == 201
    assert created.json()["hash"] == "NEW-TOKEN"
    assert created.json()["instance"]["instanceName"] == "new"
    assert created.json()["qrcode"]["base64"].startswith("data:image/png;base64,iVBOR")
    text = {"number": "51987654321", "text": "hola"}
    unscanned = gateway.post("/message/sendText/new", text, key="NEW-TOKEN")
    assert unscanned.status_code == 500
    assert unscanned.json()["response"]["message"] == "Cannot read properties of undefined (reading 'onWhatsApp')"
    wait_for_state(gateway, "open", "new")
    assert gateway.post("/message/sendText/new", text, key="NEW-TOKEN").status_code == 201
    assert gateway.delete("/instance/logout/new", key="NEW-TOKEN").json() == {
        "status": "SUCCESS",
        "error": False,
        "response": {"message": "Instance logged out"},
    }
    again = gateway.delete("/instance/logout/new", key="NEW-TOKEN")
    assert (again.status_code, again.json()["response"]["message"]) == (
        400,
        ['The "new" instance is not connected'],
    )
    assert gateway.delete("/instance/delete/new", key="NEW-TOKEN").status_code == 200
    assert gateway.get("/instance/connectionState/new", key="NEW-TOKEN").status_code == 404
    assert gateway.post("/message/sendText/new", text, key="NEW-TOKEN").status_code == 404


def test_create_refusals(gateway: Simulator) -> None:
    body = {"instanceName": "one", "integration": "WHATSAPP-BAILEYS"}
    taken = gateway.post("/instance/create", body, key="wrong")  # the name is looked at first
    assert taken.status_code == 403
    assert taken.json()["response"]["message"] == ['This name "one" is already in use.']
    assert gateway.post("/instance/create", {**body, "instanceName": "new"}).status_code == 401
    without = gateway.post("/instance/create", {"instanceName": "new"}, key=gateway.global_key)
    assert (without.status_code, without.json()["response"]["message"]) == (400, ["Invalid integration"])


def test_connect_shows_a_code_until_it_is_scanned(gateway: Simulator) -> None:
    gateway.set_state("one", "close")
    shown = gateway.get("/instance/connect/one").json()
    assert shown["code"].startswith("2@")
    assert (shown["count"], shown["pairingCode"]) == (1, None)
    assert gateway.get("/instance/connect/one").json() == shown
    asked = gateway.get("/instance/connect/one?number=51987654321").json()
    assert len(asked["pairingCode"]) == 8
    assert asked["code"] != shown["code"]
    wait_for_state(gateway, "open")
    assert gateway.get("/instance/connect/one").json() == {"instance": {"instanceName": "one", "state": "open"}}


def test_restart_reconnects(gateway: Simulator) -> None:
    assert gateway.post("/instance/restart/one").status_code == 200
    wait_for_state(gateway, "open")


def test_restart_of_a_closed_instance_is_a_200_that_says_nothing(gateway: Simulator) -> None:
    gateway.set_state("one", "close")
    answer = gateway.post("/instance/restart/one")
    assert answer.status_code == 200
    assert answer.json() == {"error": True, "message": "[object Object]"}
