"""Whether a message went out, by what the gateway's own store says of it."""

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
# What reading an answer raises that is not as it should be, down to a time that no calendar has.
_OTHER_SHAPES: Final = (LookupError, TypeError, AttributeError, ValueError, OverflowError, OSError)


def look_up(instance: Instance, message: OutgoingMessage, since: datetime, until: datetime) -> tuple[LookUp, str]:
    """It must be open and keep messages at all, or its silence proves nothing."""
    try:
        state, clock_ahead = _ask(instance, "GET", "instance/connectionState")
        is_open = state["instance"].get("state") == "open"
        first, last = since + clock_ahead - _STAMP, until + clock_ahead + _STAMP
        for record in _stored(instance, first, last, 50, remoteJid=_jid(instance, message.number))["records"]:
            sent_at = datetime.fromtimestamp(int(record["messageTimestamp"]), tz=UTC)
            if first <= sent_at <= last and _text_of(record.get("message")) == message.text:
                return LookUp.SENT, accept(record["key"]["id"]).gateway_message_id
        keeps_messages = is_open and int(_stored(instance, first - _KEEPS_MESSAGES, last, 1)["total"]) > 0
    except (http.Unreachable, _UnreadableAnswer, OutcomeUnknown, *_OTHER_SHAPES):
        return LookUp.CANNOT_TELL, ""
    return (LookUp.NOT_THERE if keeps_messages else LookUp.CANNOT_TELL), ""


def _stored(instance: Instance, first: datetime, last: datetime, at_most: int, **key: str) -> Any:
    """Return what it keeps of messages from us between two of its times: their `total` and the newest of them."""
    where = {
        "key": {**key, "fromMe": True},
        # Both bounds, or 2.3.x silently ignores the filter.
        "messageTimestamp": {"gte": _iso(first), "lte": _iso(last)},
    }
    found, _ = _ask(instance, "POST", "chat/findMessages", {"where": where, "page": 1, "offset": at_most})
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
