"""Who is calling: the three header forms, the session, and what is refused."""

from datetime import timedelta

import pytest
from channels.db import database_sync_to_async
from django.test import Client
from django.utils import timezone

from accounts.api import tickets
from accounts.api.authentication import plain_token
from accounts.models import ApiToken, Role
from tests.accounts import asgi, people

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/ws-tickets"


@pytest.mark.parametrize(
    "header",
    [
        {"Authorization": "Bearer {}"},
        {"Authorization": "bearer {}"},
        {"Authorization": "Token {}"},
        {"api_access_token": "{}"},
    ],
)
def test_a_token_is_taken_from_any_of_the_three_headers(header):
    token = people.token_of(people.member())
    headers = {name: value.format(token) for name, value in header.items()}
    assert Client().post(ADDRESS, headers=headers).status_code == 201


@pytest.mark.django_db(transaction=True)
async def test_chatwoots_header_survives_a_real_asgi_server():
    """Django drops header names with an underscore; the server's own list still has them."""
    token = await database_sync_to_async(lambda: people.token_of(people.member()))()
    assert await asgi.post(ADDRESS, headers=[(b"api_access_token", token.encode())]) == 201
    assert await asgi.post(ADDRESS, headers=[(b"api_access_token", b"nonsense")]) == 401


def test_no_credentials_are_answered_401_with_the_way_to_a_token():
    answer = Client().get("/api/v1/ws-tickets")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    body = answer.json()
    assert body["status"] == "error"
    assert body["code"] == "not_authenticated"
    assert "/admin/" in body["message"]
    assert "bootstrap" in body["message"]


def test_a_revoked_token_is_refused():
    membership = people.member()
    token, plain = ApiToken.issue(membership, "x")
    token.revoke()
    answer = Client().post(ADDRESS, headers={"Authorization": f"Bearer {plain}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "authentication_failed")


def test_the_token_of_a_user_who_was_switched_off_is_refused():
    membership = people.member()
    headers = people.bearer(membership)
    membership.user.is_active = False
    membership.user.save()
    assert Client().post(ADDRESS, headers=headers).status_code == 401


@pytest.mark.parametrize("value", ["Bearer nonsense", "Bearer ", "Token \xf1", "Bearer a b"])
def test_a_wrong_token_is_refused_even_where_a_session_would_do(value):
    client = people.browser(people.member())
    assert client.post(ADDRESS, headers={"Authorization": value}).status_code == 401


def test_a_wrong_token_is_not_echoed():
    answer = Client().post(ADDRESS, headers={"Authorization": "Bearer my-secret-typo"})
    assert "my-secret-typo" not in answer.content.decode()


def test_basic_credentials_are_not_ours_and_count_as_none():
    assert Client().post(ADDRESS, headers={"Authorization": "Basic eDp5"}).json()["code"] == "not_authenticated"


def test_a_session_needs_the_csrf_token():
    membership = people.member()
    client = Client(enforce_csrf_checks=True)
    client.force_login(membership.user)
    refused = client.post(ADDRESS)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")

    client.get("/admin/login/")  # sets the cookie, as any page does
    client.get("/admin/password_change/")
    accepted = client.post(ADDRESS, headers={"X-CSRFToken": client.cookies["csrftoken"].value})
    assert accepted.status_code == 201


def test_a_token_needs_no_csrf_token():
    client = Client(enforce_csrf_checks=True, headers=people.bearer(people.member()))
    assert client.post(ADDRESS).status_code == 201


def test_a_user_without_any_account_is_told_so():
    answer = people.browser(people.user()).post(ADDRESS)
    assert (answer.status_code, answer.json()["code"]) == (403, "no_membership")


def test_a_session_acts_in_the_first_account_until_another_is_chosen():
    first = people.member(role=Role.VIEWER)
    second = people.member(who=first.user, role=Role.ADMINISTRATOR)
    assert _account_of(people.browser(first)) == first.account_id
    assert _account_of(people.browser(first, account_id=second.account_id)) == second.account_id


def test_an_account_the_user_left_is_not_kept_by_the_session():
    membership = people.member()
    strange = people.account()
    assert _account_of(people.browser(membership, account_id=strange.pk)) == membership.account_id


def _account_of(client):
    return tickets.redeem(client.post(ADDRESS).json()["ticket"]).account_id


def test_the_last_use_is_noted_at_most_once_a_minute():
    membership = people.member()
    token, plain = ApiToken.issue(membership, "x")
    client = Client(headers={"Authorization": f"Bearer {plain}"})

    def last_used():
        return ApiToken.unscoped.get(pk=token.pk).last_used_at

    client.post(ADDRESS)
    first = last_used()
    client.post(ADDRESS)
    assert last_used() == first is not None

    ApiToken.unscoped.update(last_used_at=timezone.now() - timedelta(minutes=2))
    client.post(ADDRESS)
    assert timezone.now() - last_used() < timedelta(seconds=30)


def test_only_the_hash_of_a_token_is_stored():
    token, plain = ApiToken.issue(people.member(), "x")
    row = ApiToken.unscoped.filter(pk=token.pk).values().get()
    assert plain not in str(row)
    assert len(plain) >= 40


def test_headers_are_read_as_the_server_gives_them():
    assert plain_token([(b"authorization", b"Bearer  abc ")]) == "abc"
    assert plain_token([(b"authorization", b"Basic abc"), (b"api_access_token", b"xyz")]) == "xyz"
    assert plain_token([(b"host", b"x")]) is None
