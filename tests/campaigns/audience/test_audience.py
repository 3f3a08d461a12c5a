"""Whom an audience means: the JSON of seed 003, what is refused, and that SQL and the plain reading agree."""

import json
import operator
import re
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Account
from campaigns.audience.attribute_conditions import MAX_CHOICES, OPERATORS
from campaigns.audience.conditions import (
    KEYS,
    MAX_ATTRIBUTES,
    MAX_CONTACT_IDS,
    MAX_LABELS,
    Audience,
)
from campaigns.audience.refused import BadAudience
from campaigns.models import Contact
from tests.factories import make_account


def contact(account: Account, **fields: Any) -> Contact:
    return Contact.unscoped.create(account=account, **fields)


def problems(raw: Any) -> list[tuple[str, str]]:
    with pytest.raises(BadAudience) as refused:
        Audience.parse(raw)
    assert all(problem["message"] for problem in refused.value.problems)
    return [(problem["path"], problem["code"]) for problem in refused.value.problems]


# --- Seed 003, to the letter -------------------------------------------------------------------------

BY_IDS = """
{
  "contact_ids": [1, 2, 3, 4, 5]
}
"""
BY_LABELS = """
{
  "labels": ["vip", "newsletter", "premium"]
}
"""
BY_ATTRIBUTES = """
{
  "custom_attributes": {
    "subscription_type": "premium",
    "region": "north_america",
    "active": true
  }
}
"""
COMBINED = """
{
  "contact_ids": [1, 2, 3],
  "labels": ["vip"],
  "custom_attributes": {
    "subscription_type": "premium"
  }
}
"""


@pytest.mark.parametrize("text", [BY_IDS, BY_LABELS, BY_ATTRIBUTES, COMBINED])
def test_the_examples_of_the_seed_come_out_as_they_went_in(text):
    assert Audience.parse(json.loads(text)).as_json() == json.loads(text)


@pytest.mark.django_db
def test_the_examples_of_the_seed_mean_whom_they_say():
    account = make_account()
    premium = {"subscription_type": "premium", "region": "north_america", "active": True}
    plain = contact(account, id=1, labels=["vip"], custom_attributes={"subscription_type": "basic"})
    vip = contact(account, id=2, labels=["vip"], custom_attributes=premium)
    reader = contact(account, id=3, labels=["newsletter", "otra"], custom_attributes=premium)
    textual = contact(account, id=9, custom_attributes={**premium, "active": "true"})

    def meant(text: str) -> set[Contact]:
        return set(Audience.parse(json.loads(text)).select(account))

    assert meant(BY_IDS) == {plain, vip, reader}
    assert meant(BY_LABELS) == {plain, vip, reader}
    assert meant(BY_ATTRIBUTES) == {vip, reader}
    assert meant(COMBINED) == {vip}
    assert textual not in meant(BY_ATTRIBUTES)


# --- One attribute -----------------------------------------------------------------------------------

ABSENT = object()
HOLDS: list[tuple[str, Any, list[Any], list[Any]]] = [
    # operator, value, attributes for which it holds, attributes for which it does not
    ("eq", "1", ["1", 1, 1.0], [True, "1 ", "01", ["1"], {"a": "1"}, None, ABSENT]),
    ("eq", 1, [1, 1.0, "1"], ["1.0", "01", True, 1.01, [1], None, ABSENT]),
    ("eq", 1.0, [1, 1.0, "1"], ["1.0", True, ABSENT]),
    ("eq", 0, [0, 0.0, -0.0, "0"], [False, None, "", "-", ABSENT]),
    ("eq", "007", ["007"], [7, "7", ABSENT]),  # a code
    ("eq", "10.5", [10.5, "10.5"], ["10.50", "10,5", 10, ABSENT]),
    ("eq", True, [True], ["true", 1, False, [True], ABSENT]),
    ("eq", False, [False], [0, "", None, ABSENT]),
    ("eq", None, [None], ["null", "", 0, False, [], ABSENT]),
    ("eq", "", [""], [None, " ", [], ABSENT]),
    ("eq", 9007199254740993, [9007199254740993], [9007199254740992, 9007199254740992.0]),
    ("ne", "a", ["b", "A", ["a"], None, 1, ABSENT], ["a"]),
    ("ne", 1, ["x", 2, True, ABSENT], [1, 1.0, "1"]),
    ("ne", True, ["true", False, ABSENT], [True]),
    ("ne", None, [0, "", ABSENT], [None]),
    ("gt", 5, [5.1, 6, 10**20, "6", "10"], [5, 4.9, "5", "seis", "6 ", "6\n", "", True, None, [6], ABSENT]),
    ("gte", 5, [5, 5.0, 6, "5", "5.0", "05"], [4.999, "4.9", "5,5", "x", None, ABSENT]),
    ("lt", 5, [4.9, -1, 0, "4", "-10"], [5, 5.0, "5", "", False, None, ABSENT]),
    ("lte", -0.5, [-0.5, -1, "-1"], [0, "0", ABSENT]),
    ("gte", "18", [18, 25, 18.0, "25", "100", "x"], [9, "9", "-20", True, None, ["25"], ABSENT]),
    ("lt", "18.5", [9, -1, "9", "18.4", ""], [18.5, 25, "100", "a", False, None, ABSENT]),
    ("gt", "2025-01-31", ["2025-02-01", "2025-1", "a"], ["2025-01-31", "2024-12-31", 2026, None, ABSENT]),
    ("gte", "b", ["b", "ba", "c", "ñ", "é"], ["B", "a", "", 1, ABSENT]),
    ("lt", "b", ["B", "a", "", "Z", "á"[:0]], ["b", "ba", "á", 1, None, ABSENT]),
    ("lte", "b", ["b", "B"], ["ba", ["a"], ABSENT]),
    ("contains", "an", ["ana", "an", ["x", "an"]], ["ANA", "", ["ana"], [["an"]], {"an": 1}, None, ABSENT]),
    ("contains", 1, [[1], [1.0, 2], ["1"]], [1, "1", ["x"], [True], [[1]], [], ABSENT]),
    ("contains", True, [[True]], [True, ["true"], [1]]),
    ("contains", None, [[None]], [None, [], [0], ABSENT]),
    ("contains", "%", ["5 %"], ["5", "_"]),
    ("in", ["a", 1, None], ["a", 1, 1.0, "1", None], [True, ["a"], "b", ABSENT]),
    ("in", ["10.5", 3], [10.5, "10.5", 3, "3"], ["x", 10, 4, ABSENT]),
    ("in", [False], [False], [0, None, ABSENT]),
    ("exists", True, ["a", None, False, [], {}], [ABSENT]),
    ("exists", False, [ABSENT], ["a", None, False]),
]


def test_the_table_has_every_operator():
    assert {op for op, *_ in HOLDS} == set(OPERATORS)


@pytest.mark.django_db
@pytest.mark.parametrize(("op", "value", "held", "not_held"), HOLDS)
def test_an_operator_holds_for(op, value, held, not_held):
    account = make_account()
    for attribute in [*held, *not_held]:
        contact(account, name=repr(attribute), custom_attributes={} if attribute is ABSENT else {"k": attribute})
    audience = Audience.parse({"custom_attributes": {"k": {"op": op, "value": value}}})
    opposite = Audience.parse({"exclude": {"custom_attributes": {"k": {"op": op, "value": value}}}})

    meant = sorted(audience.select(account).values_list("name", flat=True))

    assert meant == sorted(map(repr, held))
    assert sorted(one.name for one in Contact.objects.for_account(account).all() if audience.matches(one)) == meant
    # Who is left when it is excluded is everybody else: there is no third answer.
    assert sorted(opposite.select(account).values_list("name", flat=True)) == sorted(map(repr, not_held))


def test_an_attribute_without_an_operator_must_equal():
    assert Audience.parse({"custom_attributes": {"k": 1}}) == Audience.parse(
        {"custom_attributes": {"k": {"op": "eq", "value": 1}}}
    )


# --- The whole ---------------------------------------------------------------------------------------


@pytest.mark.django_db
class TestTheWhole:
    def test_without_a_condition_it_means_nobody(self):
        account = make_account()
        somebody = contact(account)
        for raw in ({}, {"custom_attributes": {}}, {"exclude": {}}, {"exclude": {"custom_attributes": {}}}):
            audience = Audience.parse(raw)
            assert audience.is_empty
            assert not audience.matches(somebody)
            assert not audience.select(account).exists()

    @pytest.mark.parametrize("key", ["contact_ids", "labels"])
    def test_an_empty_list_holds_for_nobody(self, key):
        account = make_account()
        contact(account, labels=["vip"])
        audience = Audience.parse({key: [], "custom_attributes": {"k": {"op": "ne", "value": 1}}})
        assert not audience.is_empty
        assert not audience.select(account).exists()

    def test_only_exclude_means_everyone_else(self):
        account = make_account()
        contact(account, labels=["baja"])
        other = contact(account)
        assert list(Audience.parse({"exclude": {"labels": ["baja"]}}).select(account)) == [other]

    def test_who_is_excluded_matches_all_that_exclude_says(self):
        account = make_account()
        contact(account, labels=["baja"], custom_attributes={"region": "sur"})
        half = contact(account, labels=["baja"])
        raw = {"exclude": {"labels": ["baja"], "custom_attributes": {"region": "sur"}}}
        assert list(Audience.parse(raw).select(account)) == [half]

    def test_another_accounts_contact_is_not_matched_and_not_known(self):
        account, other = make_account(), make_account()
        mine, theirs = contact(account, labels=["vip"]), contact(other, labels=["vip"])
        audience = Audience.parse({"contact_ids": [mine.pk, theirs.pk], "exclude": {"contact_ids": [2**62]}})
        assert list(audience.select(account)) == [mine]
        assert audience.unknown_contact_ids(account) == [theirs.pk, 2**62]
        assert Audience.parse({"contact_ids": [mine.pk]}).unknown_contact_ids(account) == []
        assert Audience.parse({"labels": ["vip"]}).unknown_contact_ids(account) == []

    def test_as_many_ids_as_allowed_are_one_parameter(self):
        account = make_account()
        mine = contact(account)
        ids = list(range(mine.pk, mine.pk + MAX_CONTACT_IDS))
        audience = Audience.parse({"contact_ids": ids})
        assert list(audience.select(account)) == [mine]
        assert len(audience.unknown_contact_ids(account)) == MAX_CONTACT_IDS - 1

    def test_may_be_used_within_another_query(self):
        account = make_account()
        norte = contact(account, custom_attributes={"region": "norte"})
        contact(account, custom_attributes={"region": "sur"})
        selected = Audience.parse({"custom_attributes": {"region": {"op": "in", "value": ["norte"]}}}).select(account)
        assert list(Contact.unscoped.filter(pk__in=selected.values("pk"))) == [norte]
        assert selected.exclude(pk=norte.pk).count() == 0


# --- What is refused ---------------------------------------------------------------------------------

REFUSED: list[tuple[Any, list[tuple[str, str]]]] = [
    (None, [("audience", "wrong_type")]),
    ([], [("audience", "wrong_type")]),
    ({"label": ["vip"]}, [("audience.label", "unknown_key")]),
    ({"exclude": {"exclude": {}}}, [("audience.exclude.exclude", "unknown_key")]),
    ({"exclude": None}, [("audience.exclude", "wrong_type")]),
    ({"contact_ids": "1"}, [("audience.contact_ids", "wrong_type")]),
    ({"contact_ids": None}, [("audience.contact_ids", "wrong_type")]),
    ({"contact_ids": [1, "2"]}, [("audience.contact_ids.1", "wrong_type")]),
    ({"contact_ids": [True]}, [("audience.contact_ids.0", "wrong_type")]),
    ({"contact_ids": [1.0]}, [("audience.contact_ids.0", "wrong_type")]),
    ({"contact_ids": [0]}, [("audience.contact_ids.0", "wrong_type")]),
    ({"contact_ids": [2**63]}, [("audience.contact_ids.0", "wrong_type")]),
    ({"contact_ids": [1] * (MAX_CONTACT_IDS + 1)}, [("audience.contact_ids", "too_many")]),
    ({"labels": "vip"}, [("audience.labels", "wrong_type")]),
    ({"labels": ["vip", 1]}, [("audience.labels.1", "wrong_type")]),
    ({"labels": [""]}, [("audience.labels.0", "wrong_type")]),
    ({"labels": ["a\0"]}, [("audience.labels.0", "wrong_type")]),
    ({"labels": ["x" * 101]}, [("audience.labels.0", "too_long")]),
    ({"labels": ["x"] * (MAX_LABELS + 1)}, [("audience.labels", "too_many")]),
    ({"custom_attributes": []}, [("audience.custom_attributes", "wrong_type")]),
    ({"custom_attributes": {"": 1}}, [("audience.custom_attributes.", "wrong_type")]),
    ({"custom_attributes": {"region": ["a"]}}, [("audience.custom_attributes.region", "wrong_type")]),
    ({"custom_attributes": {"region": "\ud800"}}, [("audience.custom_attributes.region", "wrong_type")]),
    ({"custom_attributes": {"region": "x" * 1001}}, [("audience.custom_attributes.region", "wrong_type")]),
    ({"custom_attributes": {"region": float("nan")}}, [("audience.custom_attributes.region", "wrong_type")]),
    ({"custom_attributes": {"region": float("inf")}}, [("audience.custom_attributes.region", "wrong_type")]),
    ({"custom_attributes": {"region": 10**400}}, [("audience.custom_attributes.region", "wrong_type")]),
    ({"custom_attributes": {"region": {}}}, [("audience.custom_attributes.region.op", "unknown_operator")]),
    (
        {"custom_attributes": {"region": {"op": "like", "value": "x"}}},
        [("audience.custom_attributes.region.op", "unknown_operator")],
    ),
    (
        {"custom_attributes": {"region": {"op": ["eq"], "value": "x"}}},
        [("audience.custom_attributes.region.op", "unknown_operator")],
    ),
    (
        {"custom_attributes": {"region": {"op": "eq", "values": "x"}}},
        [("audience.custom_attributes.region.values", "unknown_key")],
    ),
    ({"custom_attributes": {"region": {"op": "eq"}}}, [("audience.custom_attributes.region.value", "missing")]),
    (
        {"custom_attributes": {str(n): n for n in range(MAX_ATTRIBUTES + 1)}},
        [("audience.custom_attributes", "too_many")],
    ),
    ({"exclude": {"labels": 1}}, [("audience.exclude.labels", "wrong_type")]),
    ({"nope": 1, "labels": 1}, [("audience.nope", "unknown_key"), ("audience.labels", "wrong_type")]),
]


@pytest.mark.parametrize(("raw", "expected"), REFUSED)
def test_a_bad_audience_is_refused_with_its_place(raw, expected):
    assert problems(raw) == expected


@pytest.mark.parametrize(
    ("op", "value"),
    [
        ("eq", [1]),
        ("ne", {"a": 1}),
        ("gt", True),
        ("gte", None),
        ("lt", [1]),
        ("lte", float("nan")),
        ("contains", ""),
        ("contains", ["a"]),
        ("in", "a"),
        ("in", []),
        ("in", [["a"]]),
        ("in", [1] * (MAX_CHOICES + 1)),
        ("exists", 1),
        ("exists", "true"),
    ],
)
def test_an_operator_refuses_a_value_of_another_kind(op, value):
    assert problems({"custom_attributes": {"k": {"op": op, "value": value}}}) == [
        ("audience.custom_attributes.k.value", "wrong_type")
    ]


def test_at_most_twenty_problems_are_told():
    assert len(problems({str(number): 1 for number in range(100)})) == 20


# --- SQL and the plain reading agree -----------------------------------------------------------------

LABELS = ["vip", "VIP", "ñandú", 'co"ma,{}']
ATTRIBUTE_KEYS = ["a", "b", "a.b", '"q\\', "%s {} ?"]
TEXTS = st.sampled_from(
    ["", "a", "ab", "A", "ñ", "1", "-2.50", "10", "true", "null", "2025-01-01", "%", "\\"]
) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)
NUMBERS = (
    st.sampled_from([0, 1, 1.0, -1, 0.1, 10**20, 1e20, 1.5, -0.0, 2**53 + 1, float(2**53)])
    | st.integers(-3, 3)
    | st.floats(-1e200, 1e200, allow_nan=False)
)
SCALARS = TEXTS | NUMBERS | st.booleans() | st.none()
VALUES = SCALARS | st.recursive(
    st.lists(SCALARS, max_size=3), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2)
)
CONDITIONS = st.one_of(
    SCALARS,
    st.builds(lambda op, value: {"op": op, "value": value}, st.sampled_from(["eq", "ne"]), SCALARS),
    st.builds(
        lambda op, value: {"op": op, "value": value}, st.sampled_from(["gt", "gte", "lt", "lte"]), TEXTS | NUMBERS
    ),
    st.builds(lambda value: {"op": "contains", "value": value}, SCALARS.filter(lambda value: value != "")),
    st.builds(lambda values: {"op": "in", "value": values}, st.lists(SCALARS, min_size=1, max_size=4)),
    st.builds(lambda value: {"op": "exists", "value": value}, st.booleans()),
)
# Ids count from the first contact on, which only the test knows.
THREE_KEYS = {
    "contact_ids": st.lists(st.integers(0, 11), max_size=8),
    "labels": st.lists(st.sampled_from(LABELS), max_size=3),
    "custom_attributes": st.dictionaries(st.sampled_from(ATTRIBUTE_KEYS), CONDITIONS, max_size=2),
}
AUDIENCES = st.fixed_dictionaries(
    {}, optional={**THREE_KEYS, "exclude": st.fixed_dictionaries({}, optional=THREE_KEYS)}
)
CONTACTS = st.lists(
    st.tuples(
        st.lists(st.sampled_from(LABELS), max_size=2, unique=True),
        st.dictionaries(st.sampled_from(ATTRIBUTE_KEYS), VALUES, max_size=4),
    ),
    min_size=1,
    max_size=10,
)


@pytest.fixture
def two_accounts(db: None) -> tuple[Account, Account]:
    return make_account(), make_account()


@given(contacts=CONTACTS, raw=AUDIENCES, by_index=st.booleans())
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_sql_agrees_with_the_plain_reading(two_accounts, contacts, raw, by_index):
    account, other = two_accounts
    Contact.unscoped.all()._raw_delete(Contact.unscoped.db)
    made = Contact.unscoped.bulk_create(
        Contact(account=owner, labels=labels, custom_attributes=attributes)
        for labels, attributes in contacts
        for owner in (account, other)
    )
    for part in (raw, raw.get("exclude", {})):
        if "contact_ids" in part:
            part["contact_ids"] = [made[0].pk + offset for offset in part["contact_ids"]]
    audience = Audience.parse(raw)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('enable_seqscan', %s, true)", ["off" if by_index else "on"])

    everyone = list(Contact.objects.for_account(account).all())
    meant = {one.pk for one in everyone if plainly(raw, one)}

    assert set(audience.select(account).values_list("pk", flat=True)) == meant
    assert {one.pk for one in everyone if audience.matches(one)} == meant
    again = Audience.parse(audience.as_json())
    assert {one.pk for one in everyone if again.matches(one)} == meant


def plainly(raw: dict[str, Any], one: Contact) -> bool:
    """Contract §4 and the table of operators, written a second time."""
    conditions: list[bool] = []
    if "contact_ids" in raw:
        conditions.append(one.pk in raw["contact_ids"])
    if "labels" in raw:
        conditions.append(any(label in one.labels for label in raw["labels"]))
    for key, wanted in raw.get("custom_attributes", {}).items():
        op, value = (wanted["op"], wanted["value"]) if isinstance(wanted, dict) else ("eq", wanted)
        conditions.append(attribute_holds(one.custom_attributes, key, op, value))
    excluding = raw.get("exclude", {})
    says_something = "contact_ids" in excluding or "labels" in excluding or bool(excluding.get("custom_attributes"))
    return (bool(conditions) or says_something) and all(conditions) and not plainly_excluded(excluding, one)


def plainly_excluded(excluding: dict[str, Any], one: Contact) -> bool:
    return bool(excluding) and plainly(excluding, one)


def attribute_holds(attributes: dict[str, Any], key: str, op: str, value: Any) -> bool:
    def typed(anything: Any) -> tuple[str, Any]:
        if isinstance(anything, (int, float)) and not isinstance(anything, bool):
            return "number", Decimal(repr(anything))
        return type(anything).__name__, anything

    def equal(one: Any, other: Any) -> bool:
        """The same, or one is the other as programs write it: 1 is "1", and not "01" or "1.0"."""
        if typed(one) == typed(other):
            return True
        texts = [each for each in (one, other) if isinstance(each, str)]
        numbers = [each for each in (one, other) if typed(each)[0] == "number"]
        if len(texts) != 1 or len(numbers) != 1:
            return False
        is_plain = re.fullmatch(r"0|-?([1-9][0-9]*|0(?=[.]))([.][0-9]*[1-9])?", texts[0])
        return is_plain is not None and as_number(texts[0]) == typed(numbers[0])[1]

    has = key in attributes
    kind, attribute = typed(attributes.get(key))
    match op:
        case "exists":
            return has is value
        case "eq":
            return has and equal(value, attributes[key])
        case "ne":
            return not (has and equal(value, attributes[key]))
        case "in":
            return has and any(equal(one, attributes[key]) for one in value)
        case "contains" if kind == "list":
            return any(equal(value, element) for element in attribute)
        case "contains":
            return kind == "str" and isinstance(value, str) and value in attribute
        case _:
            compare = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}[op]
            number, wanted = as_number(attributes.get(key)), as_number(value)
            if number is not None and wanted is not None:
                return compare(number, wanted)
            return kind == "str" and isinstance(value, str) and compare(attribute, value)


def as_number(anything: Any) -> Decimal | None:
    if isinstance(anything, str):
        return Decimal(anything) if re.fullmatch(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", anything) else None
    if isinstance(anything, bool) or not isinstance(anything, int | float):
        return None
    return Decimal(repr(anything))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*KEYS, "exclude", "op", "value"]) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(JSON)
@settings(max_examples=200)
def test_anything_is_read_or_refused(raw):
    somebody = SimpleNamespace(id=1, labels=["vip"], custom_attributes={"a": 1})
    try:
        audience = Audience.parse(raw)
    except BadAudience as refusal:
        refused = refusal.problems
    else:
        assert audience.matches(somebody) in (True, False)
        return
    assert 1 <= len(refused) <= 20
    assert all(problem["path"].startswith("audience") for problem in refused)
