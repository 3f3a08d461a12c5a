"""How far a gateway's word of a device's link is believed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from devices import needs
from devices.gateway.base import LinkNews
from devices.health import breaker
from devices.models import Acknowledgement, Device, Webhook
from devices.webhooks import header_secrets, link_news
from tests.devices.webhooks.arrange import address, secret, told
from tests.factories import make_account, make_device
from tests.waiting import eventually

pytestmark = pytest.mark.django_db
T = datetime(2026, 11, 27, 9, 39, 35, tzinfo=UTC)


@pytest.fixture
def device() -> Device:
    """One that lost its connection while it sent, and is to be asked later."""
    device = make_device(
        make_account(),
        status="disconnected",
        status_reason="connection_closed",
        trouble_count=2,
        next_check_at=timezone.now() + timedelta(minutes=5),
    )
    header_secrets.secret_of(device)
    return device


def tell(device: Device, *, is_open: bool = True, after: float = 0.0, **more: Any) -> bool:
    news = LinkNews(**{"is_open": is_open, "instance": "demo-1", "at": T + timedelta(seconds=after), **more})
    return link_news.apply(device.pk, news)


def standing(device: Device) -> tuple[str, str]:
    device.refresh_from_db()
    return device.status, device.status_reason


OUT = ("disconnected", "connection_closed")
WELL = ("connected", "")


def is_asked(device: Device) -> bool:
    device.refresh_from_db()
    return bool(device.next_check_at <= timezone.now())


def test_a_link_that_is_open_again_is_believed_and_asked(device: Device) -> None:
    assert not tell(device, is_open=False)
    assert standing(device) == OUT
    assert tell(device, after=0.13)
    assert standing(device) == WELL
    assert is_asked(device)
    assert device.trouble_count == 2  # one message first


def test_twice_is_once(device: Device) -> None:
    assert tell(device)
    assert not tell(device)
    assert not tell(device, after=1)  # it is connected


def test_what_comes_late_changes_nothing(device: Device) -> None:
    assert not tell(device, is_open=False, after=10)
    Device.unscoped.update(next_check_at=timezone.now() + timedelta(minutes=5))
    assert not tell(device, after=0)
    assert standing(device) == OUT
    assert not is_asked(device)


@pytest.mark.parametrize("change", [{"instance": "demo-2"}, {"instance": ""}, {"at": None}])
def test_what_is_said_of_another_or_of_no_time_is_not_believed(device: Device, change: dict[str, Any]) -> None:
    assert not tell(device, **change)
    assert standing(device) == OUT
    assert is_asked(device) is ("demo-2" not in change.values())


@pytest.mark.parametrize(
    "row", [{"status": "blocked", "status_reason": "unauthorized"}, {"enabled": False}, {"deleted_at": T}]
)
def test_an_open_link_mends_nothing_else(device: Device, row: dict[str, Any]) -> None:
    Device.unscoped.update(**row)
    before = standing(device)
    assert not tell(device)
    assert standing(device) == before


def test_one_whose_link_closed_this_moment_is_waited_for_and_one_that_stays_closed_is_not(device: Device) -> None:
    def is_waited_for() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {breaker.EXPECTED} FROM devices_device AS device", breaker.EXPECTED_PARAMETERS)
            (by_sql,) = cursor.fetchone()
        assert breaker.available_soon(Device.unscoped.all()).exists() is bool(by_sql)
        return bool(by_sql)

    now = timezone.now()
    Device.unscoped.update(status_reason="instance_closed", status_checked_at=now, last_well_at=now)
    assert is_waited_for()
    Device.unscoped.update(status_checked_at=now - breaker.CLOSED_JUST_NOW)
    assert not is_waited_for()
    Device.unscoped.update(status_checked_at=now, last_well_at=now - breaker.HEARD_HOLDS)
    assert not is_waited_for()
    Device.unscoped.update(last_well_at=None)
    assert not is_waited_for()


def test_a_new_link_ends_the_wait_of_one_that_was_silent(device: Device) -> None:
    Device.unscoped.update(status_reason="no_acknowledgement")
    Acknowledgement.objects.create(
        device=device, heard_at=T, spells=2, out_until=timezone.now() + timedelta(hours=1), connects_to="x"
    )
    assert tell(device)
    assert standing(device) == WELL
    row = Acknowledgement.objects.get()
    assert (row.out_until, row.spells) == (None, 2)  # a trial, until one is heard of


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("closes_sessions_of_other_threads")
def test_at_the_door_it_wakes_who_waits_for_a_device(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[str] = []
    monkeypatch.setattr(needs, "who_waits", [lambda: woken.append("job")])
    event = {
        "event": "connection.update",
        "instance": "demo-1",
        "data": {"instance": "demo-1", "state": "open", "statusReason": 200},
        "date_time": "2026-11-27T09:39:35.227Z",
    }
    assert told(address(device), event, secret(device)).status == 200
    assert standing(device) == WELL
    eventually(lambda: woken)
    assert told(address(device), event, secret(device)).status == 200
    assert Webhook.objects.get().link_told_at == T + timedelta(milliseconds=227)
    assert woken == ["job"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("closes_sessions_of_other_threads")
def test_a_broker_that_is_away_costs_nothing(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(needs, "who_waits", [away])
    event = {"event": "connection.update", "instance": "demo-1", "data": {"state": "open"}, "date_time": T.isoformat()}
    assert told(address(device), event, secret(device)).status == 200
    assert standing(device) == WELL
