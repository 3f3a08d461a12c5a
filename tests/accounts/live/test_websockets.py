"""Who opens a WebSocket, and the tickets that open one."""

import asyncio

import pytest
from django.test import Client, override_settings
from redis import Redis

from accounts.api import tickets
from accounts.live.websockets import WebSocketAuthentication, authenticate, is_known_origin
from accounts.models import Membership, Role
from tests.accounts import people

pytestmark = pytest.mark.django_db
HOST = ("host", "localhost:8000")


def scope(*headers, query=""):
    return {
        "type": "websocket",
        "path": "/ws/job/x",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in (HOST, *headers)],
    }


@pytest.mark.parametrize(
    "header", [("authorization", "Bearer {}"), ("authorization", "Token {}"), ("api_access_token", "{}")]
)
def test_a_token_in_any_of_the_three_headers(header):
    membership = people.member()
    name, value = header
    assert authenticate(scope((name, value.format(people.token_of(membership))))) == membership


def test_nobody():
    assert authenticate(scope()) is None
    assert authenticate(scope(("authorization", "Bearer nonsense"))) is None
    assert authenticate(scope(query="ticket=nonsense")) is None
    assert authenticate(scope(query="ticket=")) is None


@pytest.mark.django_db(transaction=True)
def test_the_consumer_finds_who_it_is_in_the_scope():
    membership = people.member()
    seen = []

    async def consumer(scope, receive, send):
        seen.append((scope["user"], scope["account"], scope["membership"]))

    async def open_both():
        guarded = WebSocketAuthentication(consumer)
        await guarded(scope(("authorization", f"Bearer {token}")), None, None)
        await guarded(scope(), None, None)

    token = people.token_of(membership)
    asyncio.run(open_both())
    assert seen == [(membership.user, membership.account, membership), (None, None, None)]


# --- Tickets ------------------------------------------------------------------------------------------


def test_a_ticket_opens_one_connection_and_no_second():
    membership = people.member()
    answer = people.api(membership).post("/api/v1/ws-tickets")
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    assert answer.json()["expires_in"] == 30
    opening = scope(query=f"ticket={answer.json()['ticket']}")
    assert authenticate(opening) == membership
    assert authenticate(opening) is None


def test_every_role_may_have_a_ticket():
    assert people.api(people.member(role=Role.VIEWER)).post("/api/v1/ws-tickets/").status_code == 201


def test_a_ticket_lives_thirty_seconds_and_redis_keeps_only_its_hash(settings):
    with Redis.from_url(settings.REDIS_URL) as redis:
        before = set(redis.keys("pregonero:ws-ticket:*"))
        ticket = tickets.issue(people.member())
        keys = set(redis.keys("pregonero:ws-ticket:*")) - before
        assert keys
        assert not any(ticket.encode() in key for key in keys)
        assert all(0 < redis.ttl(key) <= 30 for key in keys)
        redis.delete(*keys)  # as time does
    assert tickets.redeem(ticket) is None


def test_a_ticket_of_a_member_who_was_removed_opens_nothing():
    membership = people.member()
    people.member(who=membership.user)
    ticket = tickets.issue(membership)
    Membership.unscoped.filter(pk=membership.pk).delete()
    assert tickets.redeem(ticket) is None


def test_a_superusers_ticket_stands_for_the_account_they_chose():
    account = people.account()
    client = people.browser(people.user(is_superuser=True), account_id=account.pk)
    ticket = client.post("/api/v1/ws-tickets").json()["ticket"]
    assert tickets.redeem(ticket).account_id == account.pk


# --- Sessions -----------------------------------------------------------------------------------------


def cookie(client: Client):
    return ("cookie", f"sessionid={client.cookies['sessionid'].value}")


def test_a_session_from_our_own_page():
    first = people.member()
    second = people.member(who=first.user)
    own = ("origin", "http://localhost:8000")
    assert authenticate(scope(cookie(people.browser(first)), own)) == first
    assert authenticate(scope(cookie(people.browser(first, account_id=second.account_id)), own)) == second


@pytest.mark.parametrize("origin", [None, "", "null", "https://evil.example", "http://localhost:8000.evil.example"])
def test_a_session_from_a_strange_page_is_nobody(origin):
    headers = [("origin", origin)] if origin is not None else []
    assert authenticate(scope(cookie(people.browser(people.member())), *headers)) is None


def test_a_session_of_a_user_who_was_switched_off_is_nobody():
    membership = people.member()
    client = people.browser(membership)
    membership.user.is_active = False
    membership.user.save()
    assert authenticate(scope(cookie(client), ("origin", "http://localhost:8000"))) is None


def test_a_wrong_token_is_not_made_up_for_by_the_session():
    headers = [cookie(people.browser(people.member())), ("origin", "http://localhost:8000")]
    assert authenticate(scope(*headers, ("authorization", "Bearer wrong"))) is None
    assert authenticate(scope(*headers, query="ticket=wrong")) is None


@override_settings(
    ALLOWED_HOSTS=["app.example.com", ".example.org"],
    CSRF_TRUSTED_ORIGINS=["https://*.trusted.example"],
    CORS_ALLOWED_ORIGINS=["http://front.example:3000"],
)
@pytest.mark.parametrize(
    ("origin", "host", "known"),
    [
        ("https://app.example.com", "app.example.com", True),
        ("https://APP.example.com:443", "app.example.com", True),
        ("http://app.example.com:8000", "app.example.com:8000", True),
        ("http://app.example.com:3000", "app.example.com:8000", False),
        ("https://x.example.org", "x.example.org", True),
        ("https://x.example.org", "y.example.org", False),
        ("https://evil.example", "evil.example", False),  # a Host header of the attacker's own
        ("https://a.trusted.example", "app.example.com", True),
        ("http://a.trusted.example", "app.example.com", False),
        ("https://trusted.example.evil", "app.example.com", False),
        ("http://front.example:3000", "app.example.com", True),
        ("http://front.example", "app.example.com", False),
        ("ftp://app.example.com", "app.example.com", False),
        ("https://[", "app.example.com", False),
        ("null", "app.example.com", False),
    ],
)
def test_which_pages_are_known(origin, host, known):
    assert is_known_origin(origin, host) is known
