"""`…/devices/{id}/pair`, `logout` and `restart`, and devices whose instance is made or deleted with them."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.models import AuditEntry, Membership, Role
from devices.gateway.base import Link, LinkCode, Linking
from devices.linking import pairing
from devices.models import Device, Pairing
from devices.states import DeviceStatus
from tests.accounts import people
from tests.devices import arrange
from tests.simulator_process import Simulator
from tests.waiting import eventually

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback_is_open")]


@pytest.fixture
def client(admin: Membership) -> Client:
    return people.api(admin)


def address(device: Device, call: str = "pair") -> str:
    return f"/api/v1/accounts/{device.account_id}/devices/{device.pk}/{call}"


def start(client: Client, device: Device, **body: Any) -> Any:
    return client.post(address(device), body, content_type="application/json")


def see(client: Client, device: Device) -> Any:
    """How far it is, asked of the gateway now."""
    Pairing.objects.filter(device=device).update(next_look_at=timezone.now())
    answer = client.get(address(device))
    assert answer.status_code == 200, answer.content
    return answer.json()


def codes(answer: Any) -> set[str]:
    return {one["code"] for one in answer.json()["errors"]}


def test_a_code_is_started_scanned_and_seen_to_be(client: Client, device: Device, gateway: Simulator) -> None:
    assert see(client, device)["status"] == "not_linked"
    answer = start(client, device)
    assert answer.status_code == 202
    shown = answer.json()
    assert (shown["status"], shown["pairing_code"], shown["codes_shown"], shown["message"]) == ("code", "", 1, "")
    assert shown["qr_text"].startswith("2@")
    assert base64.b64decode(shown["qr"].removeprefix("data:image/png;base64,")).startswith(b"\x89PNG")
    left = parse_datetime(shown["expires_at"]) - timezone.now()  # type: ignore[operator]
    assert timedelta(seconds=0) < left <= timedelta(seconds=45)
    again = see(client, device)
    assert (again["qr_text"], again["expires_at"]) == (shown["qr_text"], shown["expires_at"])

    assert gateway.scan("demo-1", shown["qr_text"]) == "linked"
    eventually(lambda: see(client, device)["status"] == "connected")
    assert see(client, device)["qr"] == ""
    device.refresh_from_db()
    assert device.status == DeviceStatus.CONNECTED
    assert start(client, device).json()["status"] == "connected"


def test_with_its_number_there_is_also_a_code_to_type(client: Client, device: Device, gateway: Simulator) -> None:
    typed = start(client, device, number="+51 987 654 321").json()["pairing_code"]
    assert len(typed) == 8
    assert see(client, device)["pairing_code"] == typed
    assert gateway.last_requests(20)[0] is not None
    assert any("number=51987654321" in request["path"] for request in gateway.last_requests(20))
    assert gateway.scan("demo-1", typed) == "linked"


@pytest.mark.parametrize("number", ["abc", "987", "+51 987 654 321 / +51 987 654 322", "9" * 5000, {}, ["x"]])
def test_a_number_that_is_none_is_refused(client: Client, device: Device, number: Any) -> None:
    assert start(client, device, number=number).status_code == 400


def test_the_next_code_replaces_the_one_before_and_its_time_begins_anew(
    client: Client, device: Device, gateway: Simulator
) -> None:
    first = start(client, device).json()
    gateway.scan("demo-1", passkey=True)
    second = see(client, device)
    assert second["qr_text"] != first["qr_text"]
    assert second["codes_shown"] == 2
    assert second["expires_at"] > first["expires_at"]
    assert gateway.scan("demo-1", first["qr_text"]) == "expired"


def test_after_several_codes_a_word_is_said_about_passkeys(client: Client, device: Device, gateway: Simulator) -> None:
    start(client, device)
    for _ in range(3):
        assert "passkey" not in see(client, device)["message"]
        gateway.scan("demo-1", passkey=True)
    said = see(client, device)
    assert said["status"] == "code"
    assert "passkey" in said["message"]


def test_when_all_codes_were_shown_it_says_so(client: Client, device: Device, gateway: Simulator) -> None:
    start(client, device)
    for _ in range(30):
        gateway.scan("demo-1", passkey=True)
    ended = see(client, device)
    assert (ended["status"], ended["qr"], ended["expires_at"]) == ("not_linked", "", None)
    assert "nadie los escaneó" in ended["message"]
    assert start(client, device).json()["codes_shown"] == 1


def test_the_gateway_is_asked_once_a_second_however_many_ask(
    client: Client, device: Device, gateway: Simulator
) -> None:
    start(client, device)
    soon = timezone.now() + timedelta(minutes=1)
    Pairing.objects.update(next_look_at=soon)
    before = len(gateway.last_requests())
    assert client.get(address(device)).json()["status"] == "code"
    assert len(gateway.last_requests()) == before


def test_one_that_is_out_for_its_silence_is_not_noted_at_each_look(
    client: Client, device: Device, gateway: Simulator
) -> None:
    gateway.set_state("demo-1", "open")
    Device.unscoped.update(status="disconnected", status_reason="no_acknowledgement", next_check_at=timezone.now())
    before = Device.unscoped.values().get()
    assert see(client, device)["status"] == "connected"
    assert Device.unscoped.values().get() == before
    gateway.set_state("demo-1", "close")
    see(client, device)
    assert Device.unscoped.get().status_reason == "instance_closed"


def test_what_a_slow_look_finds_does_not_undo_a_newer_start(device: Device) -> None:
    now = timezone.now()
    newer = Linking(Link.OPENING, "", LinkCode("2@newer"))

    def slow(*_: Any) -> Any:
        pairing.keep(device, newer, now)
        return Linking(Link.CLOSED, "instance_closed")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("devices.gateway.evolution.phone_linking.PhoneLinking.look", slow)
        assert pairing.look(device, now).qr == "2@newer"


def test_logging_out_and_restarting(client: Client, device: Device, gateway: Simulator) -> None:
    gateway.set_state("demo-1", "open")
    restarted = client.post(address(device, "restart"))
    assert restarted.status_code == 200
    eventually(lambda: see(client, device)["status"] == "connected")
    answer = client.post(address(device, "logout"))
    assert (answer.status_code, answer.json()["status"]) == (200, "disconnected")
    for call in ("logout", "restart"):
        again = client.post(address(device, call))
        assert (again.status_code, again.json()["code"], codes(again)) == (409, "gateway_refused", {"not_linked"})
    actions = AuditEntry.unscoped.order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["device.restarted", "device.logged_out"]


def test_a_gateway_that_is_away_is_409_and_says_so(client: Client, admin: Membership) -> None:
    lost = arrange.device(admin.account)
    for call in ("pair", "logout", "restart"):
        answer = client.post(address(lost, call), {}, content_type="application/json")
        assert (answer.status_code, codes(answer)) == (409, {"unreachable"})
    assert "No se pudo conectar" in see(client, lost)["message"]


def test_only_administrators_of_the_account_see_a_code(device: Device) -> None:
    agent = people.api(people.member(device.account, Role.AGENT))
    stranger = people.api(people.member())
    for call in ("pair", "logout", "restart"):
        assert agent.post(address(device, call)).status_code == 403
        assert stranger.post(address(device, call)).status_code == 404
    assert agent.get(address(device)).status_code == 403
    assert stranger.get(address(device)).status_code == 404


# --- Making and deleting instances -----------------------------------------------------------------


def new(client: Client, admin: Membership, gateway: Simulator, **more: Any) -> Any:
    body = {
        "name": "Ventas",
        "base_url": gateway.url,
        "instance_name": "ventas",
        "token": gateway.global_key,
        "create_instance": True,
        **more,
    }
    return client.post(f"/api/v1/accounts/{admin.account_id}/devices", body, content_type="application/json")


def named(gateway: Simulator) -> set[str]:
    return {each["name"] for each in gateway.get("/instance/fetchInstances", key=gateway.global_key).json()}


def test_an_instance_is_made_with_the_token_that_the_gateway_chose(
    client: Client, admin: Membership, gateway: Simulator
) -> None:
    answer = new(client, admin, gateway)
    assert answer.status_code == 201, answer.content
    device = Device.unscoped.get()
    listed = gateway.get("/instance/fetchInstances?instanceName=ventas", key=gateway.global_key).json()
    assert device.token == listed[0]["token"]
    asked = next(one for one in gateway.last_requests() if one["path"] == "/instance/create")
    assert "token" not in json.loads(asked["body"])
    assert gateway.global_key not in answer.content.decode()
    assert start(client, device).json()["status"] == "code"
    entry = AuditEntry.unscoped.filter(action="device.created").get()
    assert entry.details == {"id": device.pk, "instance": "created"}


@pytest.mark.parametrize(
    ("more", "refused"),
    [
        ({"token": "not-the-key"}, ("token", "server_key_refused")),
        ({"instance_name": "demo-1"}, ("instance_name", "instance_exists")),
        ({"base_url": "http://127.0.0.1:9"}, ("base_url", "unreachable")),
    ],
)
def test_what_is_not_made_is_no_device(
    client: Client, admin: Membership, gateway: Simulator, more: Any, refused: Any
) -> None:
    answer = new(client, admin, gateway, **more)
    assert answer.status_code == 400
    assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [refused]
    assert not Device.unscoped.exists()
    assert named(gateway) == {"demo-1"}


def test_a_device_that_is_refused_leaves_no_instance(client: Client, admin: Membership, gateway: Simulator) -> None:
    arrange.device(admin.account, name="Ventas")
    assert new(client, admin, gateway).status_code == 400
    assert named(gateway) == {"demo-1"}


def test_a_device_that_lost_a_race_takes_its_instance_away_again(
    client: Client, admin: Membership, gateway: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrange.device(admin.account, name="Ventas", instance_name="another")
    # The first look finds nobody: the other comes between it and the row.
    first, exists = [False], QuerySet.exists
    monkeypatch.setattr(QuerySet, "exists", lambda rows: first.pop() if first else exists(rows))
    assert new(client, admin, gateway).status_code == 400
    assert named(gateway) == {"demo-1"}


def test_a_device_is_deleted_with_its_instance(client: Client, device: Device, gateway: Simulator) -> None:
    answer = client.delete(address(device, "").rstrip("/") + "?delete_instance=true")
    assert answer.status_code == 204
    assert named(gateway) == set()
    assert AuditEntry.unscoped.get().details == {"id": device.pk, "instance": "deleted"}


def test_where_the_gateway_does_not_delete_it_the_device_stays(client: Client, admin: Membership) -> None:
    lost = arrange.device(admin.account)
    path = address(lost, "").rstrip("/")
    assert codes(client.delete(path + "?delete_instance=true")) == {"unreachable"}
    assert client.get(path).status_code == 200
    assert client.delete(path + "?delete_instance=maybe").json()["code"] == "delete_instance_invalid"
    assert client.delete(path).status_code == 204
