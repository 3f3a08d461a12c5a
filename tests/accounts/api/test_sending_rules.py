"""The rules of an account's commercial campaigns, by API."""

from typing import Any

import pytest
from django.test import Client

from accounts import actions
from accounts.audit import Actor
from accounts.models import Account, AuditEntry, Role
from tests.accounts import people
from tests.factories import make_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    return make_account(country_rules=["CO", "PE"])


def path(account: Account) -> str:
    return f"/api/v1/accounts/{account.pk}/sending_rules"


def client(account: Account, role: Role = Role.ADMINISTRATOR) -> Client:
    return people.api(people.member(account, role))


def patch(account: Account, role: Role = Role.ADMINISTRATOR, **body: Any) -> Any:
    return client(account, role).patch(path(account), body, content_type="application/json")


def test_they_are_shown_with_what_each_asks(account: Account) -> None:
    said = client(account, Role.VIEWER).get(path(account)).json()
    assert (said["country_rules"], said["frequency_cap"]) == (["CO", "PE"], None)
    colombia = next(rule for rule in said["offered"] if rule["country"] == "CO")
    assert colombia == {
        "country": "CO",
        "is_on": True,
        "bases": [],
        "hours": {**{str(day): ["07:00", "18:59"] for day in range(5)}, "5": ["08:00", "14:59"]},
        "holidays": True,
        "a_day": 1,
    }
    assert {rule["country"] for rule in said["offered"] if rule["is_on"]} == {"CO", "PE"}


def test_a_rule_is_switched_off_with_a_reason_that_the_log_keeps(account: Account) -> None:
    answer = patch(account, country_rules=["CO", "BR"], reason="Solo escribimos a clientes.")
    assert answer.status_code == 200, answer.content
    assert answer.json()["country_rules"] == ["BR", "CO"]
    account.refresh_from_db()
    assert account.country_rules == ["BR", "CO"]
    details = {"on": ["BR"], "off": ["PE"], "reason": "Solo escribimos a clientes."}
    assert AuditEntry.unscoped.get(action="account.rules_changed").details == details


def test_a_cap_is_set_and_taken_away(account: Account) -> None:
    cap = {"messages": 3, "days": 7}
    assert patch(account, frequency_cap=cap, reason="x").json()["frequency_cap"] == cap
    assert patch(account, frequency_cap=None, reason="x").json()["frequency_cap"] is None
    account.refresh_from_db()
    assert (account.frequency_cap, account.country_rules) == ({}, ["CO", "PE"])
    entries = AuditEntry.unscoped.filter(action="account.rules_changed").order_by("pk")
    assert [entry.details["frequency_cap"] for entry in entries] == [cap, {}]


def test_what_is_so_already_leaves_no_entry(account: Account) -> None:
    assert patch(account, country_rules=["PE", "CO", "PE"]).status_code == 200
    assert not AuditEntry.unscoped.exists()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"country_rules": ["CO"]}, "reason_missing"),
        ({"country_rules": ["CO"], "reason": " "}, "reason_missing"),
        ({"country_rules": ["CO"], "reason": "\0"}, "reason_missing"),
        ({"country_rules": ["CO"], "reason": 5}, "reason_missing"),
        ({"country_rules": ["XX"], "reason": "x"}, "country_rules_invalid"),
        ({"country_rules": "CO", "reason": "x"}, "country_rules_invalid"),
        ({"country_rules": None, "reason": "x"}, "country_rules_invalid"),
        ({"country_rules": [["CO"]], "reason": "x"}, "country_rules_invalid"),
        ({"frequency_cap": {"messages": 0, "days": 1}, "reason": "x"}, "frequency_cap_invalid"),
        ({"frequency_cap": 5, "reason": "x"}, "frequency_cap_invalid"),
        ({"hours": {}, "reason": "x"}, "invalid"),
    ],
)
def test_what_is_refused_changes_nothing(account: Account, body: dict[str, Any], code: str) -> None:
    answer = patch(account, **body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["message"]
    account.refresh_from_db()
    assert (account.country_rules, account.frequency_cap) == (["CO", "PE"], {})
    assert not AuditEntry.unscoped.exists()


def test_only_an_administrator_changes_them(account: Account) -> None:
    assert patch(account, Role.AGENT, country_rules=[], reason="x").status_code == 403
    assert client(make_account()).get(path(account)).status_code == 404


def test_new_accounts_have_those_of_peru_and_colombia_on() -> None:
    assert actions.create_account("Nueva").country_rules == ["CO", "PE"]


def test_a_country_that_has_no_more_rules_can_be_taken_out() -> None:
    account = make_account(country_rules=["PE", "ZZ"])
    assert actions.change_rules(Actor(account), account, country_rules=["PE"], reason="x")
    with pytest.raises(actions.RulesRefused):
        actions.change_rules(Actor(account), account, country_rules=["ZZ"], reason="x")
