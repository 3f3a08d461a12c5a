"""Whether a message went out, by what the gateway's own store says of it.

*Could not ask* is not *cannot tell*. A gateway that is away, in trouble or not connected may answer later; only one
that answers and keeps no messages will never know.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from devices.gateway import http
from devices.gateway.base import LookUp, OutcomeUnknown, OutgoingMessage, accept
from devices.gateway.evolution.instance_calls import Instance

# Its stamps are whole seconds, and so is the clock in its Date header.
_STAMP: Final = timedelta(seconds=2)
# Evolution keeps no messages unless told to (DATABASE_SAVE_DATA_NEW_MESSAGE). One of this last hour shows that it does.
_KEEPS_MESSAGES: Final = timedelta(hours=1)
_PAGE_SIZE: Final = 50
_MAX_PAGES: Final = 20  # of messages to one number within the time asked for
# What reading an answer raises that is not as it should be, down to a time that no calendar has.
_OTHER_SHAPES: Final = (LookupError, TypeError, AttributeError, ValueError, OverflowError, OSError)
# Where a stored message says what it is. WhatsApp wraps some kinds in others.
_KINDS: Final = {
    "conversation": "text",
    "extendedTextMessage": "text",
    "imageMessage": "image",
    "videoMessage": "video",
    "ptvMessage": "video",
    "documentMessage": "document",
    "audioMessage": "audio",
}
# A refusal, too, is an answer of WhatsApp's.
_OF_WHATSAPP: Final = ("SERVER_ACK", "DELIVERY_ACK", "READ", "PLAYED", "ERROR")
_MAX_WRAPPINGS: Final = 3  # documentWithCaptionMessage, ephemeralMessage, …


class _NotNow(Exception):
    """The question was not answered."""


class _CannotKnow(Exception):
    """It was, by a gateway that has nothing to look into."""


def look_up(instance: Instance, message: OutgoingMessage, since: datetime, until: datetime) -> tuple[LookUp, str]:
    """It must be open and keep messages at all, or its silence proves nothing."""
    try:
        state, clock_ahead = _ask(instance, "GET", "instance/connectionState")
        is_open = state["instance"].get("state") == "open"
        first, last = since + clock_ahead - _STAMP, until + clock_ahead + _STAMP
        jid = _jid(instance, message.number)
        for record in _sent_to(instance, jid, first, last):
            sent_at = datetime.fromtimestamp(int(record["messageTimestamp"]), tz=UTC)
            if first <= sent_at <= last and _is_the_same(record.get("message"), message):
                return LookUp.SENT, _storable(record["key"].get("id"))
        if not is_open:
            return LookUp.NOT_NOW, ""
        keeps_messages = int(_stored(instance, first - _KEEPS_MESSAGES, last, page=1, size=1)["total"]) > 0
    except (http.Unreachable, _NotNow):
        return LookUp.NOT_NOW, ""
    except (_CannotKnow, *_OTHER_SHAPES):
        return LookUp.CANNOT_TELL, ""
    return (LookUp.NOT_THERE if keeps_messages else LookUp.CANNOT_TELL), ""


def has_heard(instance: Instance, since: datetime) -> bool | None:
    """Whether WhatsApp said anything of the last messages that were sent since, as is kept with them; None where none
    is kept, or it cannot be asked."""
    try:
        _state, clock_ahead = _ask(instance, "GET", "instance/connectionState")
        until = datetime.now(tz=UTC) + clock_ahead + _STAMP
        records = _stored(instance, since + clock_ahead, until, page=1, size=_PAGE_SIZE)["records"]
        said = [update["status"] for record in records for update in record["MessageUpdate"]]
        return any(status in _OF_WHATSAPP for status in said) if records else None
    except (http.Unreachable, _NotNow, _CannotKnow, *_OTHER_SHAPES):
        return None


def _sent_to(instance: Instance, jid: str, first: datetime, last: datetime) -> Iterator[Any]:
    """Yield what it keeps of our messages to one address between two of its times, the newest first."""
    for page in range(1, _MAX_PAGES + 1):
        found = _stored(instance, first, last, page, _PAGE_SIZE, remoteJid=jid)
        yield from (record for record in found["records"] if record["key"].get("remoteJid", jid) == jid)
        if page * _PAGE_SIZE >= int(found["total"]):
            return
    raise _CannotKnow


def _stored(instance: Instance, first: datetime, last: datetime, page: int, size: int, **key: str) -> Any:
    """Return a page of what it keeps of messages from us between two of its times, and their `total`."""
    where = {
        "key": {**key, "fromMe": True},
        # Both bounds, or 2.3.x silently ignores the filter.
        "messageTimestamp": {"gte": _iso(first), "lte": _iso(last)},
    }
    found, _ = _ask(instance, "POST", "chat/findMessages", {"where": where, "page": page, "offset": size})
    return found["messages"]


def _jid(instance: Instance, number: str) -> str:
    """The address WhatsApp knows a number by. Where a ninth digit comes and goes, only the gateway knows."""
    digits = number.removeprefix("+")
    if digits.startswith(("52", "54", "55")):
        known, _ = _ask(instance, "POST", "chat/whatsappNumbers", {"numbers": [digits]})
        return str(known[0]["jid"])
    return f"{digits}@s.whatsapp.net"


def _ask(instance: Instance, method: str, action: str, body: Any = None) -> tuple[Any, timedelta]:
    """Return the answer's JSON, and how far the gateway's clock is ahead of ours."""
    answer = instance.call(method, action, body)
    if answer.status == 404 and "instance does not exist" not in answer.text:
        raise _CannotKnow  # it has no such call
    if answer.status in {405, 501}:
        raise _CannotKnow
    if answer.status not in {200, 201} or (said := answer.json()) is None:
        raise _NotNow
    try:
        theirs = parsedate_to_datetime(answer.headers["date"])
        return said, theirs - datetime.now(tz=UTC)
    except (KeyError, ValueError, TypeError):
        # Without its clock, an older message with the same text could be taken for this one.
        raise _CannotKnow from None


def _storable(message_id: object) -> str:
    """It was sent, whatever it is called."""
    try:
        return accept(message_id).gateway_message_id
    except OutcomeUnknown:
        return ""


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _is_the_same(stored: Any, message: OutgoingMessage) -> bool:
    """Compare kind and words. A voice has none: WhatsApp drops its caption."""
    kind, text = _read(stored)
    wanted = message.media.kind if message.media is not None else "text"
    return kind in {wanted, ""} and (kind == "audio" or text == message.text)


def _read(stored: Any, wrappings: int = _MAX_WRAPPINGS) -> tuple[str, str]:
    """The kind of a stored message, "" for one we do not know, and its text or caption."""
    if not isinstance(stored, dict):
        return "", ""
    for name, value in stored.items():
        if kind := _KINDS.get(name):
            words = value.get("caption") or value.get("text") or "" if isinstance(value, dict) else value
            return kind, str(words)
        if wrappings and isinstance(value, dict) and isinstance(value.get("message"), dict):
            return _read(value["message"], wrappings - 1)
    for value in stored.values():
        if isinstance(value, dict) and ("caption" in value or "text" in value):
            return "", str(value.get("caption") or value.get("text") or "")
    return "", ""
