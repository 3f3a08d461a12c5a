"""Who opens a WebSocket: by a token in a header, by `?ticket=`, or by a session from a page we know."""

from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, urlsplit

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest, parse_cookie
from django.http.request import split_domain_port, validate_host
from django.utils import timezone
from django.utils.http import is_same_domain

from accounts.access.memberships import SESSION_KEY, choose_membership
from accounts.api import tickets
from accounts.api.authentication import plain_token, resolve_token
from accounts.models import Membership

Scope = MutableMapping[str, Any]
AsgiApplication = Callable[[Scope, Any, Any], Awaitable[None]]


class WebSocketAuthentication:
    """Puts `user`, `account` and `membership` into the scope; each is None for who is not authenticated.

    The consumer decides what to answer: it can close with a code of ours, which needs an accepted socket.
    """

    def __init__(self, inner: AsgiApplication) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        membership: Membership | None = await database_sync_to_async(authenticate)(scope)
        known = {
            "membership": membership,
            "account": membership and membership.account,
            "user": membership and membership.user,
        }
        await self.inner({**scope, **known}, receive, send)


def authenticate(scope: Scope) -> Membership | None:
    """Return in whose name this connection is opened. A wrong token is not made up for by a session."""
    plain = plain_token(scope["headers"])
    if plain is not None:
        return resolve_token(plain, now=timezone.now())
    given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("ticket")
    if given:
        return tickets.redeem(given[0])
    return _by_session(scope)


def _by_session(scope: Scope) -> Membership | None:
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    key = parse_cookie(headers.get(b"cookie", "")).get(settings.SESSION_COOKIE_NAME)
    # A browser sends its cookies for any page that asks; the Origin says which page that was.
    if not key or not is_known_origin(headers.get(b"origin", ""), headers.get(b"host", "")):
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    return choose_membership(get_user(request), request.session.get(SESSION_KEY))


def is_known_origin(origin: str, host: str) -> bool:
    """Whether a page of this origin may use the session: our own host's, or one the settings name."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return False
    port = ":443" if parts.scheme == "https" else ":80"
    domain = split_domain_port(host)[0]
    if validate_host(domain, settings.ALLOWED_HOSTS) and _same(parts.netloc, host, port):
        return True
    return any(
        parts.scheme == named.scheme and is_same_domain(parts.netloc, named.netloc.removeprefix("*"))
        for named in map(urlsplit, [*settings.CSRF_TRUSTED_ORIGINS, *settings.CORS_ALLOWED_ORIGINS])
    )


def _same(netloc: str, host: str, default_port: str) -> bool:
    return netloc.lower().removesuffix(default_port) == host.lower().removesuffix(default_port)
