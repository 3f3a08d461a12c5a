"""Who wrote to an instance, as Evolution API's webhook tells it: the event `messages.upsert`.

    2.3.7     {"data": {"key": {"remoteJid": "51…@s.whatsapp.net", "fromMe": false}, "messageTimestamp": 1795774720}}
    2.3.x     {"key": {"remoteJid": "…@lid", "senderPn": "51…@s.whatsapp.net", …}}; 2.3.6, 2.4: `remoteJidAlt`
    1.x       the same as 2.3.7, `messageTimestamp` as text

`data` may be a list of them. Where only a LID is told, nobody knows whose number it is. Groups, broadcasts, channels
and statuses are no people; a message with `messageStubType` is WhatsApp's own, and nobody wrote it.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from devices.gateway.base import Sender
from devices.gateway.evolution.webhook_events import event_name

EVENT: Final = "messages.upsert"
_PERSON: Final = re.compile(r"([1-9][0-9]{7,14})(?::[0-9]+)?@(?:s\.whatsapp\.net|c\.us)")
_NOBODY: Final = ("@g.us", "@broadcast", "@newsletter")
# In the order in which they are to be believed.
_NAMES: Final = ("remoteJid", "remoteJidAlt", "senderPn")


def senders(event: object) -> list[Sender]:
    return [sender for sender, _ in _told(event)]


def kept(event: object) -> dict[str, Any] | None:
    """The event without what was written: who and when."""
    told = [message for _, message in _told(event)]
    if not told or not isinstance(event, dict):
        return None
    data = [
        {
            "key": {name: message["key"][name] for name in ("fromMe", "id", *_NAMES) if name in message["key"]},
            "messageTimestamp": message.get("messageTimestamp"),
        }
        for message in told
    ]
    return {"event": EVENT, "data": data}


def _told(event: object) -> Iterator[tuple[Sender, dict[str, Any]]]:
    if not isinstance(event, dict) or event_name(event) != EVENT:
        return
    data = event.get("data")
    for message in data if isinstance(data, list) else [data]:
        if not isinstance(message, dict) or message.get("messageStubType") is not None:
            continue
        key = message.get("key")
        if isinstance(key, dict) and key.get("fromMe") is False and (phone := _phone(key)):
            yield Sender(phone, _time(message.get("messageTimestamp"))), message


def _phone(key: dict[str, Any]) -> str:
    addresses = [key[name] for name in _NAMES if isinstance(key.get(name), str)]
    if any(address.endswith(_NOBODY) for address in addresses):
        return ""
    return next((f"+{person[1]}" for address in addresses if (person := _PERSON.fullmatch(address))), "")


def _time(stamp: object) -> datetime | None:
    if isinstance(stamp, str) and stamp.isascii() and stamp.isdigit():
        stamp = int(stamp[:20])
    if type(stamp) is not int:
        return None
    try:
        return datetime.fromtimestamp(stamp, UTC)
    except (ValueError, OverflowError, OSError):
        return None
