"""Devices that accept messages of which nothing is ever heard."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from devices.gateway.base import Link, Probe
from devices.gateway.evolution import EvolutionGateway
from devices.health import acknowledgements, breaker, probes
from devices.health.acknowledgements import NO_ACKNOWLEDGEMENT, Accepted
from devices.health.tally import Tally
from devices.lane.limits import limits_of
from devices.models import Acknowledgement, Device
from devices.states import DeviceStatus
from tests.factories import make_account, make_device

pytestmark = pytest.mark.django_db


@pytest.fixture
def device() -> Device:
    return make_device(make_account(), status=DeviceStatus.CONNECTED)


def hear(device: Device) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        acknowledgements.heard(cursor, {device.pk: timezone.now()})


def accept(device: Device, number: int = 5, first_ago: float = 0.0, last_ago: float = 0.0) -> None:
    acknowledgements.accepted({device.pk: Accepted(number, first_ago, last_ago)})


def pass_time(minutes: float = 10.01) -> None:
    """What happened is so much longer ago."""
    by = timedelta(minutes=minutes)
    Acknowledgement.objects.update(
        heard_at=F("heard_at") - by, silent_since=F("silent_since") - by, out_until=F("out_until") - by
    )


def standing(device: Device) -> tuple[str, str]:
    device.refresh_from_db()
    return device.status, device.status_reason


OUT = (DeviceStatus.DISCONNECTED, NO_ACKNOWLEDGEMENT)
OPEN = Probe(Link.OPEN)
WELL = (DeviceStatus.CONNECTED, "")


def silenced(device: Device) -> Device:
    hear(device)
    accept(device)
    pass_time()
    assert acknowledgements.watch() == [device.pk]
    return device


def look(device: Device, monkeypatch: pytest.MonkeyPatch, said: Probe = OPEN) -> tuple[str, str]:
    """A round asks it how it is."""
    monkeypatch.setattr(EvolutionGateway, "probe", lambda *_: said)
    device.refresh_from_db()
    probes.record(device, probes.probe(device), timezone.now())
    return standing(device)


def test_one_that_goes_silent_is_taken_out(device: Device) -> None:
    hear(device)
    accept(device)
    pass_time(9.9)
    assert acknowledgements.watch() == []
    pass_time(0.2)
    assert acknowledgements.watch() == [device.pk]
    assert standing(device) == OUT
    assert device.next_check_at > timezone.now() + timedelta(minutes=9)
    assert acknowledgements.watch() == []


def test_one_that_was_never_heard_of_is_not(device: Device) -> None:
    accept(device, 1000, first_ago=7200, last_ago=3600)
    assert acknowledgements.watch() == []
    assert standing(device) == WELL


def test_a_few_messages_prove_nothing(device: Device) -> None:
    hear(device)
    accept(device, 4)
    pass_time()
    assert acknowledgements.watch() == []


def test_the_silence_begins_when_there_were_enough(device: Device) -> None:
    hear(device)
    accept(device, 4)
    pass_time(9)
    accept(device, 1)
    pass_time(9)
    assert acknowledgements.watch() == []
    pass_time(1.1)
    assert acknowledgements.watch() == [device.pk]


def test_a_receipt_ends_it(device: Device) -> None:
    hear(device)
    accept(device)
    pass_time(9)
    hear(device)
    pass_time()
    assert acknowledgements.watch() == []


def test_what_was_accepted_before_the_last_receipt_is_not_counted(device: Device) -> None:
    hear(device)
    accept(device, 100, first_ago=20, last_ago=15)
    pass_time()
    assert acknowledgements.watch() == []


def test_another_instance_is_another_device(device: Device) -> None:
    hear(device)
    accept(device)
    Device.unscoped.filter(pk=device.pk).update(instance_name="demo-2")
    pass_time()
    assert acknowledgements.watch() == []
    assert standing(device) == WELL


@pytest.mark.parametrize("change", [{"status": "disconnected", "status_reason": "unreachable"}, {"enabled": False}])
def test_who_was_out_meanwhile_begins_anew(device: Device, change: dict[str, object]) -> None:
    hear(device)
    accept(device)
    Device.unscoped.filter(pk=device.pk).update(**change)
    assert acknowledgements.watch() == []
    Device.unscoped.filter(pk=device.pk).update(status="connected", status_reason="", enabled=True)
    pass_time()
    assert acknowledgements.watch() == []


def test_it_can_be_switched_off(device: Device, settings) -> None:
    settings.ACK_WATCHDOG_MINUTES = 0
    hear(device)
    accept(device)
    pass_time()
    assert acknowledgements.watch() == []


def test_the_wire_of_a_deleted_device_says_nothing(device: Device) -> None:
    device.delete()
    hear(device)
    assert not Acknowledgement.objects.exists()


def test_an_open_state_brings_it_back_only_when_its_time_is_over(device: Device, monkeypatch) -> None:
    silenced(device)
    assert look(device, monkeypatch) == OUT
    assert device.last_well_at is None
    pass_time()
    assert look(device, monkeypatch) == WELL
    assert breaker.expected(Device.unscoped.filter(pk=device.pk)).exists() is False


def test_what_is_worse_is_said_meanwhile(device: Device, monkeypatch) -> None:
    silenced(device)
    closed = Probe(Link.CLOSED, "instance_closed")
    assert look(device, monkeypatch, closed) == (DeviceStatus.DISCONNECTED, "instance_closed")
    assert look(device, monkeypatch) == WELL  # a link that was closed is a new one


def test_a_person_who_checks_it_has_it_tried_again(device: Device, monkeypatch) -> None:
    silenced(device)
    monkeypatch.setattr(EvolutionGateway, "probe", lambda *_: Probe(Link.OPEN))
    device.refresh_from_db()
    assert probes.check(device, timezone.now()) == DeviceStatus.CONNECTED
    assert standing(device) == WELL


def trial(device: Device) -> int | None:
    with connection.cursor() as cursor:
        limits = limits_of(cursor, [device.pk])[device.pk]
    assert limits.awaits_receipt is (limits.allowance is not None)
    return limits.allowance


def test_on_trial_it_may_send_a_few_until_one_is_heard_of(device: Device, monkeypatch) -> None:
    hear(device)
    assert trial(device) is None
    accept(device)
    pass_time()
    acknowledgements.watch()
    pass_time()
    look(device, monkeypatch)
    assert trial(device) == 5
    accept(device, 2)
    assert trial(device) == 3
    accept(device, 3)
    assert trial(device) == 0
    hear(device)
    assert trial(device) is None


def test_it_stays_out_for_twice_as_long_each_time(device: Device, monkeypatch) -> None:
    silenced(device)
    pass_time()
    assert look(device, monkeypatch) == WELL
    accept(device)
    pass_time()
    assert acknowledgements.watch() == [device.pk]
    pass_time(19)
    assert look(device, monkeypatch) == OUT
    pass_time(1.1)
    assert look(device, monkeypatch) == WELL


def test_a_late_receipt_has_it_asked_at_once(device: Device, monkeypatch) -> None:
    silenced(device)
    hear(device)
    device.refresh_from_db()
    assert device.next_check_at <= timezone.now()
    assert look(device, monkeypatch) == WELL
    assert Acknowledgement.objects.get(device=device).spells == 0


def test_a_trial_is_of_the_instance_that_was_silent(device: Device) -> None:
    silenced(device)
    Device.unscoped.filter(pk=device.pk).update(instance_name="demo-2")
    assert trial(device) is None


def test_a_tally_tells_each_message_once() -> None:
    tally = Tally()
    tally.note(7, 100.0)
    tally.note(7, 103.0)
    tally.note(8, 104.0)
    tally.note_failed(8, 104.5)
    tally.note_failed(9, 103.5)
    tally.note(9, 104.0)
    told = tally.take(105.0)
    assert {device: sent.accepted for device, sent in told.items()} == {
        7: Accepted(2, 5.0, 2.0),
        8: Accepted(1, 1.0, 1.0),
        9: Accepted(1, 1.0, 1.0),
    }
    assert [(sent.failed, sent.in_a_row) for sent in told.values()] == [(0, 0), (1, 1), (1, 0)]
    assert told[8].failed_ago == 0.5
    assert tally.take(106.0) == {}
