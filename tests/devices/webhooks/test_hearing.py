"""What the door notes of whom it hears."""

import asyncio
from datetime import timedelta

import pytest
from django.utils import timezone

from devices import needs
from devices.models import Device, Webhook
from devices.webhooks import hearing
from devices.webhooks.receiver import Receiver
from tests.devices.webhooks.arrange import address, nobody, receipt, secret, tell, told
from tests.factories import make_account, make_device

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("closes_sessions_of_other_threads"),
]


@pytest.fixture
def device(transactional_db: None) -> Device:
    return make_device(make_account())


def connection(state: str = "open") -> dict[str, object]:
    return {"event": "connection.update", "instance": "demo-1", "data": {"instance": "demo-1", "state": state}}


def test_whoever_tells_something_was_heard_also_where_it_is_of_no_use(device: Device) -> None:
    for event in (receipt(), {"event": "chats.update", "data": []}):
        Webhook.objects.update(heard_at=None)
        assert told(address(device), event, secret(device)).status == 200
        row = Webhook.objects.get()
        assert row.heard_at is not None
        assert row.refused_at is None


def test_whoever_comes_without_the_secret_is_noted_as_that(device: Device) -> None:
    secret(device)
    assert told(address(device), receipt()).status == 401
    row = Webhook.objects.get()
    assert (row.heard_at, row.refused_at is None) == (None, False)


def test_a_change_of_its_link_has_the_device_asked_at_once(device: Device) -> None:
    later = timezone.now() + timedelta(minutes=5)
    Device.unscoped.update(next_check_at=later)
    assert told(address(device), receipt(), secret(device)).status == 200
    assert told(address(device), connection()).status == 401
    assert Device.unscoped.get().next_check_at == later
    assert told(address(device), connection("connecting"), secret(device)).status == 200
    assert Device.unscoped.get().next_check_at < timezone.now() + timedelta(seconds=1)


def test_one_that_is_switched_off_is_not_asked(device: Device) -> None:
    later = timezone.now() + timedelta(minutes=5)
    Device.unscoped.update(next_check_at=later, enabled=False)
    assert told(address(device), connection(), secret(device)).status == 200
    assert Device.unscoped.get().next_check_at == later


def test_a_refusal_has_the_inbox_worked_at_once(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    worked: list[str] = []
    monkeypatch.setattr(hearing, "WORK_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(needs, "who_works_inbox", [lambda: worked.append("now")])
    header = secret(device)

    async def tell_all() -> None:
        door = Receiver(nobody)
        await tell(door, address(device), receipt(status="READ"), [header])
        await asyncio.sleep(0)
        await asyncio.to_thread(lambda: None)
        assert worked == []
        await tell(door, address(device), receipt(status="ERROR"), [header])
        while not worked:
            await asyncio.sleep(0)

    asyncio.run(tell_all())
    assert worked == ["now"]


def test_a_broker_that_is_away_costs_no_receipt(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise ConnectionError

    monkeypatch.setattr(needs, "who_works_inbox", [away])
    hearing._have_worked()
