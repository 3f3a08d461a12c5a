"""Days as people write them."""

import pytest

from accounts.written import days


@pytest.mark.parametrize(
    ("text", "orders", "is_unclear"),
    [
        ("15/01/2026", ("dmy",), False),
        ("01/15/2026", ("mdy",), False),
        ("02/12/2025", ("dmy", "mdy"), True),
        ("05/05/2026", ("dmy", "mdy"), False),
        ("5/6/26", ("dmy", "mdy"), True),
        ("15.1.2026", ("dmy",), False),
        ("15-01-2026", ("dmy",), False),
        ("2026-01-15", ("dmy", "mdy"), False),
        ("2026/1/5", ("dmy", "mdy"), False),
        ("2026-01-15 00:00:00", ("dmy", "mdy"), False),
        ("15/01/2026 0:00", ("dmy",), False),
        ("2026-01-15 10:30", (), False),
        ("31/02/2026", (), False),
        ("29/02/2025", (), False),
        ("29/02/2024", ("dmy",), False),
        ("15-01-26", (), False),
        ("1.2.26", (), False),
        ("15/01-2026", (), False),
        ("0/1/2026", (), False),
        ("15/01/0026", (), False),
        ("20260115", (), False),
        ("987/654/3210", (), False),
    ],
)
def test_the_orders_with_which_a_text_is_a_day(text, orders, is_unclear):
    assert days.orders(text) == (orders, is_unclear)


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("2/12/2025", "dmy", "2025-12-02"),
        ("2/12/2025", "mdy", "2025-02-12"),
        ("15/01/85", "dmy", "1985-01-15"),
        ("15/01/49", "dmy", "2049-01-15"),
        ("2026/1/5", "dmy", "2026-01-05"),
        ("2026-01-15T00:00:00Z", "mdy", "2026-01-15"),
    ],
)
def test_a_day_is_kept_as_iso_writes_it(text, order, day):
    assert days.read(text, order) == day


@pytest.mark.parametrize(
    ("text", "order"), [("15/01/2026", "mdy"), ("31/02/2026", "dmy"), ("ayer", "dmy"), ("", "dmy")]
)
def test_what_is_no_day_is_refused(text, order):
    with pytest.raises(ValueError, match="a day"):
        days.read(text, order)


@pytest.mark.parametrize(("country", "order"), [("PE", "dmy"), ("BR", "dmy"), ("US", "mdy"), ("", "")])
def test_countries_write_the_day_or_the_month_first(country, order):
    assert days.order_of(country) == order


@pytest.mark.parametrize(
    ("text", "order", "compared"),
    [
        ("2026-01-15T10:30:00Z", "dmy", "2026-01-15"),
        ("1/2/2026", "dmy", "2026-02-01"),
        ("1.2.2026", "mdy", "2026-01-02"),
        ("1/2/26", "dmy", None),
        ("mañana", "dmy", None),
        ("1/2/2026\n", "dmy", None),
    ],
)
def test_how_a_text_of_programs_is_compared_with_days(text, order, compared):
    assert days.compared(text, order) == compared
