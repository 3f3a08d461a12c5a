"""Tokens in the admin: made there, shown once, revoked."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import ApiToken, AuditEntry, Role
from tests.accounts import people

pytestmark = pytest.mark.django_db
ADD = "/admin/accounts/apitoken/add/"


@pytest.fixture
def admin():
    return people.member()


@pytest.fixture
def client(admin):
    return people.browser(admin)


def make(client, membership, name="Chatwoot"):
    return client.post(ADD, {"name": name, "membership": membership.pk})


def shown_token(page):
    return re.search(r'readonly[^>]*value="([\w-]{40,})"', page.content.decode())[1]


def test_a_new_token_is_shown_once_and_works(client, admin):
    page = make(client, admin)
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    plain = shown_token(page)
    assert Client(headers={"Authorization": f"Bearer {plain}"}).post("/api/v1/ws-tickets").status_code == 201

    token = ApiToken.unscoped.get()
    pages = [
        client.get("/admin/accounts/apitoken/"),
        client.get(reverse("admin:accounts_apitoken_change", args=[token.pk])),
        client.get(reverse("admin:accounts_apitoken_history", args=[token.pk])),
        client.get("/admin/accounts/auditentry/"),
        client.get("/admin/"),
    ]
    for later in pages:
        assert later.status_code == 200
        assert plain not in later.content.decode()
        assert token.digest not in later.content.decode()
    assert f"…{plain[-4:]}" in pages[0].content.decode()


def test_a_token_may_be_made_for_another_member_and_has_that_ones_role(client, admin):
    viewer = people.member(admin.account, Role.VIEWER)
    plain = shown_token(make(client, viewer))
    answer = Client(headers={"api_access_token": plain}).post(
        f"/api/v1/accounts/{admin.account_id}/devices", {}, content_type="application/json"
    )
    assert answer.status_code == 403


def test_a_member_of_another_account_cannot_be_chosen(client):
    page = make(client, people.member())
    assert "errors" in page.context_data
    assert not ApiToken.unscoped.exists()


def test_making_and_revoking_are_in_the_audit_log(client, admin):
    plain = shown_token(make(client, admin))
    token = ApiToken.unscoped.get()
    client.post(reverse("admin:accounts_apitoken_revoke", args=[token.pk]))
    entries = list(AuditEntry.unscoped.order_by("pk"))
    assert [(one.action, one.user) for one in entries] == [
        ("apitoken.created", admin.user),
        ("apitoken.revoked", admin.user),
    ]
    assert plain not in str([(one.subject, one.details) for one in entries])


def test_revoking_asks_first_and_then_holds(client, admin):
    plain = shown_token(make(client, admin))
    address = reverse("admin:accounts_apitoken_revoke", args=[ApiToken.unscoped.get().pk])
    question = client.get(address)
    assert question.status_code == 200
    assert "<form" in question.content.decode()
    assert ApiToken.unscoped.get().revoked_at is None

    assert client.post(address).status_code == 302
    revoked_at = ApiToken.unscoped.get().revoked_at
    assert revoked_at is not None
    assert Client(headers={"Authorization": f"Bearer {plain}"}).post("/api/v1/ws-tickets").status_code == 401

    client.post(address)  # again
    assert ApiToken.unscoped.get().revoked_at == revoked_at


def test_revoking_needs_the_csrf_token(admin):
    token, _ = ApiToken.issue(admin, "x")
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin.user)
    assert client.post(reverse("admin:accounts_apitoken_revoke", args=[token.pk])).status_code == 403


def test_a_token_is_neither_edited_nor_deleted(client, admin):
    token, _ = ApiToken.issue(admin, "x")
    change = reverse("admin:accounts_apitoken_change", args=[token.pk])
    assert client.post(change, {"name": "y", "membership": admin.pk}).status_code == 403
    assert client.post(reverse("admin:accounts_apitoken_delete", args=[token.pk]), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("role", [Role.AGENT, Role.VIEWER])
def test_only_administrators_see_or_make_tokens(admin, role):
    token, _ = ApiToken.issue(admin, "x")
    client = people.browser(people.member(admin.account, role))
    assert client.get("/admin/accounts/apitoken/").status_code == 403
    assert make(client, admin).status_code == 403
    assert client.post(reverse("admin:accounts_apitoken_revoke", args=[token.pk])).status_code == 403
    assert ApiToken.unscoped.get().revoked_at is None
