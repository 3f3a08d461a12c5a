"""Every way an API call can fail, told in one shape.

    {"status": "error", "code": "…", "message": "<Spanish>", "errors": [{"field", "code", "message"}, …]}

Domain code raises ApiError (or an exception of its own that an edge turns into one); nothing else in the
program builds an error answer. Bad input never becomes a 5xx, and is never echoed.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.db import DataError
from django.http import Http404, HttpRequest, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response

from accounts import messages

logger = logging.getLogger(__name__)

FieldError = dict[str, Any]


class ApiError(exceptions.APIException):
    """An answer other than success, with a code for programs and a Spanish sentence for people.

    `message` may be left out where `messages.ERRORS` has a sentence for the code. `errors` holds dicts
    such as {"field", "code", "message"} or {"line", "code", "message"}.
    """

    def __init__(self, code: str, message: str = "", status: int = 400, errors: Iterable[FieldError] = ()) -> None:
        super().__init__(detail=message or messages.ERRORS[code], code=code)
        self.code = code
        self.message = message or messages.ERRORS[code]
        self.status_code = status
        self.errors = list(errors)


# First match wins: subclasses stand before their bases.
_FOREIGN: Final[tuple[tuple[type[Exception], str, int], ...]] = (
    (Http404, "not_found", 404),
    (PermissionDenied, "permission_denied", 403),
    (RequestDataTooBig, "body_too_large", 413),
    (TooManyFieldsSent, "too_many_fields", 400),
    (TooManyFilesSent, "too_many_files", 400),
    (UnreadablePostError, "upload_interrupted", 400),
    (MultiPartParserError, "parse_error", 400),
    (SuspiciousOperation, "bad_request", 400),
    (BadRequest, "bad_request", 400),
    (UnicodeError, "parse_error", 400),  # bytes that are no text, or half a surrogate pair inside JSON
    (RecursionError, "parse_error", 400),  # JSON nested thousands deep
    (DataError, "bad_request", 400),  # what PostgreSQL cannot hold, such as a NUL byte in a search
    (exceptions.NotFound, "not_found", 404),
    (exceptions.NotAuthenticated, "not_authenticated", 401),
    (exceptions.AuthenticationFailed, "authentication_failed", 401),
    (exceptions.MethodNotAllowed, "method_not_allowed", 405),
    (exceptions.NotAcceptable, "not_acceptable", 406),
    (exceptions.UnsupportedMediaType, "unsupported_media_type", 415),
    (exceptions.ParseError, "parse_error", 400),
    (exceptions.Throttled, "throttled", 429),
)


def body(code: str, message: str = "", errors: Sequence[FieldError] = ()) -> dict[str, Any]:
    """The one shape of an error."""
    return {
        "status": "error",
        "code": code,
        "message": _encodable(message or messages.ERRORS[code]),
        "errors": [{**error, "field": _encodable(error["field"])} if "field" in error else error for error in errors],
    }


def _encodable(text: str) -> str:
    """The text, whatever keys it names: JSON takes half a surrogate pair, an answer in UTF-8 does not."""
    return text.encode("utf-8", "replace").decode()


def answer(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler. None (a 500) for what is our fault and nobody foresaw."""
    told = _told(exc)
    if told is None:
        return None
    status, content = told
    if isinstance(exc, DataError):
        logger.warning("the database refused a value", exc_info=exc)
    return Response(content, status=status, headers=_headers(exc))


def _told(exc: Exception) -> tuple[int, dict[str, Any]] | None:
    if isinstance(exc, ApiError):
        return exc.status_code, body(exc.code, exc.message, exc.errors)
    if isinstance(exc, exceptions.ValidationError):
        errors = list(_flattened(exc.detail))
        # A single complaint about no field in particular is the message itself.
        message = str(errors[0]["message"]) if len(errors) == 1 and not errors[0]["field"] else ""
        return exc.status_code, body("invalid", message, errors)
    for kind, code, status in _FOREIGN:
        if isinstance(exc, kind):
            return status, body(code)
    if isinstance(exc, exceptions.APIException):
        code = exc.default_code if exc.default_code in messages.ERRORS else "error"
        return exc.status_code, body(code)
    return None


def _flattened(detail: Any, field: str = "") -> Iterator[FieldError]:
    """Yield {"field", "code", "message"} per complaint; nested fields are named `a.b`, list items `a.0`."""
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            name = "" if key == "non_field_errors" else str(key)
            yield from _flattened(inner, ".".join(part for part in (field, name) if part))
    elif isinstance(detail, list | tuple):
        for position, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list | tuple)
            yield from _flattened(inner, f"{field}.{position}".lstrip(".") if nested else field)
    else:
        code = getattr(detail, "code", "invalid")
        yield {"field": field, "code": code, "message": messages.FIELD_ERRORS.get(code, str(detail))}


def _headers(exc: Exception) -> dict[str, str]:
    headers = {}
    if auth_header := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if (wait := getattr(exc, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait))
    return headers


# --- Outside DRF's views: addresses that do not exist, refusals before a view is found -----------------


def bad_request(request: HttpRequest, exception: Exception) -> Any:
    if wants_html(request):
        return defaults.bad_request(request, exception)
    told = _told(exception) or (400, body("bad_request"))
    return JsonResponse(told[1], status=told[0])


def not_found(request: HttpRequest, exception: Exception) -> Any:
    if wants_html(request):
        return defaults.page_not_found(request, exception)
    return JsonResponse(body("not_found"), status=404)


def server_error(request: HttpRequest) -> Any:
    if wants_html(request):
        return defaults.server_error(request)
    return JsonResponse(body("error"), status=500)


def wants_html(request: HttpRequest) -> bool:
    """Whether the caller is a browser showing a page, rather than a program."""
    return request.path.startswith("/admin") or "text/html" in request.headers.get("Accept", "")
