"""What every request learns before its view: in which account its user acts, and the API's language."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation
from rest_framework.views import APIView

from accounts.access.memberships import SESSION_KEY, choose_membership

API_LANGUAGE = "es"  # the wire speaks Spanish whatever the browser asks for


class AccountMiddleware:
    """Sets `request.account` and `request.membership` for users with a session; both None for others.

    A call with a token has no session: `authentication` sets them.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # Only a request that brings a session pays for the look-up.
        user = request.user if request.session.session_key else None
        membership = choose_membership(user, request.session.get(SESSION_KEY)) if user else None
        request.membership = membership  # type: ignore[attr-defined]
        request.account = membership and membership.account  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any) -> None:
        if issubclass(getattr(view, "cls", object), APIView):
            translation.activate(API_LANGUAGE)
