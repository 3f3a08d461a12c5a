"""One account at a time, and the way to another."""

import pytest
from django.test import Client

from accounts.models import Account, AuditEntry, Role
from tests.accounts import people

pytestmark = pytest.mark.django_db
SWITCH = "/admin/account/"


def in_account(client):
    """The account whose settings page the admin shows."""
    return client.get("/admin/accounts/account/").url.split("/")[-3]


def test_a_member_of_two_accounts_switches_between_them():
    first = people.member(people.account("Uno"))
    second = people.member(people.account("Dos"), who=first.user)
    client = people.browser(first)
    assert in_account(client) == str(first.account_id)
    page = client.get(SWITCH).content.decode()
    assert "Uno" in page
    assert "Dos" in page
    assert client.post(SWITCH, {"account_id": second.account_id}).status_code == 302
    assert in_account(client) == str(second.account_id)


def test_the_role_is_that_of_the_account():
    first = people.member()
    second = people.member(who=first.user, role=Role.VIEWER)
    client = people.browser(first)
    assert client.get("/admin/devices/device/add/").status_code == 200
    client.post(SWITCH, {"account_id": second.account_id})
    assert client.get("/admin/devices/device/add/").status_code == 403


@pytest.mark.parametrize("account_id", ["{strange}", "0", "", "x", "9" * 40])
def test_an_account_one_does_not_belong_to_cannot_be_entered(account_id):
    strange = people.account("Strange")
    member = people.member()
    client = people.browser(member)
    assert client.post(SWITCH, {"account_id": account_id.format(strange=strange.pk)}).status_code == 404
    assert in_account(client) == str(member.account_id)
    assert "Strange" not in client.get(SWITCH).content.decode()


def test_a_superuser_may_enter_any_account_which_is_noted_there():
    member = people.member()
    account = people.account()
    boss = people.user(is_superuser=True)
    client = people.browser(boss)
    client.post(SWITCH, {"account_id": account.pk})
    assert in_account(client) == str(account.pk)
    assert Account.objects.count() == 2
    entry = AuditEntry.unscoped.get()
    assert (entry.account, entry.user, entry.action) == (account, boss, "account.entered")
    assert not AuditEntry.objects.for_account(member.account).exists()


def test_switching_needs_the_csrf_token():
    first = people.member()
    second = people.member(who=first.user)
    client = Client(enforce_csrf_checks=True)
    client.force_login(first.user)
    assert client.post(SWITCH, {"account_id": second.account_id}).status_code == 403


def test_nobody_is_sent_to_the_login_page():
    answer = Client().get(SWITCH)
    assert (answer.status_code, answer.url.startswith("/admin/login/")) == (302, True)


def test_the_frame_names_the_account_and_offers_the_way_only_where_there_is_one():
    first = people.member(people.account("Panadería Sol"))
    client = people.browser(first)
    page = client.get("/admin/").content.decode()
    assert "Panadería Sol" in page
    assert SWITCH not in page
    people.member(who=first.user)
    assert SWITCH in client.get("/admin/").content.decode()


def test_a_user_of_no_account_is_told_so():
    page = people.browser(people.user()).get("/admin/")
    assert page.status_code == 200
    assert SWITCH not in page.content.decode()


def test_account_settings_are_changed_by_administrators_and_noted():
    admin = people.member(people.account("Antes"))
    address = f"/admin/accounts/account/{admin.account_id}/change/"
    data = {"name": "Después", "whatsapp_api_campaigns": "on"}
    assert people.browser(admin).post(address, data).status_code == 302
    account = Account.objects.get()
    assert (account.name, account.whatsapp_api_campaigns) == ("Después", True)
    assert AuditEntry.unscoped.get().action == "account.changed"

    viewer = people.browser(people.member(account, Role.VIEWER))
    assert viewer.get(address).status_code == 200
    assert viewer.post(address, {"name": "x"}).status_code == 403


def test_a_name_that_another_account_has_is_refused_without_an_error_page():
    people.account("Ocupado")
    admin = people.member()
    answer = people.browser(admin).post(f"/admin/accounts/account/{admin.account_id}/change/", {"name": "Ocupado"})
    assert answer.status_code == 200
