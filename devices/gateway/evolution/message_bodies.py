"""What is written to sendText and sendMedia."""

import json
from typing import Final

from devices.gateway.base import Media

# What json.dumps would use, without looking at its options for every message.
_encode: Final = json.JSONEncoder().encode


def text(number: str, text: str) -> bytes:
    return _encode({"number": _digits(number), "text": text}).encode()


def media(number: str, media: Media, caption: str) -> bytes:
    body = {"number": _digits(number), "mediatype": media.kind, "media": media.url}
    if media.file_name:
        body["fileName"] = media.file_name
    if caption:
        body["caption"] = caption
    return _encode(body).encode()


def _digits(number: str) -> str:
    # With its "+" a Brazilian, Mexican or Argentine number is not found: 2.3.x skips its ninth-digit rule.
    return number.removeprefix("+")
