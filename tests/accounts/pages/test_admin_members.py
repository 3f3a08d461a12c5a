"""Members in the admin: added by e-mail, given a role, never left without an administrator."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import ApiToken, AuditEntry, Membership, Role, User
from tests.accounts import people

pytestmark = pytest.mark.django_db
ADD = "/admin/accounts/membership/add/"


@pytest.fixture
def admin():
    return people.member()


@pytest.fixture
def client(admin):
    return people.browser(admin)


def address(name, membership):
    return reverse(f"admin:accounts_membership_{name}", args=[membership.pk])


def shown_password(page):
    return re.search(r'readonly[^>]*value="([\w-]{12,})"', page.content.decode())[1]


def test_a_new_person_gets_a_user_and_a_password_that_is_shown_once(client, admin):
    page = client.post(ADD, {"email": "Nueva@Example.com", "role": "agent"})
    password = shown_password(page)
    assert "no-store" in page["Cache-Control"]
    member = Membership.unscoped.get(user__email="nueva@example.com")
    assert (member.account, member.role, member.user.is_superuser) == (admin.account, Role.AGENT, False)
    assert password not in client.get("/admin/accounts/membership/").content.decode()
    assert password not in client.get(address("change", member)).content.decode()
    assert password not in str(AuditEntry.unscoped.values_list("subject", "details"))

    theirs = Client()
    theirs.post("/admin/login/", {"username": "nueva@example.com", "password": password})
    assert theirs.get("/admin/").status_code == 200


def test_a_person_who_has_a_user_keeps_their_password(client, admin):
    elsewhere = people.member(who=people.user("ana@example.com", password="hers alone"))
    page = client.post(ADD, {"email": "ANA@example.com", "role": "viewer"})
    assert page.status_code == 302
    assert User.objects.get(pk=elsewhere.user_id).check_password("hers alone")
    assert Membership.unscoped.filter(user=elsewhere.user).count() == 2


def test_nobody_is_a_member_twice(client, admin):
    page = client.post(ADD, {"email": admin.user.email.upper(), "role": "viewer"})
    assert page.status_code == 200
    assert Membership.unscoped.count() == 1
    assert Membership.unscoped.get().role == Role.ADMINISTRATOR


@pytest.mark.parametrize("data", [{"email": "nonsense", "role": "agent"}, {"email": "a@b.example", "role": "king"}, {}])
def test_what_is_no_member_is_refused(client, data):
    assert client.post(ADD, data).status_code == 200
    assert Membership.unscoped.count() == 1


def test_a_role_is_changed_and_noted(client, admin):
    agent = people.member(admin.account, Role.AGENT)
    assert client.post(address("change", agent), {"role": "viewer"}).status_code == 302
    assert Membership.unscoped.get(pk=agent.pk).role == Role.VIEWER
    entry = AuditEntry.unscoped.get()
    assert (entry.action, entry.details) == ("membership.changed", {"fields": ["role"]})


def test_the_last_administrator_stays_one(client, admin):
    people.member(admin.account, Role.AGENT)
    page = client.post(address("change", admin), {"role": "viewer"})
    assert page.status_code == 200
    assert client.post(address("delete", admin), {"post": "yes"}).status_code == 403
    assert Membership.unscoped.get(pk=admin.pk).role == Role.ADMINISTRATOR

    people.member(admin.account, Role.ADMINISTRATOR)
    assert client.post(address("change", admin), {"role": "viewer"}).status_code == 302


def test_an_administrator_who_was_switched_off_does_not_count(client, admin):
    people.member(admin.account, who=people.user(is_active=False))
    assert client.post(address("change", admin), {"role": "viewer"}).status_code == 200


def test_removing_a_member_removes_their_tokens_and_not_their_user(client, admin):
    agent = people.member(admin.account, Role.AGENT)
    plain = people.token_of(agent)
    assert client.get(address("delete", agent)).status_code == 200  # asks
    assert client.post(address("delete", agent), {"post": "yes"}).status_code == 302
    assert not ApiToken.unscoped.exists()
    assert User.objects.filter(pk=agent.user_id).exists()
    assert Client(headers={"Authorization": f"Bearer {plain}"}).post("/api/v1/ws-tickets").status_code == 401
    assert AuditEntry.unscoped.get().action == "membership.deleted"


def test_members_are_not_removed_in_bulk(client, admin):
    agent = people.member(admin.account, Role.AGENT)
    data = {"action": "delete_selected", "_selected_action": [agent.pk, admin.pk], "post": "yes"}
    client.post("/admin/accounts/membership/", data)
    assert Membership.unscoped.count() == 2


def test_a_forgotten_password_is_replaced_after_asking(client, admin):
    agent = people.member(admin.account, Role.AGENT, who=people.user(password="forgotten"))
    assert "<form" in client.get(address("reset_password", agent)).content.decode()
    assert User.objects.get(pk=agent.user_id).check_password("forgotten")
    page = client.post(address("reset_password", agent))
    assert User.objects.get(pk=agent.user_id).check_password(shown_password(page))
    assert AuditEntry.unscoped.get().action == "membership.password_reset"


@pytest.mark.parametrize("beyond", ["another account", "superuser"])
def test_the_password_of_somebody_with_a_place_beyond_the_account_is_theirs(client, admin, beyond):
    user = people.user(password="hers alone", is_superuser=beyond == "superuser")
    member = people.member(admin.account, Role.AGENT, who=user)
    if beyond == "another account":
        people.member(who=user)
    assert client.post(address("reset_password", member)).status_code == 302
    assert User.objects.get(pk=user.pk).check_password("hers alone")


@pytest.mark.parametrize("role", [Role.AGENT, Role.VIEWER])
def test_only_administrators_see_or_change_members(admin, role):
    client = people.browser(people.member(admin.account, role))
    assert client.get("/admin/accounts/membership/").status_code == 403
    assert client.post(ADD, {"email": "x@example.com", "role": "administrator"}).status_code == 403
    assert client.post(address("reset_password", admin)).status_code == 403
    assert not User.objects.filter(email="x@example.com").exists()


def test_a_member_changes_their_own_password():
    member = people.member(role=Role.VIEWER, who=people.user(password="the old one 1"))
    client = people.browser(member)
    new = "Corre-Camino-77"
    data = {"old_password": "the old one 1", "new_password1": new, "new_password2": new}
    assert client.post("/admin/password_change/", data).status_code == 302
    assert User.objects.get(pk=member.user_id).check_password(new)
