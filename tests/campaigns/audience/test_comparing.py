"""Numbers and days are compared as such, by what the account's attribute is."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Account
from campaigns.audience import fitting
from campaigns.audience.conditions import Audience
from campaigns.audience.refused import BadAudience
from campaigns.contacts import people
from campaigns.contacts.consent_history import Told
from campaigns.models import AttributeName, Contact
from tests.factories import make_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    return make_account(default_country="PE")


def attribute(account: Account, kind: str, name: str = "k") -> None:
    AttributeName.unscoped.update_or_create(account=account, name=name, defaults={"kind": kind})


def held(account: Account, op: str, value: Any, attributes: list[Any]) -> list[Any]:
    """Those of these attributes for which it holds, in SQL and in plain Python."""
    Contact.unscoped.filter(account=account).delete()
    made = Contact.unscoped.bulk_create(Contact(account=account, custom_attributes={"k": one}) for one in attributes)
    audience = Audience.parse({"custom_attributes": {"k": {"op": op, "value": value}}})
    meant = set(audience.select(account).values_list("pk", flat=True))
    own = audience.of(account)
    assert {one.pk for one in made if own.matches(one)} == meant
    everybody_else = Audience.parse({"exclude": {"custom_attributes": {"k": {"op": op, "value": value}}}})
    assert set(everybody_else.select(account).values_list("pk", flat=True)) == {one.pk for one in made} - meant
    return [one.custom_attributes["k"] for one in made if one.pk in meant]


@pytest.mark.parametrize(
    ("kind", "op", "value", "found", "others"),
    [
        ("number", "gte", 18, [25, "25", 18], [9, "9", "x", None]),
        ("number", "gte", "18", [25, "25", "018"], [9, "9", "x", None]),
        ("number", "lt", "9.5", [9, "9", -1], [25, "x", ""]),
        ("number", "eq", "10.5", [10.5, "10.5"], [10, "x", None]),
        ("number", "eq", "10.50", [10.5, "10.5", "10.50"], [10, 10.51, "x", None]),
        ("number", "eq", 10.5, [10.5, "10.5"], [10, "x", True]),
        ("number", "eq", "0.1", [0.1, "0.1"], [0.10000000000000002]),
        ("number", "ne", "10.5", [10, "x", None], [10.5, "10.5"]),
        ("number", "in", ["10.5", 3, "x"], [10.5, "10.5", 3, "3", "x"], [10, None]),
        ("mixed", "eq", "18", [18, 18.0, "18"], ["018", 1.8]),
        ("mixed", "eq", "018", ["018"], [18, "18"]),
        ("text", "eq", "18", ["18"], [18]),
        ("text", "eq", 18, [18, "18"], ["018", "x"]),
        ("boolean", "eq", "1", ["1"], [True, 1]),
        ("text", "gte", "18", ["9", "25", "x"], ["007", 25]),
        ("text", "gte", 18, ["25", 25], ["9", "x"]),
        ("date", "lt", "2026-01-01", ["2025-12-02", "31/12/2025", "2025-12-31T23:59:00Z"], ["2026-01-01", "x", 5]),
        ("date", "lt", "01/02/2026", ["2026-01-15", "15/01/2026"], ["2026-02-01", "2026-01", "1/2/2026"]),
        ("date", "gte", "1.2.2026", ["2026-02-01", "02/02/2026"], ["2026-01-31", "31.1.2026"]),
        ("date", "eq", "15/01/2026", ["2026-01-15", "15/01/2026"], ["15.1.2026", "2026-01-16"]),
        ("date", "ne", "15/01/2026", ["2026-01-16", "x", None], ["2026-01-15", "15/01/2026"]),
        ("date", "in", ["15/01/2026", "x"], ["2026-01-15", "x"], ["2026-01-16"]),
        ("", "lt", "2026-01-01", ["2025-12-02"], ["2026-01-01"]),
        ("mixed", "gte", "18", [25, "25", "x"], [9, "9"]),
    ],
)
def test_an_attribute_is_compared_as_what_it_is(account, kind, op, value, found, others):
    attribute(account, kind)
    assert held(account, op, value, [*found, *others]) == found


def test_where_the_month_comes_first_it_does_in_conditions_too():
    account = make_account(default_country="US")
    attribute(account, "date")
    assert held(account, "lt", "02/01/2026", ["2026-01-31", "2026-02-01", "01/31/2026"]) == ["2026-01-31", "01/31/2026"]


DAYS = st.dates().map(str) | st.sampled_from(
    ["1/2/2026", "31.12.2025", "2/1/2026", "2026-01-02T03:04", "x", "", "1/2/26"]
)
VALUES = st.one_of(
    DAYS,
    st.integers(-30, 30),
    st.integers(-30, 30).map(str),
    st.sampled_from(["1.5", "1.50", "-0", "007", "1e3", "a", " 1", 1.5]),
    st.floats(-9, 9),
)


@given(
    attributes=st.lists(VALUES | st.none() | st.booleans() | st.just([1]), min_size=1, max_size=8),
    op=st.sampled_from(["gt", "gte", "lt", "lte", "eq", "ne"]),
    value=VALUES,
    kind=st.sampled_from(["", "text", "number", "boolean", "date", "mixed"]),
    country=st.sampled_from(["PE", "US", ""]),
)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_sql_agrees_with_the_plain_reading_whatever_the_attribute_is(account, attributes, op, value, kind, country):
    account.default_country = country
    account.save()
    attribute(account, kind)
    held(account, op, value, attributes)  # which compares the two


# --- What an attribute is ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([25, 9.5], "number"),
        ([25, "30"], "number"),
        ([25, "x"], "mixed"),
        ([True, False], "boolean"),
        ([True, "true"], "mixed"),
        (["2026-01-15", "15/01/2026"], "date"),
        (["2026-01-15", "pronto"], "mixed"),
        (["hola", "2026-01-15", "7"], "text"),
        (["hola", 7], "mixed"),
        (["7"], ""),
        (["7", 7], "number"),
        (["7", "hola"], "text"),
        ([None, ""], ""),
        ([None, 7, None, ""], "number"),
        ([["a"]], "mixed"),
        ([{"a": 1}, 7], "mixed"),
    ],
)
def test_the_values_that_contacts_are_given_say_what_an_attribute_is(account, values, kind):
    for value in values:
        people.save(Contact(account=account), {"custom_attributes": {"k": value}}, Told("api", "API"))
    assert AttributeName.unscoped.get().kind == kind


# --- What does not fit -----------------------------------------------------------------------------------


def refusals(account: Account, raw: Any) -> list[tuple[str, str, str]]:
    try:
        fitting.read(raw, account)
    except BadAudience as bad:
        return [(problem["path"], problem["code"], problem["message"]) for problem in bad.problems]
    return []


@pytest.mark.parametrize(
    ("kind", "op", "value", "place", "code"),
    [
        ("number", "contains", "2", "op", "operator_unfit"),
        ("boolean", "gt", "a", "op", "operator_unfit"),
        ("boolean", "lte", 1, "op", "operator_unfit"),
        ("boolean", "contains", "tr", "op", "operator_unfit"),
        ("number", "gt", "muchos", "value", "value_unfit"),
        ("date", "gt", 5, "value", "value_unfit"),
        ("date", "lt", "mañana", "value", "value_unfit"),
    ],
)
def test_what_no_value_can_meet_is_refused_by_name(account, kind, op, value, place, code):
    attribute(account, kind, "Edad")
    conditions = {"custom_attributes": {"edad": {"op": op, "value": value}}}
    ((path, found, message),) = refusals(account, conditions)
    assert (path, found) == (f"audience.custom_attributes.edad.{place}", code)
    assert "Edad" in message
    assert op in message
    assert refusals(account, {"exclude": conditions})[0][0] == f"audience.exclude.custom_attributes.edad.{place}"


@pytest.mark.parametrize(
    ("kind", "op", "value"),
    [
        ("", "contains", "a"),
        ("mixed", "gt", "a"),
        ("text", "gt", 5),
        ("text", "contains", "a"),
        ("number", "gte", "18"),
        ("number", "eq", "a"),
        ("number", "in", ["a"]),
        ("boolean", "exists", True),
        ("boolean", "ne", "a"),
        ("date", "lt", "1/2/2026"),
        ("date", "contains", "2026-"),
    ],
)
def test_what_a_value_might_meet_is_not_refused(account, kind, op, value):
    attribute(account, kind)
    assert refusals(account, {"custom_attributes": {"k": {"op": op, "value": value}}}) == []


def test_an_attribute_that_nobody_has_is_not_refused(account):
    assert refusals(account, {"custom_attributes": {"k": {"op": "contains", "value": "a"}}}) == []
