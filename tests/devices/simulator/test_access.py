"""Who may call what, and how a refusal reads."""

import pytest

from tests.simulator_process import Simulator

TEXT = {"number": "51987654321", "text": "hola"}


def test_the_root_tells_the_version_without_a_key(gateway: Simulator) -> None:
    answer = gateway.get("/", key="")
    assert answer.status_code == 200
    assert answer.json()["version"] == "2.3.7"


@pytest.mark.parametrize("key", ["", "wrong", "TOKEN-OF-TWO"])
def test_a_missing_a_wrong_and_another_instances_key_are_refused_alike(gateway: Simulator, key: str) -> None:
    answer = gateway.post("/message/sendText/one", TEXT, key=key)
    assert answer.status_code == 401
    assert answer.json() == {"status": 401, "error": "Unauthorized", "response": {"message": "Unauthorized"}}
    assert gateway.ledger()["accepted"] == 0


def test_another_instances_key_opens_no_other_route_either(gateway: Simulator) -> None:
    assert gateway.get("/instance/connectionState/one", key="TOKEN-OF-TWO").status_code == 401
    assert gateway.get("/instance/connectionState/two", key="TOKEN-OF-TWO").status_code == 200


def test_the_global_key_opens_every_instance(gateway: Simulator) -> None:
    assert gateway.post("/message/sendText/two", TEXT, key=gateway.global_key).status_code == 201


@pytest.mark.parametrize("key", ["", "wrong"])
def test_an_unknown_instance_is_said_before_the_key_is_looked_at(gateway: Simulator, key: str) -> None:
    answer = gateway.post("/message/sendText/nobody", TEXT, key=key)
    assert answer.status_code == 404
    assert answer.json() == {
        "status": 404,
        "error": "Not Found",
        "response": {"message": ['The "nobody" instance does not exist']},
    }


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/instance/restart/one"), ("POST", "/message/sendTxt/one"), ("GET", "/nothing?a=1")]
)
def test_an_unknown_route_is_told_apart_by_its_text(gateway: Simulator, method: str, path: str) -> None:
    answer = gateway.request(method, path)
    assert answer.status_code == 404
    assert answer.json()["response"] == {"message": [f"Cannot {method} {path}"]}


def test_routes_ignore_case_and_a_trailing_slash_as_express_does(gateway: Simulator) -> None:
    assert gateway.get("/Instance/ConnectionState/one/").status_code == 200


def test_broken_json_is_refused_before_anything_else(gateway: Simulator) -> None:
    answer = gateway.post(
        "/message/sendText/nobody", data=b'{"number": "5" "x"}', headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.json()["error"] == "Internal Server Error"
    assert answer.json()["response"]["message"].startswith("Expected ','")


def test_a_name_with_special_characters_is_found(gateway: Simulator) -> None:
    body = {"instanceName": "ventas ñ", "integration": "WHATSAPP-BAILEYS"}
    assert gateway.post("/instance/create", body, key=gateway.global_key).status_code == 201
    gateway.set_state("ventas ñ", "open")
    assert gateway.post("/message/sendText/ventas%20%C3%B1", TEXT, key=gateway.global_key).status_code == 201
