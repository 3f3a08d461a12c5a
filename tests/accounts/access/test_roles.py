"""What each role may do through the API, and that another account's address does not exist."""

import pytest
from django.test import Client
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access.permissions import may
from accounts.api.routes import api_path
from accounts.models import Role
from tests.accounts import people

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class Plain(APIView):
    def answer(self, request, **kwargs):
        return Response({"account": request.account.pk})

    get = post = put = patch = delete = answer


class Settings(Plain):
    required_role = Role.ADMINISTRATOR


class Mixed(Plain):
    required_role = {"POST": Role.VIEWER, "DELETE": Role.AGENT}


urlpatterns = [
    api_path("plain", Plain.as_view()),
    api_path("settings", Settings.as_view()),
    api_path("mixed", Mixed.as_view()),
    api_path("accounts/<int:account_id>/plain", Plain.as_view()),
]

ADMINISTRATOR, AGENT, VIEWER = Role.ADMINISTRATOR, Role.AGENT, Role.VIEWER


@pytest.mark.parametrize(
    ("path", "method", "roles"),
    [
        ("/plain", "get", {ADMINISTRATOR, AGENT, VIEWER}),
        ("/plain", "post", {ADMINISTRATOR, AGENT}),
        ("/plain", "put", {ADMINISTRATOR, AGENT}),
        ("/plain", "patch", {ADMINISTRATOR, AGENT}),
        ("/plain", "delete", {ADMINISTRATOR}),
        ("/settings", "get", {ADMINISTRATOR, AGENT, VIEWER}),
        ("/settings", "post", {ADMINISTRATOR}),
        ("/mixed", "post", {ADMINISTRATOR, AGENT, VIEWER}),
        ("/mixed", "patch", {ADMINISTRATOR, AGENT}),
        ("/mixed", "delete", {ADMINISTRATOR, AGENT}),
    ],
)
def test_who_may_call_what(path, method, roles):
    account = people.account()
    for role in Role:
        answer = getattr(people.api(people.member(account, role)), method)(path)
        assert answer.status_code == (200 if role in roles else 403), role
        if role not in roles:
            assert answer.json()["code"] == "permission_denied"


def test_roles_are_in_one_order():
    assert [[may(people.member(role=has), needs) for needs in Role] for has in Role] == [
        [True, True, True],
        [False, True, True],
        [False, False, True],
    ]
    assert not may(None, VIEWER)


def test_another_accounts_address_does_not_exist_whatever_the_role():
    mine, other = people.member(role=VIEWER), people.account()
    for number in (other.pk, 10**30, 0):
        for method in ("get", "post", "delete"):
            answer = getattr(people.api(mine), method)(f"/accounts/{number}/plain")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert people.api(mine).get(f"/accounts/{mine.account_id}/plain").status_code == 200


def test_a_session_may_use_the_address_of_any_account_it_belongs_to():
    first = people.member()
    second = people.member(who=first.user, role=VIEWER)
    client = people.browser(first)
    assert client.get(f"/accounts/{second.account_id}/plain").json() == {"account": second.account_id}
    assert client.post(f"/accounts/{second.account_id}/plain").status_code == 403  # a viewer there


def test_a_superuser_is_an_administrator_of_every_account_but_one_at_a_time():
    account = people.account()
    people.account()
    boss = people.user(is_superuser=True)
    client = people.browser(boss, account_id=account.pk)
    assert client.delete("/plain").json() == {"account": account.pk}


def test_no_credentials_are_401_before_anything_else():
    assert Client().delete("/accounts/1/plain").status_code == 401
