"""What people wrote to an instance, as Evolution API's webhook tells it: the event `messages.upsert`.

    2.3.7     {"data": {"key": {"remoteJid": "51…@s.whatsapp.net", "fromMe": false, "id"}, "message": {…}}}
    2.3.x     {"key": {"remoteJid": "…@lid", "senderPn": "51…@s.whatsapp.net", …}}; 2.3.6, 2.4: `remoteJidAlt`
    1.x       the same as 2.3.7, `messageTimestamp` as text

and, where somebody edited one, `messages.update` with `fromMe: false`, `keyId` and the `message` as it is by now.

`data` may be a list of them. Where only a LID is told, the gateway does not know whose number it is. Groups,
broadcasts, channels and statuses are no people; a message with `messageStubType` is WhatsApp's own.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from devices.gateway.base import Incoming, OutcomeUnknown, accept
from devices.gateway.evolution import incoming_texts
from devices.gateway.evolution.webhook_events import event_name

EVENT: Final = "messages.upsert"
EDITED: Final = "messages.update"
LONGEST_NAME: Final = 120
_PERSON: Final = re.compile(r"([1-9][0-9]{7,14})(?::[0-9]+)?@(?:s\.whatsapp\.net|c\.us)")
_LID: Final = re.compile(r"([0-9]{5,20})(?::[0-9]+)?@lid")
_NOBODY: Final = ("@g.us", "@broadcast", "@newsletter")
# In the order in which they are to be believed.
_NAMES: Final = ("remoteJid", "remoteJidAlt", "senderPn", "senderLid")


def incoming(event: object) -> list[Incoming]:
    return [message for message, _ in _told(event)]


def kept(event: object) -> dict[str, Any] | None:
    """The event with what is read of it, and no more."""
    told = [data for _, data in _told(event)]
    return {"event": event_name(event), "data": told} if told and isinstance(event, dict) else None


def _told(event: object) -> Iterator[tuple[Incoming, dict[str, Any]]]:
    """Each message, and the least of an event's data that reads as it."""
    if not isinstance(event, dict) or (name := event_name(event)) not in (EVENT, EDITED):
        return
    data = event.get("data")
    for told in data if isinstance(data, list) else [data]:
        if not isinstance(told, dict) or told.get("messageStubType") is not None:
            continue
        key = told.get("key") if name == EVENT else {**told, "id": told.get("keyId")}
        words = incoming_texts.read(told.get("message"))
        if not isinstance(key, dict) or key.get("fromMe") is not False or words is None:
            continue
        phone, lid = _who(key)
        if not phone and not lid:
            continue
        try:
            message_id = accept(key.get("id")).gateway_message_id
        except OutcomeUnknown:
            continue  # no id by which it could be known again
        message = Incoming(
            message_id,
            phone,
            lid,
            words.kind,
            words.text,
            _name(told.get("pushName")),
            _quoted(told.get("contextInfo")),
            name == EDITED,
            _time(told.get("messageTimestamp")),
        )
        yield message, _least(message, key, told, words)


def _least(message: Incoming, key: dict[str, Any], told: dict[str, Any], words: incoming_texts.Words) -> dict[str, Any]:
    names: dict[str, Any] = {name: key[name] for name in ("fromMe", *_NAMES) if name in key}
    least: dict[str, Any] = {
        "message": incoming_texts.kept(words),
        "pushName": message.name,
        "messageTimestamp": told.get("messageTimestamp"),
        "contextInfo": {"stanzaId": message.quoted_id},
    }
    if message.is_edit:
        return {**least, **names, "keyId": message.message_id}
    return {**least, "key": {**names, "id": message.message_id}}


def _who(key: dict[str, Any]) -> tuple[str, str]:
    """The number and the LID that are told, "" each where it is not; neither of what is no person."""
    addresses = [key[name] for name in _NAMES if isinstance(key.get(name), str)]
    if any(address.endswith(_NOBODY) for address in addresses):
        return "", ""
    phone = next((f"+{person[1]}" for address in addresses if (person := _PERSON.fullmatch(address))), "")
    return phone, next((lid[1] for address in addresses if (lid := _LID.fullmatch(address))), "")


def _quoted(context: object) -> str:
    try:
        return accept(context.get("stanzaId")).gateway_message_id if isinstance(context, dict) else ""
    except OutcomeUnknown:
        return ""


def _name(name: object) -> str:
    return incoming_texts.storable(name)[:LONGEST_NAME] if isinstance(name, str) else ""


def _time(stamp: object) -> datetime | None:
    if isinstance(stamp, str) and stamp.isascii() and stamp.isdigit():
        stamp = int(stamp[:20])
    if type(stamp) is not int:
        return None
    try:
        return datetime.fromtimestamp(stamp, UTC)
    except (ValueError, OverflowError, OSError):
        return None
