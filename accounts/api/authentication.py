"""Who is calling: by a token in one of three headers, or by a browser's session.

    Authorization: Bearer T        Authorization: Token T        api_access_token: T

After either, `request.account` and `request.membership` are known.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from accounts.access.memberships import SESSION_KEY, choose_membership
from accounts.errors import ApiError
from accounts.models import ApiToken, Membership, User

REALM: Final = 'Bearer realm="pregonero"'
LAST_USED_PRECISION = timedelta(minutes=1)  # a busy token costs one write a minute, not one a call


def plain_token(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the token that these headers (ASGI: lower-case names) carry; None where they carry none."""
    chatwoot = None
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").strip().partition(" ")
            if scheme.lower() in {"bearer", "token"}:
                return token.strip()
        elif name == b"api_access_token":
            chatwoot = value.decode("latin-1").strip()
    return chatwoot


def resolve_token(plain: str, now: datetime) -> Membership | None:
    """Return the membership this token speaks for; None when it is unknown, revoked or its user is off."""
    token: ApiToken | None = (
        ApiToken.unscoped.active()
        .filter(digest=ApiToken.digest_of(plain))
        .select_related("membership__user", "membership__account")
        .first()
    )
    if token is None:
        return None
    if token.last_used_at is None or token.last_used_at <= now - LAST_USED_PRECISION:
        ApiToken.unscoped.filter(pk=token.pk).filter(
            Q(last_used_at=None) | Q(last_used_at__lte=now - LAST_USED_PRECISION)
        ).update(last_used_at=now)
    membership: Membership = token.membership
    return membership


class TokenAuthentication(authentication.BaseAuthentication):
    """A token in a header. One that is given but not good ends the call: it never falls back to a session."""

    def authenticate(self, request: Request) -> tuple[User, Membership] | None:
        plain = plain_token(_headers(request._request))
        if plain is None:
            return None
        membership = resolve_token(plain, now=timezone.now())
        if membership is None:
            raise exceptions.AuthenticationFailed
        _act_as(request, membership)
        return membership.user, membership

    def authenticate_header(self, request: Request) -> str:
        return REALM


class SessionAuthentication(authentication.SessionAuthentication):
    """The Django session of a browser, with CSRF checked.

    The account is the one in the path, where there is one, else the one the session chose.
    """

    def authenticate(self, request: Request) -> tuple[User, Any] | None:
        user = getattr(request._request, "user", None)
        if not isinstance(user, User) or not user.is_active:
            return None
        self.enforce_csrf(request)
        context: dict[str, Any] = request.parser_context or {}
        asked_for = context.get("kwargs", {}).get("account_id", request._request.session.get(SESSION_KEY))
        _act_as(request, choose_membership(user, asked_for))
        return user, None

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except (exceptions.PermissionDenied, PermissionDenied):
            raise ApiError("csrf_failed", status=403) from None

    def authenticate_header(self, request: Request) -> str:
        return REALM


def _act_as(request: Request, membership: Membership | None) -> None:
    # On Django's own request: DRF's shows its attributes too.
    request._request.membership = membership  # type: ignore[attr-defined]
    request._request.account = membership and membership.account  # type: ignore[attr-defined]


def _headers(request: HttpRequest) -> Iterable[tuple[bytes, bytes]]:
    # From where the server put them: Django drops a header with an underscore, which Chatwoot's name has.
    scope: dict[str, Any] | None = getattr(request, "scope", None)
    if scope is not None:
        return [(bytes(name).lower(), bytes(value)) for name, value in scope["headers"]]
    names = {"HTTP_AUTHORIZATION": b"authorization", "HTTP_API_ACCESS_TOKEN": b"api_access_token"}
    return [(name, request.META[key].encode("latin-1")) for key, name in names.items() if key in request.META]
