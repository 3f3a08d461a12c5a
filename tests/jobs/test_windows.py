"""Sending windows: by the recipient's own clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.rules import presets
from devices.phone_zones import zone_of
from jobs import windows
from jobs.models import Recipient
from jobs.running.lane_runner import LaneRunner
from jobs.states import JobStatus
from tests.factories import make_account, make_device, make_job
from tests.simulator_process import Simulator
from tests.waiting import GIVE_UP_SECONDS

LIMA = ZoneInfo("America/Lima")


def window(**changes: object) -> windows.Window:
    parsed = windows.parse({"start": "09:00", "end": "20:00", **changes})
    assert parsed is not None
    return parsed


def test_an_empty_window_is_none_at_all() -> None:
    assert windows.parse({}) is None


@pytest.mark.parametrize(
    ("local", "opens"),
    [
        ("2026-11-20 08:59", "2026-11-20 09:00"),
        ("2026-11-20 09:00", "2026-11-20 09:00"),
        ("2026-11-20 19:59", "2026-11-20 19:59"),
        ("2026-11-20 20:00", "2026-11-23 09:00"),  # a Friday
    ],
)
def test_it_opens_at_its_start_on_its_weekdays(local: str, opens: str) -> None:
    now = datetime.fromisoformat(local).replace(tzinfo=LIMA)
    opening = windows.opening(window(weekdays=[0, 1, 2, 3, 4]), LIMA, now)
    assert opening == datetime.fromisoformat(opens).replace(tzinfo=LIMA)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),
    st.sampled_from(["America/Lima", "America/Santiago", "Europe/Madrid", "Asia/Kathmandu"]),
)
def test_whenever_it_opens_next_it_is_open_then_and_never_before(moment: datetime, zone: str) -> None:
    now, there = moment.replace(tzinfo=UTC), ZoneInfo(zone)
    opening = windows.opening(window(weekdays=[2]), there, now)
    assert opening is not None
    assert now <= opening <= now + timedelta(days=8)
    assert windows.opening(window(weekdays=[2]), there, opening) == opening


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"start": "9:00"}, "bad_time"),
        ({"end": "24:01"}, "bad_time"),
        ({"start": 9}, "bad_time"),
        ({"end": "08:00"}, "end_before_start"),
        ({"weekdays": []}, "bad_weekdays"),
        ({"weekdays": [7]}, "bad_weekdays"),
        ({"weekdays": [True]}, "bad_weekdays"),
        ({"weekdays": [False]}, "bad_weekdays"),
        ({"weekdays": [1.0]}, "bad_weekdays"),
        ({"zone": "UTC"}, "unknown_key"),
        ({"time_zone_attribute": 5}, "bad_attribute"),
        ({"time_zone_attribute": "x" * 101}, "bad_attribute"),
        ({"time_zone_attribute": "\ud800"}, "bad_attribute"),
    ],
)
def test_what_is_no_window_is_refused(changes: dict[str, object], code: str) -> None:
    with pytest.raises(windows.BadWindow) as refused:
        window(**changes)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("phone", "zone"),
    [("+51987654321", "America/Lima"), ("+5511987654321", "America/Sao_Paulo"), ("+34600111222", "Europe/Madrid")],
)
def test_a_number_tells_its_time_zone(phone: str, zone: str) -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    assert now.astimezone(zone_of(phone)).utcoffset() == now.astimezone(ZoneInfo(zone)).utcoffset()


@pytest.mark.parametrize(
    ("value", "zone"),
    [
        ("America/Lima", "America/Lima"),
        (" America/Lima ", "America/Lima"),
        ("Lima", "Europe/Madrid"),
        ("", "Europe/Madrid"),
        ("../../etc/passwd", "Europe/Madrid"),
    ],
)
def test_the_attributes_time_zone_comes_before_the_numbers(value: str, zone: str) -> None:
    raw = {"start": "09:00", "end": "10:00", "time_zone_attribute": "zona"}
    hours = windows.hours_of(raw, ["name", "custom_attributes.zona"])
    assert hours is not None
    now = datetime(2026, 11, 20, 20, tzinfo=UTC)
    opening = hours.opening_for("+34600111222", ["Ana", value], now)
    assert opening == datetime(2026, 11, 21, 9, tzinfo=ZoneInfo(zone))


def test_without_the_attributes_column_or_value_the_number_tells() -> None:
    raw = {"start": "09:00", "end": "10:00", "time_zone_attribute": "zona"}
    now = datetime(2026, 11, 20, 20, tzinfo=UTC)
    for columns, values in ((["name"], ["Ana"]), (["name", "custom_attributes.zona"], ["Ana"])):
        hours = windows.hours_of(raw, columns)
        assert hours is not None
        opening = hours.opening_for("+34600111222", values, now)
        assert opening == datetime(2026, 11, 21, 9, tzinfo=ZoneInfo("Europe/Madrid"))


BOGOTA = ZoneInfo("America/Bogota")
COLOMBIA = presets.of(["CO"])


@pytest.mark.parametrize(
    ("raw", "local", "opens"),
    [
        ({}, "2027-01-08 18:58", "2027-01-08 18:58"),
        ({}, "2027-01-08 18:59", "2027-01-09 08:00"),
        ({}, "2027-01-09 15:00", "2027-01-12 07:00"),  # Sunday, and a holiday on Monday
        ({"start": "06:00", "end": "10:00"}, "2027-01-12 06:30", "2027-01-12 07:00"),
        ({"start": "06:00", "end": "10:00"}, "2027-01-12 10:00", "2027-01-13 07:00"),
        ({"start": "09:00", "end": "20:00", "weekdays": [6]}, "2027-01-12 10:00", None),
        ({"start": "19:00", "end": "24:00"}, "2027-01-12 10:00", None),
    ],
)
def test_what_the_window_and_the_country_allow_is_open(raw: dict[str, object], local: str, opens: str | None) -> None:
    hours = windows.hours_of(raw, [], COLOMBIA)
    assert hours is not None
    now = datetime.fromisoformat(local).replace(tzinfo=BOGOTA)
    expected = opens and datetime.fromisoformat(opens).replace(tzinfo=BOGOTA)
    assert hours.opening_for("+573001234567", [], now) == expected


def test_a_countrys_hours_are_its_own_peoples_alone() -> None:
    hours = windows.hours_of({}, [], COLOMBIA)
    assert hours is not None
    sunday = datetime(2027, 1, 10, 12, tzinfo=BOGOTA)
    assert hours.opening_for("+51987654321", [], sunday) == sunday
    assert windows.hours_of({}, [], presets.of(["PE"])) is None


def test_they_are_kept_by_the_clock_that_the_person_has() -> None:
    raw = {"start": "00:00", "end": "24:00", "time_zone_attribute": "zona"}
    hours = windows.hours_of(raw, ["custom_attributes.zona"], COLOMBIA)
    assert hours is not None
    now = datetime(2027, 1, 12, 18, 30, tzinfo=BOGOTA)
    opening = hours.opening_for("+573001234567", ["Europe/Madrid"], now)
    assert opening == datetime(2027, 1, 13, 7, tzinfo=ZoneInfo("Europe/Madrid"))


@pytest.mark.django_db(transaction=True)
def test_recipients_outside_their_window_wait_by_their_due_time(simulator: Simulator) -> None:
    account = make_account()
    # Around midnight an hour is no window: then the open ones are in Madrid.
    home, phone = (
        (LIMA, "+51987654321") if 1 <= datetime.now(tz=LIMA).hour <= 22 else (ZoneInfo("Europe/Madrid"), "+34600111222")
    )
    start, end = datetime.now(tz=home) - timedelta(minutes=30), datetime.now(tz=home) + timedelta(minutes=30)
    job = make_job(
        account,
        4,
        (make_device(account, simulator.url),),
        sending_window={"start": f"{start:%H:%M}", "end": f"{end:%H:%M}"},
    )
    Recipient.objects.filter(job=job).update(phone=phone)
    Recipient.objects.filter(job=job, position__gte=2).update(phone="+6421123456")  # another part of the day
    runner = LaneRunner()
    runner.run(GIVE_UP_SECONDS)
    runner.close()

    job.refresh_from_db()
    assert (job.status, job.sent) == (JobStatus.PROCESSING, 2)
    waiting = Recipient.objects.filter(job=job, state="queued")
    assert waiting.count() == 2
    assert all(row.due_at is not None and row.due_at > datetime.now(tz=UTC) for row in waiting)
