"""A device's webhook: set where the gateway answers, another system's left alone, and whether what is told arrives."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, Membership, Role
from devices.linking import checking
from devices.models import Device, Webhook
from devices.webhooks import header_secrets, subscribing
from devices.webhooks.subscribing import ARRIVES_WITHIN, Arrival
from tests.accounts import people
from tests.devices import arrange
from tests.simulator_process import Simulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback_is_open")]
OURS = "http://127.0.0.1:9"  # nobody listens there


@pytest.fixture(autouse=True)
def our_address(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_URL = OURS
    monkeypatch.setattr(subscribing, "DOORS_KNOW_AFTER_SECONDS", 0.0)


@pytest.fixture
def client(admin: Membership) -> Client:
    return people.api(admin)


def address(device: Device) -> str:
    return f"/api/v1/accounts/{device.account_id}/devices/{device.pk}/webhook"


def set_there(gateway: Simulator) -> Any:
    return gateway.get("/webhook/find/demo-1").json()


def elsewhere(gateway: Simulator, url: str = "http://127.0.0.1:1/n8n") -> None:
    webhook = {"enabled": True, "url": url, "events": ["MESSAGES_UPSERT"], "headers": {"A": "b"}}
    assert gateway.post("/webhook/set/demo-1", {"webhook": webhook}).status_code == 201


def test_making_a_device_sets_its_webhook_with_our_header_and_only_what_is_needed(
    client: Client, admin: Membership, gateway: Simulator
) -> None:
    body = {"name": "Ventas", "base_url": gateway.url, "instance_name": "demo-1", "token": gateway.token}
    path = f"/api/v1/accounts/{admin.account_id}/devices"
    assert client.post(path, body, content_type="application/json").status_code == 201
    device = Device.unscoped.get()
    found = set_there(gateway)
    assert found["url"] == f"{OURS}/webhooks/evolution/{device.uuid}"
    assert found["headers"] == {header_secrets.HEADER: header_secrets.secret_of(device)}
    assert found["events"] == ["MESSAGES_UPSERT", "MESSAGES_UPDATE", "CONNECTION_UPDATE"]
    stands = client.get(address(device)).json()
    assert (stands["status"], stands["code"], stands["leads_here"]) == ("unproven", "hook_not_from_here", False)
    assert "PUBLIC_URL" in stands["message"]


def test_an_edit_mends_what_was_changed_at_the_gateway(client: Client, device: Device, gateway: Simulator) -> None:
    checking.check(device, timezone.now())
    for broken in ({"url": set_there(gateway)["url"], "headers": {}}, {"url": "", "enabled": False}):
        webhook = {"enabled": True, "events": [], **broken}
        gateway.post("/webhook/set/demo-1", {"webhook": webhook})
        client.patch(address(device).removesuffix("/webhook"), {"daily_limit": 5}, content_type="application/json")
        found = set_there(gateway)
        assert found["headers"][header_secrets.HEADER] == header_secrets.secret_of(device)
        assert found["enabled"]


def test_an_older_address_of_ours_is_replaced(device: Device, gateway: Simulator) -> None:
    elsewhere(gateway, f"https://before.example/webhooks/evolution/{device.uuid}")
    assert subscribing.set_up(device, timezone.now()) == ""
    assert set_there(gateway)["url"].startswith(OURS)


def test_another_systems_webhook_is_only_replaced_where_a_person_says_so(
    client: Client, device: Device, gateway: Simulator
) -> None:
    elsewhere(gateway)
    checking.check(device, timezone.now())
    assert set_there(gateway)["url"].endswith("/n8n")
    assert client.get(address(device)).json()["code"] == "hook_elsewhere"
    refused = client.post(address(device), {}, content_type="application/json")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "hook_elsewhere")
    assert not AuditEntry.unscoped.exists()
    answer = client.post(address(device), {"replace": True}, content_type="application/json")
    assert (answer.status_code, answer.json()["status"]) == (200, "unproven")
    assert set_there(gateway)["url"].startswith(OURS)


def test_an_address_of_this_machine_alone_is_not_told_to_a_gateway_elsewhere(admin: Membership, settings: Any) -> None:
    far = arrange.device(admin.account, base_url="http://192.0.2.1")
    for url in ("http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"):
        settings.PUBLIC_URL = url
        assert subscribing.set_up(far, timezone.now()) == "hook_url_local"
    assert subscribing.standing(far, timezone.now())[:2] == (Arrival.WRONG, "hook_url_local")


def test_a_gateway_that_cannot_be_asked_is_the_reason(client: Client, admin: Membership) -> None:
    lost = arrange.device(admin.account)
    checking.check(lost, timezone.now())
    assert client.get(address(lost)).json()["code"] == "unreachable"


def test_what_is_told_proves_it_and_what_does_not_arrive_speaks_against_it(device: Device, gateway: Simulator) -> None:
    now = timezone.now()
    subscribing.set_up(device, now)
    rows = Webhook.objects.filter(device=device)

    def standing(after: timedelta = timedelta()) -> tuple[Arrival, str]:
        return subscribing.standing(device, now + after)[:2]

    late = ARRIVES_WITHIN + timedelta(seconds=1)
    assert standing(late) == (Arrival.UNPROVEN, "hook_not_from_here")  # nothing happened
    subscribing.provoked(device, now)
    assert standing() == (Arrival.UNPROVEN, "hook_not_from_here")  # it may be on its way
    assert standing(late) == (Arrival.WRONG, "hook_unreached")
    subscribing.refused(device.pk)
    assert standing(late) == (Arrival.WRONG, "hook_header_lost")
    subscribing.heard(device.pk)
    assert standing(late) == (Arrival.PROVEN, "")
    # Set anew, it proves itself anew.
    rows.update(set_at=now + timedelta(hours=1), provoked_at=None)
    assert standing() == (Arrival.UNPROVEN, "hook_not_from_here")


def test_a_new_secret_is_told_to_the_gateway_and_the_one_before_counts_for_a_day(
    client: Client, device: Device, gateway: Simulator
) -> None:
    subscribing.set_up(device, timezone.now())
    before = header_secrets.secret_of(device)
    assert client.post(f"{address(device)}/renew_secret").json()["status"] == "unproven"
    fresh = header_secrets.secret_of(device)
    assert fresh != before
    assert set_there(gateway)["headers"] == {header_secrets.HEADER: fresh}
    assert counting(device) == {fresh, before}
    assert AuditEntry.unscoped.get().details == {"id": device.pk}


def test_a_secret_of_which_the_gateway_cannot_be_told_is_not_the_one_in_force(
    client: Client, device: Device, gateway: Simulator
) -> None:
    before = header_secrets.secret_of(device)
    elsewhere(gateway)
    refused = client.post(f"{address(device)}/renew_secret")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "hook_elsewhere")
    assert header_secrets.secret_of(device) == before
    # It may be one whose answer was lost, and has it all the same.
    assert len(counting(device)) == 2
    assert not AuditEntry.unscoped.exists()


def test_only_administrators_of_the_account_renew_a_secret(device: Device) -> None:
    before = header_secrets.secret_of(device)
    assert (
        people.api(people.member(device.account, Role.AGENT)).post(f"{address(device)}/renew_secret").status_code == 403
    )
    assert people.api(people.member()).post(f"{address(device)}/renew_secret").status_code == 404
    assert header_secrets.secret_of(device) == before


def counting(device: Device) -> set[str]:
    known = header_secrets.known(device.uuid, timezone.now())
    assert known is not None
    return {secret.decode() for secret in known.secrets}
