"""Moments as files have them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from accounts.written import moments

LIMA = ZoneInfo("America/Lima")


@pytest.mark.parametrize(
    "text",
    [
        *("2026-05-31", "2026/5/31", "31/05/2026", "31-5-26", "31.05.2026", "05/31/2026", "31 de mayo de 2026"),
        *("31-may-2026", "31 mai. 2026", "May 31, 2026", "31/05/2026 00:00", "31/05/2026 12:00 a. m."),
        *("2026-05-31T05:00:00Z", "2026-05-31 05:00:00+00:00", "2026-05-31T00:00:00.000-05:00", "31 MAYO 2026"),
    ],
)
def test_a_day_begins_where_it_is(text):
    assert moments.read(text, LIMA) == datetime(2026, 5, 31, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "hour", "minute"),
    [("2026-05-31T20:15:07", 20, 15), ("31/05/2026 8:15 pm", 20, 15), ("31/05/2026, 08:15:00 a.m.", 8, 15)],
)
def test_a_time_of_the_day_is_its_zones(text, hour, minute):
    moment = moments.read(text, LIMA)
    assert (moment.hour, moment.minute, moment.tzinfo) == (hour, minute, LIMA)


@pytest.mark.parametrize(
    ("text", "order", "day", "month"),
    [
        ("03/04/2026", "dmy", 3, 4),
        ("03/04/2026", "mdy", 4, 3),
        ("3.4.26 10:00", "mdy", 4, 3),
        ("31/05/2026", "mdy", 31, 5),
        ("05/31/2026", "dmy", 31, 5),
        ("2026-03-04", "mdy", 4, 3),
    ],
)
def test_of_two_numbers_that_may_be_the_day_the_countrys_order_decides(text, order, day, month):
    moment = moments.read(text, UTC, order)
    assert (moment.day, moment.month, moment.year) == (day, month, 2026)


def test_two_digits_of_a_year_are_those_of_days():
    assert moments.read("31/05/98", UTC) == datetime(1998, 5, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sí",
        "45123",
        "2026",
        "31/02/2026",
        "13/13/2026",
        "2026-05-31 25:00",
        "31/05/1826",
        "x" * 5000,
        "31 de xyz de 2026",
        "2026-05-31T",
        "31/05/2026 13:00 pm",
        "٣١/٠٥/٢٠٢٦",
        "2026-05-31 20:00 +9999",
        "2026-05-31T20:00:00+99:99",
        "2026-13-01",
        "0000-01-01",
        "20260531",
    ],
)
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        moments.read(text, UTC)
