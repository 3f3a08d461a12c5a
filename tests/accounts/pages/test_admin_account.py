"""The account's own settings in the admin: words that opt out, beside ours."""

import pytest
from django.urls import reverse

from accounts.models import Account, AuditEntry, Role
from tests.accounts import people
from tests.factories import make_account

pytestmark = pytest.mark.django_db


def save(account: Account, **fields: str) -> Account:
    browser = people.browser(people.member(account, Role.ADMINISTRATOR))
    form = {"name": account.name, "default_country": "PE", "time_zone": "UTC", "added": "", "removed": "", **fields}
    answer = browser.post(reverse("admin:accounts_account_change", args=[account.pk]), form)
    assert answer.status_code == 302, answer.content
    account.refresh_from_db()
    return account


def test_words_are_written_with_commas_and_kept_as_lists() -> None:
    account = save(make_account(default_country="PE"), added=" chau, no va ,,", removed="CANCELAR")

    assert account.opt_out_words == {"added": ["chau", "no va"], "removed": ["CANCELAR"]}
    assert AuditEntry.unscoped.get(action="account.changed").details == {"fields": ["opt_out_words"]}


def test_words_stand_in_the_form_again_and_go_where_they_are_taken_out() -> None:
    account = save(make_account(default_country="PE"), added="chau")
    browser = people.browser(people.member(account, Role.ADMINISTRATOR))
    page = browser.get(reverse("admin:accounts_account_change", args=[account.pk]))
    assert 'value="chau"' in page.content.decode()

    assert save(account).opt_out_words == {"added": [], "removed": []}


def test_the_accounts_clock_is_set_there() -> None:
    assert save(make_account(default_country="PE"), time_zone="America/Lima").time_zone == "America/Lima"


def test_a_clock_that_there_is_not_is_refused() -> None:
    account = make_account(default_country="PE")
    browser = people.browser(people.member(account, Role.ADMINISTRATOR))
    address = reverse("admin:accounts_account_change", args=[account.pk])
    page = browser.post(address, {"name": account.name, "default_country": "PE", "time_zone": "Lima"})
    assert "America/Lima" in page.content.decode()
    account.refresh_from_db()
    assert account.time_zone == "UTC"


RULES = {"countries": ["CO"], "cap_messages": "2", "cap_days": "7", "reason": "Solo clientes."}


def test_rules_are_switched_with_a_reason() -> None:
    account = save(make_account(default_country="PE", country_rules=["CO", "PE"]), **RULES)
    assert (account.country_rules, account.frequency_cap) == (["CO"], {"messages": 2, "days": 7})
    (entry,) = AuditEntry.unscoped.all()
    assert entry.action == "account.rules_changed"
    assert entry.details == {"off": ["PE"], "frequency_cap": {"messages": 2, "days": 7}, "reason": "Solo clientes."}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": ""}, "Say why"),
        ({"reason": "  "}, "Say why"),
        ({"cap_days": ""}, "Say both"),
        ({"cap_messages": "0"}, "greater than or equal to 1"),
        ({"countries": ["XX"]}, "XX"),
    ],
)
def test_rules_that_cannot_be_so_stay_as_they_are(changes: dict[str, str], said: str) -> None:
    account = make_account(default_country="PE", country_rules=["CO", "PE"])
    browser = people.browser(people.member(account, Role.ADMINISTRATOR))
    form = {"name": account.name, "default_country": "PE", "time_zone": "UTC", **RULES, **changes}
    page = browser.post(reverse("admin:accounts_account_change", args=[account.pk]), form, HTTP_ACCEPT_LANGUAGE="en")
    assert page.status_code == 200
    assert said in page.content.decode()
    account.refresh_from_db()
    assert (account.country_rules, account.frequency_cap) == (["CO", "PE"], {})
    assert not AuditEntry.unscoped.exists()


@pytest.mark.parametrize(("on", "invited"), [([], True), (["PE"], True), (["CO", "PE"], False)])
def test_an_account_of_before_is_invited_to_switch_them_on(on: list[str], invited: bool) -> None:
    account = make_account(country_rules=on)
    browser = people.browser(people.member(account, Role.ADMINISTRATOR))
    page = browser.get(reverse("admin:accounts_account_change", args=[account.pk]), HTTP_ACCEPT_LANGUAGE="en")
    assert ("are on in new accounts" in page.content.decode()) is invited
