"""The admin's page that links a device, and those that ask before it is parted from its phone."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, Membership, Role
from devices.gateway.base import Link, LinkCode, Linking
from devices.gateway.evolution.phone_linking import PhoneLinking
from devices.models import CatchUp, Device, Pairing
from tests.accounts import people
from tests.devices import arrange
from tests.devices.test_device_admin import form
from tests.simulator_process import Simulator
from tests.waiting import eventually

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback_is_open")]


@pytest.fixture
def client(admin: Membership) -> Client:
    return people.browser(admin)


def page(device: Device) -> str:
    return reverse("admin:devices_device_link", args=[device.pk])


def act(device: Device, name: str) -> str:
    return reverse("admin:devices_device_link_act", args=[device.pk, name])


def see(client: Client, device: Device) -> str:
    Pairing.objects.filter(device=device).update(next_look_at=timezone.now())
    answer = client.get(page(device), headers={"Accept-Language": "es"})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    return answer.content.decode()


def test_it_shows_a_code_until_it_is_scanned(client: Client, device: Device, gateway: Simulator) -> None:
    assert 'data-step="not_linked"' in see(client, device)
    assert client.post(page(device), {"number": "+51 987 654 321"}).status_code == 302
    shown = see(client, device)
    assert "data:image/png;base64," in shown
    typed = Pairing.objects.get().typed
    assert f"{typed[:4]}-{typed[4:]}" in shown
    assert "evolution-foundation" in shown  # the notice that its licence asks for
    gateway.scan("demo-1", typed)
    eventually(lambda: 'data-step="connected"' in see(client, device))


def test_a_code_that_a_gateway_made_up_is_drawn_and_never_quoted(
    client: Client, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = LinkCode('"><script>alert(1)</script>', "ABCD1234", 1)
    monkeypatch.setattr(PhoneLinking, "look", lambda *_: Linking(Link.OPENING, "", hostile))
    assert "alert(1)" not in see(client, device)


@pytest.mark.parametrize("number", ["abc", "12"])
def test_a_number_that_is_none_is_said_to_be(client: Client, device: Device, number: str) -> None:
    client.post(page(device), {"number": number})
    assert "código de país" in see(client, device)
    assert not AuditEntry.unscoped.exists()


@pytest.mark.parametrize("name", ["log-out", "restart"])
def test_it_is_asked_first(client: Client, device: Device, gateway: Simulator, name: str) -> None:
    gateway.set_state("demo-1", "open")
    asked = client.get(act(device, name))
    assert asked.status_code == 200
    assert not AuditEntry.unscoped.exists()
    assert client.post(act(device, name)).status_code == 302
    assert AuditEntry.unscoped.count() == 1
    assert client.get(act(device, "explode")).status_code == 404


def test_only_administrators_of_the_account_come_in(device: Device) -> None:
    for role in (Role.AGENT, Role.VIEWER):
        other = people.browser(people.member(device.account, role))
        for address in (page(device), act(device, "log-out")):
            assert other.get(address).status_code == 403
            assert other.post(address).status_code == 403
    stranger = people.browser(people.member())
    for address in (page(device), act(device, "log-out")):
        assert stranger.get(address).status_code == 404
        assert stranger.post(address).status_code == 404


def test_the_form_of_a_new_device_has_its_instance_created_and_leads_to_its_code(
    client: Client, gateway: Simulator
) -> None:
    fields = {"base_url": gateway.url, "token": gateway.global_key, "instance_name": "new", "create_instance": "on"}
    answer = client.post(reverse("admin:devices_device_add"), form(**fields))
    device = Device.unscoped.get()
    assert answer.headers["Location"] == page(device)
    assert device.token not in {"", gateway.global_key}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"token": "not-the-key"}, "AUTHENTICATION_API_KEY"),
        ({"instance_name": "demo-1"}, "ya tiene una instancia"),
        ({"base_url": "http://127.0.0.1:9"}, "No se pudo conectar"),
        ({"name": ""}, "errorlist"),
    ],
)
def test_where_it_is_not_the_form_says_why_and_nothing_is_kept(
    client: Client, gateway: Simulator, more: dict[str, Any], said: str
) -> None:
    fields = {"base_url": gateway.url, "token": gateway.global_key, "instance_name": "new", "create_instance": "on"}
    answer = client.post(
        reverse("admin:devices_device_add"), form(**{**fields, **more}), headers={"Accept-Language": "es"}
    )
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert not Device.unscoped.exists()
    assert gateway.global_key not in answer.content.decode()


def test_a_change_never_creates_an_instance(client: Client, device: Device, gateway: Simulator) -> None:
    before = len(gateway.last_requests())
    answer = client.post(
        reverse("admin:devices_device_change", args=[device.pk]),
        form(base_url=gateway.url, token="", create_instance="on"),
    )
    assert answer.status_code == 302
    assert not any(one["path"] == "/instance/create" for one in gateway.last_requests()[before:])


def test_where_a_device_is_deleted_its_gateway_may_be_away(client: Client, admin: Membership) -> None:
    lost = arrange.device(admin.account)
    address = reverse("admin:devices_device_delete", args=[lost.pk])
    answer = client.post(address, {"post": "yes", "with_instance": "true"}, headers={"Accept-Language": "es"})
    assert "No se pudo conectar" in answer.content.decode()
    assert client.post(address, {"post": "yes"}).status_code == 302
    assert not Device.objects.for_account(admin.account).exists()


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"missed_since": timezone.now()}, "se está leyendo de su propio almacén."),
        ({"missed_since": timezone.now(), "problem": "gateway_error"}, "almacén. El gateway respondió con un error"),
        ({"began_at": timezone.now()}, "se leyó por última vez"),
        ({"began_at": timezone.now(), "problem": "no_store"}, "El gateway no guarda mensajes"),
        ({}, ""),
    ],
)
def test_it_says_how_far_the_gateways_store_was_read(
    client: Client, device: Device, row: dict[str, Any], says: str
) -> None:
    CatchUp.objects.create(device=device, **row)
    shown = see(client, device)
    assert says in shown
    assert ("almacén" in shown or "no guarda" in shown) is bool(says)

    address = f"/api/v1/accounts/{device.account_id}/devices/{device.pk}/health"
    told = client.get(address).json()["store"]
    assert told["code"] == row.get("problem", "")
    assert (told["missed_since"] is None) is ("missed_since" not in row)
    assert (told["read_at"] is None) is ("began_at" not in row or "problem" in row)
