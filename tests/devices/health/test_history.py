"""What a device did and how it was, day by day of its account's clock; and how it is now."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Role
from devices.health import breaker, days, history
from devices.health.acknowledgements import NO_ACKNOWLEDGEMENT, Accepted
from devices.health.tally import Sent
from devices.models import Acknowledgement, Device, DeviceDay, Incident, Outage
from tests.accounts import people
from tests.factories import make_account, make_device

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)  # ten in the evening of the 29th in Lima


@pytest.fixture
def device() -> Device:
    return make_device(make_account(time_zone="America/Lima"))


def note_sent(device: Device, accepted: int = 0, failed: int = 0, in_a_row: int = 0) -> None:
    days.note_sent({device.pk: Sent(Accepted(accepted, 0, 0) if accepted else None, failed, 0.0, in_a_row)})


def note_ticks(device: Device, sent_at: datetime, **changes: int) -> None:
    ticks = days.TicksByMoment()
    for name, number in changes.items():
        setattr(ticks.of(device.pk, sent_at), name, number)
    with transaction.atomic(), connection.cursor() as cursor:
        days.note_ticks(cursor, ticks)


def was_out(device: Device, began_at: datetime, over_at: datetime | None, reason: str = "unreachable") -> None:
    Outage.objects.create(device=device, reason=reason, began_at=began_at, over_at=over_at)


def of(device: Device, number: int = 3) -> dict[date, history.Day]:
    return {one.day: one for one in history.days(device, number, NOW)}


def day(number: int) -> date:
    return date(2026, 11, number)


def test_days_are_those_of_the_accounts_clock_and_none_is_left_out(device: Device) -> None:
    assert list(of(device)) == [day(29), day(28), day(27)]


def test_receipts_count_for_the_day_on_which_the_message_went_out(device: Device) -> None:
    DeviceDay.objects.create(device=device, day=day(28), accepted=8)
    evening = datetime(2026, 11, 29, 4, 59, tzinfo=UTC)  # of the 28th in Lima
    note_ticks(device, evening, delivered=5, read=2, refused=1)
    note_ticks(device, evening, delivered=1, refused=-1)
    note_ticks(device, evening + timedelta(minutes=1), delivered=3)
    found = of(device)
    assert (found[day(28)].delivered, found[day(28)].read, found[day(28)].refused) == (6, 2, 0)
    assert (found[day(28)].delivered_share, found[day(28)].read_share) == (75.0, 25.0)
    assert (found[day(29)].delivered, found[day(29)].delivered_share) == (3, None)


def test_what_is_sent_adds_up_over_processes_and_a_good_send_ends_a_burst(device: Device) -> None:
    note_sent(device, accepted=10)
    note_sent(device, failed=2, in_a_row=2)
    note_sent(device, failed=3, in_a_row=3)
    now = history.now(device)
    assert (now.failed_in_a_row, now.is_burst) == (5, True)
    assert timezone.now() - now.last_sent_at < timedelta(minutes=1)
    assert now.last_failed_at >= now.last_sent_at
    note_sent(device, accepted=1, failed=4, in_a_row=1)
    row = DeviceDay.objects.get()
    assert (row.accepted, row.failed, row.failed_in_a_row) == (11, 9, 1)
    assert not history.now(device).is_burst


def test_a_zone_that_nobody_knows_is_utc_and_one_that_is_gone_is_left_out(device: Device) -> None:
    device.account.time_zone = "Mars/Olympus"
    device.account.save()
    note_sent(device, accepted=1)
    days.note_sent({device.pk + 1000: Sent(Accepted(1, 0, 0), 0, 0.0, 0)})
    assert DeviceDay.objects.get().device_id == device.pk
    assert history.days(device, 1, NOW)[0].day == day(30)


def test_an_outage_over_midnight_is_of_both_days(device: Device) -> None:
    was_out(device, datetime(2026, 11, 29, 4, 30, tzinfo=UTC), datetime(2026, 11, 29, 5, 15, tzinfo=UTC))
    was_out(device, datetime(2026, 11, 29, 6, 0, tzinfo=UTC), datetime(2026, 11, 29, 6, 5, tzinfo=UTC))
    was_out(device, datetime(2026, 11, 30, 2, 0, tzinfo=UTC), None)
    found = of(device)
    assert (found[day(28)].minutes_out, found[day(29)].minutes_out) == (30, 80)
    was_out(device, datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 27, 6, tzinfo=UTC))
    assert of(device)[day(27)].minutes_out == 60


@pytest.mark.parametrize("change", [{"status": "connected"}, {"status": "connecting"}, {"enabled": False}])
def test_whatever_takes_it_out_or_brings_it_back_is_noted(device: Device, change: dict[str, Any]) -> None:
    assert breaker.take_out(device.pk, "unreachable")
    outage = Outage.objects.get()
    assert (outage.device_id, outage.reason, outage.over_at) == (device.pk, "unreachable", None)
    Device.unscoped.update(status="blocked", status_reason="unauthorized")  # still out
    assert Outage.objects.get().over_at is None
    Device.unscoped.update(**change)
    assert Outage.objects.get().over_at is not None
    Device.unscoped.update(status="disconnected", enabled=True)
    assert Outage.objects.count() == 2
    Device.unscoped.get().delete()
    assert not Outage.objects.filter(over_at=None).exists()


def test_one_that_is_made_out_is_out_from_the_start() -> None:
    made = make_device(make_account(), status="disconnected", status_reason="instance_closed")
    assert Outage.objects.get().device_id == made.pk
    make_device(made.account, status="disconnected", enabled=False)
    assert Outage.objects.count() == 1


def test_incidents_are_counted_on_the_day_they_began(device: Device) -> None:
    for hours in (1, 2, 30):
        Incident.objects.create(device=device, reason=NO_ACKNOWLEDGEMENT, began_at=NOW - timedelta(hours=hours))
    found = of(device)
    assert [found[day(number)].incidents for number in (29, 28, 27)] == [2, 1, 0]


def test_since_when_it_is_as_it_is(device: Device) -> None:
    assert history.now(device).since is None  # nobody has ever seen it well
    breaker.take_out(device.pk, "unreachable")
    device.refresh_from_db()
    now = history.now(device)
    assert (now.status, now.reason, now.since, now.link) == (
        "disconnected",
        "unreachable",
        Outage.objects.get().began_at,
        "unknown",
    )
    Device.unscoped.update(status="connected", status_reason="")
    device.refresh_from_db()
    assert (history.now(device).since, history.now(device).link) == (Outage.objects.get().over_at, "open")
    Device.unscoped.update(enabled=False)
    device.refresh_from_db()
    assert history.now(device).since is None


def test_what_is_old_goes_and_what_is_not_over_stays(device: Device) -> None:
    then = NOW - days.KEPT_FOR - timedelta(days=2)
    DeviceDay.objects.create(device=device, day=then.date(), accepted=1)
    DeviceDay.objects.create(device=device, day=NOW.date(), accepted=1)
    was_out(device, then, then)
    was_out(device, then, None)
    Incident.objects.create(device=device, reason="x", began_at=then, over_at=then, over_told_at=then)
    Incident.objects.create(device=device, reason="x", began_at=then, over_at=then)  # nobody was told
    assert days.forget_old(NOW) == 3
    assert (DeviceDay.objects.count(), Outage.objects.get().over_at, Incident.objects.count()) == (1, None, 1)


# --- The API ------------------------------------------------------------------------------------------------


def address(device: Device) -> str:
    return f"/api/v1/accounts/{device.account_id}/devices/{device.pk}/health"


def test_every_member_reads_it_and_nobody_else(device: Device) -> None:
    for role in Role:
        assert people.api(people.member(device.account, role)).get(address(device)).status_code == 200
    assert people.api(people.member()).get(address(device)).status_code == 404
    viewer = people.api(people.member(device.account, Role.VIEWER))
    device.delete()
    assert viewer.get(address(device)).status_code == 404


def test_it_tells_how_the_device_is_and_was(device: Device) -> None:
    note_sent(device, accepted=4, failed=3, in_a_row=3)
    Acknowledgement.objects.create(device=device, connects_to="x", heard_at=NOW, unanswered=2)
    breaker.take_out(device.pk, "instance_closed")
    answer = people.api(people.member(device.account)).get(address(device)).json()
    assert answer["status"] == "disconnected"
    assert (answer["code"], answer["link"], answer["failed_in_a_row"]) == ("instance_closed", "closed", 3)
    assert "QR" in answer["status_reason"]
    assert answer["since"] is not None
    assert answer["webhook"]["code"] == "hook_missing"
    assert answer["acknowledgements"] == {
        "unanswered": 2,
        "silent_since": None,
        "out_until": None,
        "on_trial": False,
    }
    assert answer["last_acknowledged_at"].startswith("2026-11-30T03:00:00")
    assert len(answer["history"]) == 30
    assert answer["history"][0] == {
        "day": timezone.now().astimezone(history.clock_of(device)).date().isoformat(),
        "accepted": 4,
        "delivered": 0,
        "read": 0,
        "refused": 0,
        "failed": 3,
        "delivered_percentage": 0.0,
        "read_percentage": 0.0,
        "minutes_out": 0,
        "incidents": 0,
    }
    assert device.token not in str(answer)


@pytest.mark.parametrize(("days_written", "status"), [("1", 200), ("366", 200), ("0", 400), ("367", 400), ("x", 400)])
def test_how_many_days_is_said(device: Device, days_written: str, status: int) -> None:
    answer = people.api(people.member(device.account)).get(address(device), {"days": days_written})
    assert answer.status_code == status
    if status == 200:
        assert len(answer.json()["history"]) == int(days_written)


@pytest.mark.parametrize("written", ["", "-1", "²", "1.5", "9" * 5000, "1\0"])
def test_nonsense_for_days_is_refused(device: Device, written: str) -> None:
    assert people.api(people.member(device.account)).get(address(device), {"days": written}).status_code == 400
