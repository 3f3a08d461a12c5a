"""Evolution API v2 (measured on 2.3.6 and 2.3.7): how a message is sent and what its answers mean.

Its status codes mislead. A 400 may follow a message that went out, a 500 is mostly one that did not: the
body decides. What no rule below knows is unknown, and unknown is looked up before anything is sent again.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from devices.gateway import http
from devices.gateway.base import (
    Acceptance,
    DeviceUnavailable,
    LookUp,
    NotSent,
    OutcomeUnknown,
    OutgoingMessage,
    Rejected,
    SendError,
    WireFailure,
    WireRequest,
    WireResponse,
)

# Errors that 2.3.x raises before anything is written to WhatsApp, by a piece of their text.
_BEFORE_THE_SEND: tuple[tuple[str, type[SendError], str], ...] = (
    ("reading 'onWhatsApp'", DeviceUnavailable, "not_connected"),
    ("reading 'textMessage'", DeviceUnavailable, "not_connected"),
    ("reading 'mediaMessage'", DeviceUnavailable, "not_connected"),
    ("Connection Closed", DeviceUnavailable, "connection_closed"),
    ("reading 'find'", NotSent, "number_look_up_failed"),
    ("Media upload failed", NotSent, "media_upload_failed"),
    # A 5xx, and yet permanent: the media is the trouble.
    ("AxiosError", Rejected, "media_unusable"),
    ("Failed to fetch stream", Rejected, "media_unusable"),
    ("unsupported image format", Rejected, "media_unusable"),
    ("getaddrinfo", Rejected, "media_unusable"),
)
_REFUSED_CONTENT = (
    "Text is required",
    "Owned media must be a url or base64",
    "For base64 the file name must be informed",
)

# Its stamps are whole seconds, and so is the clock in its Date header.
_STAMP = timedelta(seconds=2)
# Evolution keeps no messages unless told to (DATABASE_SAVE_DATA_NEW_MESSAGE). One of this last hour shows that it does.
_KEEPS_MESSAGES = timedelta(hours=1)


class EvolutionGateway:
    """One instance of an Evolution API server. `base_url` without trailing slash; `token` is the instance's own."""

    def __init__(self, base_url: str, instance_name: str, token: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._instance = quote(instance_name, safe="")
        self._token = token
        self._headers = ("Content-Type: application/json", f"apikey: {token}", "Expect:")
        self._text_url = f"{self._base_url}/message/sendText/{self._instance}"
        self._media_url = f"{self._base_url}/message/sendMedia/{self._instance}"

    def send_request(self, message: OutgoingMessage) -> WireRequest:
        # With its "+" a Brazilian, Mexican or Argentine number is not found: 2.3.x skips its ninth-digit rule.
        number = message.number.removeprefix("+")
        if message.media is None:
            body: dict[str, Any] = {"number": number, "text": message.text}
            return WireRequest(self._text_url, self._headers, json.dumps(body).encode())
        body = {"number": number, "mediatype": message.media.kind, "media": message.media.url}
        if message.media.file_name:
            body["fileName"] = message.media.file_name
        if message.text:
            body["caption"] = message.text
        return WireRequest(self._media_url, self._headers, json.dumps(body).encode())

    def read_answer(self, answer: WireResponse | WireFailure) -> Acceptance:
        if isinstance(answer, WireFailure):
            raise NotSent(answer.code) if answer.nothing_written else OutcomeUnknown(answer.code)
        if answer.status in {200, 201}:
            message_id = _message_id(answer.body)
            if message_id is None:
                raise OutcomeUnknown("no_message_id")
            return Acceptance(message_id)
        raise _error(answer)

    def look_up(self, message: OutgoingMessage, since: datetime, until: datetime) -> tuple[LookUp, str]:
        """Search the gateway's own store. It must be open and keep messages at all, or its silence proves nothing."""
        try:
            state, clock_ahead = self._call("GET", f"/instance/connectionState/{self._instance}")
            is_open = state["instance"].get("state") == "open"
            first, last = since + clock_ahead - _STAMP, until + clock_ahead + _STAMP
            for record in self._stored(first, last, 50, remoteJid=self._jid(message.number))["records"]:
                sent_at = datetime.fromtimestamp(int(record["messageTimestamp"]), tz=UTC)
                if first <= sent_at <= last and _text_of(record.get("message")) == message.text:
                    return LookUp.SENT, str(record["key"]["id"])
            keeps_messages = is_open and int(self._stored(first - _KEEPS_MESSAGES, last, 1)["total"]) > 0
        except (http.Unreachable, _UnreadableAnswer, KeyError, TypeError, AttributeError, ValueError):
            return LookUp.CANNOT_TELL, ""
        return (LookUp.NOT_THERE if keeps_messages else LookUp.CANNOT_TELL), ""

    def _stored(self, first: datetime, last: datetime, at_most: int, **key: str) -> Any:
        """Return what it keeps of messages from us between two of its times: their `total` and the newest of them."""
        where = {
            "key": {**key, "fromMe": True},
            # Both bounds, or 2.3.x silently ignores the filter.
            "messageTimestamp": {"gte": _iso(first), "lte": _iso(last)},
        }
        body = {"where": where, "page": 1, "offset": at_most}
        found, _ = self._call("POST", f"/chat/findMessages/{self._instance}", body)
        return found["messages"]

    def _jid(self, number: str) -> str:
        """The address WhatsApp knows a number by. Where a ninth digit comes and goes, only the gateway knows."""
        digits = number.removeprefix("+")
        if digits.startswith(("52", "54", "55")):
            known, _ = self._call("POST", f"/chat/whatsappNumbers/{self._instance}", {"numbers": [digits]})
            return str(known[0]["jid"])
        return f"{digits}@s.whatsapp.net"

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[Any, timedelta]:
        """Return the answer's JSON, and how far the gateway's clock is ahead of ours."""
        answer = http.request(method, self._base_url + path, headers={"apikey": self._token}, json=body)
        if answer.status not in {200, 201}:
            raise _UnreadableAnswer
        try:
            theirs = parsedate_to_datetime(answer.headers["date"])
            return answer.json(), theirs - datetime.now(tz=UTC)
        except (KeyError, ValueError, TypeError):
            # Without its clock, an older message with the same text could be taken for this one.
            raise _UnreadableAnswer from None


class _UnreadableAnswer(Exception):
    pass


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _text_of(message: Any) -> str:
    """The text, or the caption, of a stored message."""
    if not isinstance(message, dict):
        return ""
    if "conversation" in message:
        return str(message["conversation"])
    for value in message.values():
        if isinstance(value, dict) and ("caption" in value or "text" in value):
            return str(value.get("caption") or value.get("text") or "")
    return ""


def _message_id(body: bytes) -> str | None:
    try:
        message_id = json.loads(body)["key"]["id"]
    except (ValueError, KeyError, TypeError):
        return None
    # Kept in a column of that length, which cannot hold a NUL.
    is_usable = isinstance(message_id, str) and 0 < len(message_id) <= 80 and message_id.isprintable()
    return message_id if is_usable else None


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
            return NotSent("rate_limited", retry_after=_retry_after(answer.headers.get("retry-after", "")))
        case 413:
            return Rejected("too_large")
        case 503 if b"LICENSE_REQUIRED" in answer.body:
            return DeviceUnavailable("licence_required")
        case status if 300 <= status < 400:
            return DeviceUnavailable("wrong_address")
        case 400 | 500:
            if any(isinstance(item, dict) and item.get("exists") is False for item in said):
                return Rejected("not_on_whatsapp")
            if any(isinstance(item, list) for item in said):
                return Rejected("invalid_request")  # only schema errors are lists within the list
            if any(text.startswith(_REFUSED_CONTENT) for text in texts):
                return Rejected("invalid_content")
            for piece, error, code in _BEFORE_THE_SEND:
                if piece in everything:
                    return error(code)
            return OutcomeUnknown("gateway_error")
        case _:
            return OutcomeUnknown("gateway_error")


def _messages(body: bytes) -> Iterator[Any]:
    """Yield the items of an error body's `message`, wherever this version keeps it and however it is nested."""
    try:
        answer = json.loads(body)
    except ValueError:
        return
    if not isinstance(answer, dict):
        return
    response = answer.get("response")
    message = response.get("message") if isinstance(response, dict) else answer.get("message")
    yield from message if isinstance(message, list) else [message]


def _retry_after(value: str) -> timedelta | None:
    """Read both forms of Retry-After, seconds and date; at most an hour, so that a wrong clock strands nobody."""
    try:
        wait = timedelta(seconds=int(value)) if value.isdigit() else parsedate_to_datetime(value) - datetime.now(tz=UTC)
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), timedelta(hours=1))
