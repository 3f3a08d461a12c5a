"""What was told in vain is read from the gateway's store: once, the newest first, and no faster than it should be."""

import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from devices.gateway.base import Stored
from devices.gateway.evolution.stored_events import StoredEvents
from devices.models import CatchUp, Device, InboxEvent, Webhook
from devices.webhooks import catching_up, header_secrets
from tests.devices import arrange
from tests.devices.webhooks.arrange import kept
from tests.simulator_process import Simulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback_is_open")]
NOW = timezone.now()
AN_HOUR_AGO = NOW - timedelta(hours=1)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching_up, "PAUSE_SECONDS", 0.0)


@pytest.fixture
def gateway(simulator: Simulator) -> Simulator:
    simulator.renew()
    return simulator


@pytest.fixture
def device(gateway: Simulator) -> Device:
    return behind(1, gateway)


def behind(number: int, gateway: Simulator, missed_since: datetime | None = AN_HOUR_AGO) -> Device:
    """A device that is well, of which something may be missed."""
    device = arrange.device(simulator=gateway, instance_name=f"demo-{number}", status="connected")
    header_secrets.secret_of(device)
    Webhook.objects.filter(device=device).update(set_at=AN_HOUR_AGO)
    CatchUp.objects.create(device=device, missed_since=missed_since)
    return device


def row(device: Device) -> CatchUp:
    return CatchUp.objects.get(device=device)


def texts() -> list[str]:
    return [event["data"][0]["message"]["conversation"] for event in kept() if event["event"] == "messages.upsert"]


def caught_up() -> int:
    """Rounds until nothing is left, and how many pages they were."""
    pages = 0
    while found := catching_up.catch_up(timezone.now()):
        pages += found
    return pages


def test_what_people_wrote_meanwhile_and_what_became_of_our_messages_is_taken_in(
    device: Device, gateway: Simulator
) -> None:
    gateway.incoming("demo-1", "51987654321", "hola", at=NOW.timestamp() - 300)
    gateway.incoming("demo-1", "51987654322", "BAJA", at=NOW.timestamp() - 200)
    gateway.incoming("demo-1", "51987654323", "mucho antes", at=NOW.timestamp() - 7300)
    sent = gateway.post("/message/sendText/demo-1", {"number": "51987654324", "text": "Hola"}).json()["key"]["id"]
    gateway.receipt("demo-1", sent, "READ")

    assert caught_up() == 1
    assert texts() == ["hola", "BAJA"]
    (receipts,) = [event["data"] for event in kept() if event["event"] == "messages.update"]
    assert {"keyId": sent, "fromMe": True, "status": "READ"} in receipts
    assert catching_up.standing(device).missed_since is None
    assert catching_up.standing(device).read_at is not None
    assert caught_up() == 0, "it is asked again"


def test_a_long_absence_is_read_page_by_page_the_newest_first(
    device: Device, gateway: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.gateway.evolution.stored_events.PAGE_SIZES", (10,))
    for number in range(25):
        gateway.incoming("demo-1", f"519876543{number:02}", f"hola {number}", at=int(NOW.timestamp()) - 3000 + number)

    assert caught_up() >= 3
    assert sorted(set(texts())) == sorted(f"hola {number}" for number in range(25))
    assert texts()[:10] == [f"hola {number}" for number in range(15, 25)]


def test_many_messages_of_one_second_are_all_read(
    device: Device, gateway: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.gateway.evolution.stored_events.PAGE_SIZES", (10,))
    for number in range(35):
        gateway.incoming("demo-1", f"519876543{number:02}", f"hola {number}", at=int(NOW.timestamp()) - 3000)
    gateway.incoming("demo-1", "51987654399", "antes", at=int(NOW.timestamp()) - 3001)

    caught_up()
    assert {*texts()} == {"antes", *(f"hola {number}" for number in range(35))}


def test_whoever_dies_leaves_the_rest_to_the_next(
    device: Device, gateway: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.gateway.evolution.stored_events.PAGE_SIZES", (10,))
    for number in range(15):
        gateway.incoming("demo-1", f"519876543{number:02}", f"hola {number}", at=int(NOW.timestamp()) - 3000 + number)
    (reading,) = catching_up._take(timezone.now())
    catching_up._note(reading, catching_up._ask(reading), NOW)

    assert caught_up() == 0, "somebody else is at it"
    later = timezone.now() + timedelta(minutes=6)
    assert catching_up.catch_up(later) >= 1
    assert {*texts()} == {f"hola {number}" for number in range(15)}


def test_an_absence_while_it_is_being_read_has_it_read_from_the_beginning(device: Device, gateway: Simulator) -> None:
    (reading,) = catching_up._take(timezone.now())
    CatchUp.objects.update(began_at=None, look_at=None)  # as `absences` marks it
    catching_up._note(reading, catching_up._ask(reading), NOW)
    assert row(device).missed_since == AN_HOUR_AGO


def test_no_more_than_three_days_are_read(gateway: Simulator) -> None:
    device = behind(1, gateway, NOW - timedelta(days=30))
    (reading,) = catching_up._take(timezone.now())
    assert timezone.now() - reading.since < timedelta(hours=73)
    assert reading.device == device


def test_one_that_keeps_no_messages_cannot_tell_and_says_so(device: Device, gateway: Simulator) -> None:
    gateway.incoming("demo-1", "51987654321", "BAJA")
    gateway.faults({"no-store": 1})
    caught_up()

    assert catching_up.standing(device) == (None, None, "no_store")
    assert not InboxEvent.objects.exists()


def test_one_in_whose_store_nothing_is_of_that_time_missed_nothing(device: Device, gateway: Simulator) -> None:
    gateway.incoming("demo-1", "51987654321", "hola", at=NOW.timestamp() - 100_000)
    caught_up()
    assert catching_up.standing(device).reason == ""


def test_one_that_refuses_is_asked_again_ever_more_seldom(device: Device, gateway: Simulator) -> None:
    gateway.incoming("demo-1", "51987654321", "BAJA")
    gateway.faults({"502": 1})
    waits = []
    for _ in range(3):
        now = row(device).look_at or timezone.now()
        assert catching_up.catch_up(now) == 1
        look_at = row(device).look_at
        assert look_at is not None
        waits.append(round((look_at - now).total_seconds() / 60))
    assert waits == [1, 2, 5]
    assert catching_up.standing(device).reason == "gateway_error"

    gateway.faults({})
    assert catching_up.catch_up(row(device).look_at or NOW) == 1
    assert texts() == ["BAJA"]


@pytest.mark.parametrize(
    "change",
    [{"enabled": False}, {"deleted_at": NOW}, {"status": "blocked", "status_reason": "unauthorized"}],
)
def test_whoever_cannot_be_asked_waits(device: Device, change: dict[str, Any]) -> None:
    Device.unscoped.update(**change)
    assert catching_up.catch_up(NOW) == 0


def test_while_its_webhook_does_not_stand_a_device_waits(device: Device) -> None:
    Webhook.objects.update(set_at=None, problem="hook_elsewhere")
    assert catching_up.catch_up(NOW) == 0


def test_many_are_asked_few_at_a_time(gateway: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching_up, "MOST", 2)
    for number in (1, 2, 3):
        behind(number, gateway)
    assert catching_up.catch_up(timezone.now()) == 2
    assert catching_up.catch_up(timezone.now()) == 1


def test_what_a_round_has_no_time_for_is_gone_on_with_in_the_next(
    device: Device, gateway: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.gateway.evolution.stored_events.PAGE_SIZES", (10,))
    for number in range(25):
        gateway.incoming("demo-1", f"519876543{number:02}", f"hola {number}", at=int(NOW.timestamp()) - 3000 + number)
    read = StoredEvents.read

    def slow(*args: Any) -> Stored:
        found = read(*args)
        monkeypatch.setattr(catching_up, "ROUND_SECONDS", -1.0)
        clock.append(10_000.0)
        return found

    clock: list[float] = []
    real = time.monotonic
    monkeypatch.setattr(catching_up.time, "monotonic", lambda: real() + sum(clock))
    monkeypatch.setattr(StoredEvents, "read", slow)
    assert catching_up.catch_up(timezone.now()) == 1
    monkeypatch.undo()
    monkeypatch.setattr(catching_up, "PAUSE_SECONDS", 0.0)

    assert row(device).look_at is None
    caught_up()
    assert {*texts()} == {f"hola {number}" for number in range(25)}


def test_a_provider_that_raises_costs_its_own_device_alone(
    device: Device, gateway: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = behind(2, gateway)

    def broken(store: StoredEvents, *_: Any) -> Stored:
        if store._instance.name == "demo-1":
            raise KeyError("something of ours")
        return Stored()

    monkeypatch.setattr(StoredEvents, "read", broken)
    catching_up.catch_up(timezone.now())
    assert [row(one).problem for one in (device, other)] == ["unexpected_answer", ""]
