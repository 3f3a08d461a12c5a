"""The card on a device's page: how it is in a sentence, and what it did day by day."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone, translation

from accounts.models import Membership, Role
from devices.health import breaker
from devices.models import Acknowledgement, Device, DeviceDay, Incident, Outage, Webhook
from devices.pages import health_card
from tests.accounts import people
from tests.devices.test_device_admin import LIST, change
from tests.factories import make_device

pytestmark = pytest.mark.django_db


@pytest.fixture
def member() -> Membership:
    return people.member()


@pytest.fixture
def device(member: Membership) -> Device:
    return make_device(member.account)


def days(device: Device) -> None:
    today = timezone.now().date()
    DeviceDay.objects.create(device=device, day=today, accepted=80, delivered=60, read=20, failed=20)
    DeviceDay.objects.create(device=device, day=today - timedelta(days=2), accepted=10, delivered=10, refused=0)


def says(device: Device) -> str:
    with translation.override("es"):
        return str(health_card.content(device, timezone.now())["says"])


def test_it_says_how_the_device_is(device: Device) -> None:
    assert says(device) == "Está en servicio. El gateway no tiene puesto nuestro webhook. Ponlo de nuevo."
    Webhook.objects.create(device=device, secret="x", set_at=timezone.now())
    assert says(device) == "Está en servicio."
    breaker.take_out(device.pk, "instance_closed")
    device.refresh_from_db()
    assert says(device).startswith("Está fuera de servicio desde el ")
    assert "escanea su código QR" in says(device)
    Device.unscoped.update(status="connected", status_reason="")
    Acknowledgement.objects.create(device=device, connects_to="x", heard_at=timezone.now(), spells=1)
    DeviceDay.objects.create(device=device, day=timezone.now().date(), failed=4, failed_in_a_row=4)
    device.refresh_from_db()
    assert says(device).startswith("Está en servicio desde el ")
    assert says(device).endswith("Sus últimos 4 intentos fallaron.")
    assert "a prueba" in says(device)
    device.enabled = False
    assert says(device) == "Está desactivado aquí: no se envía nada por él."


def test_a_device_that_whatsapp_limits_says_until_when(device: Device, client: Client, member: Membership) -> None:
    until = timezone.now() + timedelta(hours=20)
    Device.unscoped.update(only_known_until=until, status="connected")
    Incident.objects.create(device=device, reason="time_lock")
    device.refresh_from_db()
    assert "solo escribe a quienes ya le escribieron" in says(device)
    Webhook.objects.create(device=device, secret="x", set_at=timezone.now(), heard_at=timezone.now())
    assert [health_card.content(device, moment)["is_well"] for moment in (timezone.now(), until)] == [False, True]
    client.force_login(member.user)
    assert "WhatsApp" in client.get(LIST).content.decode()
    address = f"/api/v1/accounts/{device.account_id}/devices/{device.pk}/health"
    told = people.api(member).get(address).json()["time_lock"]
    assert told["until"].startswith(f"{until:%Y-%m-%dT%H:%M:%S}")
    Device.unscoped.update(only_known_until=None)
    assert people.api(member).get(address).json()["time_lock"] is None


def test_a_silence_of_which_the_webhook_is_the_cause_says_so(device: Device) -> None:
    breaker.take_out(device.pk, "no_acknowledgement")
    device.refresh_from_db()
    now = timezone.now()
    Webhook.objects.create(device=device, secret="x", set_at=now, heard_at=now)
    assert "su conexión está colgada" in says(device)
    Webhook.objects.update(set_at=None, problem="hook_elsewhere")
    assert says(device).endswith("la instancia tiene otro webhook, y solo puede tener uno.")


def test_a_day_is_a_column_and_the_highest_fills_the_picture(device: Device) -> None:
    days(device)
    shown = health_card.content(device, timezone.now())
    assert (shown["most"], len(shown["columns"]), shown["delivered_share"]) == (100, 30, pytest.approx(77.8, abs=0.1))
    today = {part.kind: (part.y, part.height) for part in shown["columns"][-1].parts}
    assert today == {
        "delivered": ("40.000%", "60.000%"),
        "accepted": ("20.000%", "20.000%"),
        "failed": ("0.000%", "20.000%"),
    }
    assert shown["columns"][0].parts == []
    assert len(shown["told_days"]) == 2


def test_one_that_never_sent_has_no_picture(device: Device, member: Membership) -> None:
    page = people.browser(member).get(change(device), headers={"Accept-Language": "es"}).content.decode()
    assert "desde su primer mensaje" in page
    assert "pg-days-bars" not in page


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("language", ["es", "pt-br", "en"])
def test_everybody_who_sees_the_device_sees_it(device: Device, role: Role, language: str) -> None:
    days(device)
    Outage.objects.create(device=device, began_at=timezone.now() - timedelta(hours=5), over_at=timezone.now())
    browser: Client = people.browser(people.member(device.account, role))
    page = browser.get(change(device), headers={"Accept-Language": language}).content.decode()
    assert page.count('<rect class="pg-days-place"') == 30
    assert '<rect class="pg-days-out"' in page
    assert '="12,' not in page  # no comma in an attribute, whatever the language
    listed = browser.get(LIST, headers={"Accept-Language": language}).content.decode()
    assert ("77,8 %" if language != "en" else "77.8 %") in listed


def test_the_list_is_sorted_by_what_is_delivered(device: Device) -> None:
    days(device)
    make_device(device.account, instance_name="demo-2")
    place = ("name", "state", "why", "delivered").index("delivered") + 1
    listed = people.browser(people.member(device.account)).get(LIST, {"o": f"-{place}"})
    assert listed.status_code == 200
