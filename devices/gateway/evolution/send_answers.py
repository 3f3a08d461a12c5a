"""What an answer to sendText or sendMedia means: was it sent, may we try again, and whom does it concern?"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from devices.gateway import http
from devices.gateway.base import (
    Acceptance,
    DeviceUnavailable,
    NotSent,
    OutcomeUnknown,
    Rejected,
    Scope,
    SendError,
    WireFailure,
    WireResponse,
    accept,
    no_answer,
)

# Errors that 2.3.x raises before anything is written to WhatsApp, by a piece of their text.
BEFORE_THE_SEND: Final[tuple[tuple[str, type[SendError], Scope, str], ...]] = (
    ("reading 'onWhatsApp'", DeviceUnavailable, Scope.DEVICE, "not_connected"),
    ("reading 'textMessage'", DeviceUnavailable, Scope.DEVICE, "not_connected"),
    ("reading 'mediaMessage'", DeviceUnavailable, Scope.DEVICE, "not_connected"),
    ("reading 'waUploadToServer'", DeviceUnavailable, Scope.DEVICE, "not_connected"),
    ("Connection Closed", DeviceUnavailable, Scope.DEVICE, "connection_closed"),
    ("reading 'find'", NotSent, Scope.RECIPIENT, "number_look_up_failed"),
    ("Media upload failed", NotSent, Scope.RECIPIENT, "media_upload_failed"),
    # The gateway could not fetch the medium, which is the same for everybody: 404, 5xx, no such host.
    ("AxiosError", NotSent, Scope.MESSAGE, "media_unreachable"),
    ("Failed to fetch stream", NotSent, Scope.MESSAGE, "media_unreachable"),
    ("getaddrinfo", NotSent, Scope.MESSAGE, "media_unreachable"),
    # A 5xx, and yet permanent.
    ("unsupported image format", Rejected, Scope.MESSAGE, "media_unusable"),
)
# What the medium's host said, or did not: 2.3.x wraps whatever follows a send in a 400, a 500 comes before it.
_MEDIUM_NOT_FETCHED: Final = ("fetch failed", "connect ECONNREFUSED", "socket hang up")
# An answer begins with its key.
_KEY: Final = re.compile(rb'\s*\{\s*"key"\s*:\s*\{[^{}]*?"id"\s*:\s*"([ -!#-\[\]-~]+)"')
_REFUSED_CONTENT: Final = (
    "Text is required",
    "Owned media must be a url or base64",
    "For base64 the file name must be informed",
)


def read_answer(answer: WireResponse | WireFailure) -> Acceptance:
    if isinstance(answer, WireFailure):
        raise no_answer(answer)
    if 200 <= answer.status < 300:
        return accept(_message_id(answer.body))
    raise _error(answer)


def _message_id(body: bytes) -> object:
    # By its beginning: with webhook_base64 on the whole medium follows, cut short by us, and it may not be in UTF-8.
    if found := _KEY.match(body):
        return found[1].decode()
    try:
        return json.loads(body)["key"]["id"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def _error(answer: WireResponse) -> SendError:
    said = list(_messages(answer.body))
    texts = [text for text in said if isinstance(text, str)]
    everything = " ".join(texts)
    match answer.status:
        case 401:
            return DeviceUnavailable("unauthorized")
        case 404:
            # The guards answer it before any handler runs; a proxy's 404 means a wrong address.
            unknown_instance = "instance does not exist" in everything
            return DeviceUnavailable("unknown_instance" if unknown_instance else "wrong_address")
        case 429:
            wait = http.retry_after(answer.headers.get("retry-after", ""))
            return NotSent("rate_limited", wait, scope=Scope.DEVICE)
        case 413:
            return Rejected("too_large", scope=Scope.MESSAGE)
        case 503 if b"LICENSE_REQUIRED" in answer.body:
            return DeviceUnavailable("licence_required")
        case status if 300 <= status < 400:
            return DeviceUnavailable("wrong_address")
        case 400 | 500:
            if any(isinstance(item, dict) and item.get("exists") is False for item in said):
                return Rejected("not_on_whatsapp")
            if any(isinstance(item, list) for item in said):
                # Only schema errors are lists within the list.
                return Rejected("invalid_request", scope=Scope.MESSAGE)
            if any(text.startswith(_REFUSED_CONTENT) for text in texts):
                return Rejected("invalid_content", scope=Scope.MESSAGE)
            for piece, error, scope, code in BEFORE_THE_SEND:
                if piece in everything:
                    return error(code, scope=scope)
            if answer.status == 500 and any(piece in everything for piece in _MEDIUM_NOT_FETCHED):
                return NotSent("media_unreachable", scope=Scope.MESSAGE)
            return OutcomeUnknown("gateway_error")
        case _:
            return OutcomeUnknown("gateway_error")


def _messages(body: bytes) -> Iterator[Any]:
    """Yield the items of an error body's `message`, wherever this version keeps it and however it is nested."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return
    if not isinstance(answer, dict):
        return
    response = answer.get("response")
    message = response.get("message") if isinstance(response, dict) else answer.get("message")
    yield from message if isinstance(message, list) else [message]
