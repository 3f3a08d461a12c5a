"""Telling administrators of a device that is out and looks well."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from accounts.models import Membership, Role
from campaigns import tasks
from campaigns.models import Notification
from campaigns.notices import device_notices
from campaigns.wording import campaign_notes
from config.schedule import BEAT_SCHEDULE
from devices.health import acknowledgements, timelock
from devices.health.acknowledgements import Accepted
from devices.models import Acknowledgement, Device, Incident
from tests.factories import make_account, make_device, make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def device() -> Device:
    return make_device(make_account(), name="Ventas {1} %s")


@pytest.fixture
def administrator(device: Device) -> Membership:
    make_member(device.account, Role.AGENT)
    make_member()  # another account's
    return make_member(device.account)


def hear(device: Device) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        acknowledgements.heard(cursor, {device.pk: timezone.now()})


def silence(device: Device) -> None:
    Device.unscoped.filter(pk=device.pk).update(status="connected", status_reason="")
    acknowledgements.accepted({device.pk: Accepted(5, -1.0, -1.0)})
    Acknowledgement.objects.update(silent_since=timezone.now() - timedelta(minutes=11))
    assert acknowledgements.watch() == [device.pk]


def codes() -> list[tuple[int, str]]:
    return list(Notification.unscoped.order_by("pk").values_list("user_id", "code"))


def test_administrators_are_told_once_of_each_incident_and_once_when_it_is_over(device, administrator) -> None:
    hear(device)
    assert device_notices.notify_incidents() == 0
    silence(device)
    assert device_notices.notify_incidents() == 1
    silence(device)  # its trial came to nothing
    assert device_notices.notify_incidents() == 0
    hear(device)
    hear(device)
    assert [device_notices.notify_incidents(), device_notices.notify_incidents()] == [1, 0]
    assert codes() == [(administrator.user_id, "device_out"), (administrator.user_id, "device_back")]
    silence(device)
    tasks.notify_device_incidents()
    assert len(codes()) == 3
    assert Incident.objects.count() == 2


def test_it_says_which_device_and_why(device, administrator) -> None:
    hear(device)
    silence(device)
    hear(device)
    device_notices.notify_incidents()
    out, back = Notification.unscoped.order_by("pk")
    assert campaign_notes.spanish_title(out.code, out.details) == "Dispositivo fuera de servicio: Ventas {1} %s"
    assert "ningún acuse" in campaign_notes.spanish_text(out.code, out.details)
    assert "vuelve a confirmar" in campaign_notes.spanish_text(back.code, back.details)
    with override("pt-br"):
        assert "confirmação" in campaign_notes.shown_text(out.code, out.details)
        assert "Ventas {1} %s" in campaign_notes.shown_title(back.code, back.details)


def test_of_a_deleted_device_nobody_is_told(device, administrator) -> None:
    hear(device)
    silence(device)
    device.delete()
    assert device_notices.notify_incidents() == 0
    assert codes() == []


def test_a_time_lock_is_told_in_its_own_words(device, administrator) -> None:
    hear(device)
    with transaction.atomic(), connection.cursor() as cursor:
        told = [timelock.Told(device.pk, f"+5198765432{number}", is_refused=True) for number in range(3)]
        assert timelock.note(cursor, told) == [device.pk]
    assert [device_notices.notify_incidents(), device_notices.notify_incidents()] == [1, 0]
    Device.unscoped.update(only_known_until=timezone.now())
    assert timelock.end_due() == [device.pk]
    assert [device_notices.notify_incidents(), device_notices.notify_incidents()] == [1, 0]
    assert codes() == [(administrator.user_id, "device_locked"), (administrator.user_id, "device_unlocked")]
    locked, unlocked = Notification.unscoped.order_by("pk")
    assert "nunca le escribieron" in campaign_notes.spanish_text(locked.code, locked.details)
    assert "Terminó" in campaign_notes.spanish_text(unlocked.code, unlocked.details)
    with override("pt-br"):
        assert "WhatsApp" in campaign_notes.shown_text(locked.code, locked.details)
        assert "Ventas {1} %s" in campaign_notes.shown_title(unlocked.code, unlocked.details)


def test_of_two_workers_one_tells(device, administrator) -> None:
    hear(device)
    silence(device)
    first, second = (Incident.objects.select_related("device").get() for _ in range(2))
    assert [device_notices._tell(one, "began_told_at", "device_out") for one in (first, second)] == [1, 0]


def test_the_bell_leads_to_the_device(device, administrator) -> None:
    hear(device)
    silence(device)
    device_notices.notify_incidents()
    client = Client()
    client.force_login(administrator.user)
    assert "Ventas {1} %s" in client.get(reverse("admin:campaigns_notification_panel")).content.decode()
    told = Notification.unscoped.get()
    answer = client.get(reverse("admin:campaigns_notification_open", args=[told.pk]))
    assert answer["Location"] == reverse("admin:devices_device_change", args=[device.pk])


def test_beat_asks_for_it() -> None:
    assert tasks.notify_device_incidents.name in {entry["task"] for entry in BEAT_SCHEDULE.values()}
