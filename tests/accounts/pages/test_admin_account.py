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
