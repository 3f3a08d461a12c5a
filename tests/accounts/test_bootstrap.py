"""`manage.py bootstrap`: the first account, repeatable, and safe when two run at once."""

import json
import time
from io import StringIO
from threading import Barrier, Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from accounts.models import Account, ApiToken, Membership, Role, User


def bootstrap(*arguments: str, account="Acme", email="ana@example.com"):
    out = StringIO()
    call_command("bootstrap", "--account", account, "--email", email, "--json", *arguments, stdout=out)
    return json.loads(out.getvalue())


@pytest.mark.django_db
def test_it_makes_an_account_an_administrator_and_a_token_that_works():
    made = bootstrap("--password", "s3cret-Words")
    assert set(made) == {"account_id", "user_id", "email", "token"}
    user = User.objects.get(pk=made["user_id"])
    assert (user.email, user.is_staff, user.is_superuser) == ("ana@example.com", True, False)
    assert Membership.unscoped.get(user=user).role == Role.ADMINISTRATOR
    answer = Client().post("/api/v1/ws-tickets", headers={"api_access_token": made["token"]})
    assert answer.status_code == 201


@pytest.mark.django_db
def test_the_administrator_can_log_in_to_the_admin():
    bootstrap("--password", "s3cret-Words")
    client = Client()
    client.post("/admin/login/", {"username": "Ana@Example.com", "password": "s3cret-Words"})
    assert client.get("/admin/").status_code == 200


@pytest.mark.django_db
def test_repeating_it_changes_nothing_and_shows_no_token():
    first = bootstrap("--password", "s3cret-Words")
    second = bootstrap("--password", "another one", email=" ANA@example.com ")
    assert second == {**first, "token": None}
    assert User.objects.get().check_password("s3cret-Words")
    assert (Account.objects.count(), Membership.unscoped.count(), ApiToken.unscoped.count()) == (1, 1, 1)


@pytest.mark.django_db
def test_an_account_has_the_country_of_its_numbers_from_the_start():
    bootstrap("--country", "pe")
    assert Account.objects.get().default_country == "PE"
    bootstrap()
    assert Account.objects.get().default_country == "PE"
    bootstrap("--country", "MX")
    assert Account.objects.get().default_country == "MX"


@pytest.mark.django_db
@pytest.mark.parametrize("country", ["Peru", "ZZ", "5"])
def test_no_country_is_refused(country):
    with pytest.raises(CommandError):
        bootstrap("--country", country)
    assert not Account.objects.exists()


@pytest.mark.django_db
def test_a_password_is_made_up_and_shown_only_for_a_new_user():
    made = bootstrap()
    assert User.objects.get().check_password(made["password"])
    assert "password" not in bootstrap()
    assert "password" not in bootstrap(account="Second")


@pytest.mark.django_db
def test_a_revoked_token_is_replaced():
    first = bootstrap()
    ApiToken.unscoped.get().revoke()
    second = bootstrap()
    assert second["token"] not in {None, first["token"]}


@pytest.mark.django_db
def test_campaigns_are_off_unless_asked_for():
    bootstrap()
    assert not Account.objects.get().whatsapp_api_campaigns
    bootstrap("--enable-campaigns")
    assert Account.objects.get().whatsapp_api_campaigns
    bootstrap()
    assert Account.objects.get().whatsapp_api_campaigns


@pytest.mark.django_db
def test_a_member_becomes_an_administrator():
    bootstrap()
    Membership.unscoped.update(role=Role.VIEWER)
    User.objects.update(is_staff=False)
    bootstrap()
    assert Membership.unscoped.get().role == Role.ADMINISTRATOR
    assert User.objects.get().is_staff


@pytest.mark.django_db
def test_one_person_may_administer_two_accounts():
    first, second = bootstrap(), bootstrap(account="Second")
    assert first["user_id"] == second["user_id"]
    assert first["account_id"] != second["account_id"]
    assert second["token"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("account", "email"), [("Acme", "nonsense"), ("  ", "a@example.com"), ("x" * 121, "a@example.com")]
)
def test_wrong_arguments_are_said_plainly(account, email):
    with pytest.raises(CommandError, match=r"--email|--account"):
        bootstrap(account=account, email=email)
    assert not Account.objects.exists()


@pytest.mark.django_db
def test_a_user_who_was_switched_off_is_not_switched_on_in_passing():
    bootstrap()
    User.objects.update(is_active=False)
    with pytest.raises(CommandError, match="switched off"):
        bootstrap(account="Second")
    assert Account.objects.count() == 1


def run_together(accounts):
    """Run one bootstrap per name, all at once; return what they printed."""
    together, made, failed = Barrier(len(accounts)), [], []

    def run(account):
        together.wait()
        try:
            made.append(bootstrap("--password", "s3cret-Words", account=account))
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [Thread(target=run, args=[account]) for account in accounts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    return made


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("accounts", [("Acme", "Acme", "Acme", "Acme"), ("One", "Two", "Three", "Four")])
def test_several_at_once_make_one_of_each_and_show_each_token_once(accounts):
    made = run_together(accounts)
    assert User.objects.count() == 1
    assert len([one for one in made if one["token"]]) == len(set(accounts)) == ApiToken.unscoped.count()


@pytest.mark.django_db(transaction=True)
def test_several_at_once_replace_a_revoked_token_by_one(monkeypatch):
    bootstrap()
    ApiToken.unscoped.get().revoke()
    issue = ApiToken.issue

    def slowly(membership, name):
        time.sleep(0.1)  # long enough for the others to look for a token, if nothing stopped them
        return issue(membership, name)

    monkeypatch.setattr(ApiToken, "issue", slowly)
    made = run_together(["Acme"] * 4)
    assert len([one for one in made if one["token"]]) == 1
    assert ApiToken.unscoped.filter(revoked_at=None).count() == 1
