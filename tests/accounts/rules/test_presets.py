"""The rules of countries, day by day, and the cap."""

from datetime import date, time
from typing import Any

import pytest

from accounts.rules import caps, presets

CO = presets.RULES["CO"]


@pytest.mark.parametrize(
    ("day", "span"),
    [
        ("2027-01-08", ("07:00", "18:59")),  # a Friday
        ("2027-01-09", ("08:00", "14:59")),
        ("2027-01-10", None),
        ("2027-01-11", None),  # Reyes, which is kept on a Monday
        ("2027-01-12", ("07:00", "18:59")),
        ("2026-12-08", None),  # a Tuesday, la Inmaculada
        ("2027-03-26", None),  # Good Friday
        ("2026-12-25", None),
    ],
)
def test_colombians_are_written_to_at_the_hours_of_their_law(day: str, span: tuple[str, str] | None) -> None:
    expected = span and tuple(time.fromisoformat(at) for at in span)
    assert CO.on(date.fromisoformat(day)) == expected


def test_peru_asks_for_consent_and_no_hours() -> None:
    rule = presets.RULES["PE"]
    assert rule.bases == {"consent"}
    assert rule.on(date(2026, 12, 25)) == (time.min, time.max)


def test_those_of_peru_and_colombia_are_on_at_first() -> None:
    assert presets.default() == ["CO", "PE"]
    assert presets.of(["PE", "XX"]).keys() == {"PE"}


@pytest.mark.parametrize("raw", [None, {}])
def test_no_cap(raw: Any) -> None:
    assert caps.parse(raw) is None


def test_a_cap() -> None:
    assert caps.parse({"messages": 3, "days": 7}) == caps.Cap(3, 7)


@pytest.mark.parametrize(
    "raw",
    [
        {"messages": 3},
        {"messages": 0, "days": 7},
        {"messages": 31, "days": 7},
        {"messages": 3, "days": 366},
        {"messages": True, "days": 7},
        {"messages": 3, "days": 7.0},
        {"messages": 3, "days": 7, "hours": 1},
        [3, 7],
        "3/7",
    ],
)
def test_what_is_no_cap(raw: Any) -> None:
    with pytest.raises(caps.BadCap):
        caps.parse(raw)
