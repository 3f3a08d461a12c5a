"""What is written to sendText and sendMedia."""

import json
import re
from functools import lru_cache
from typing import Final
from urllib.parse import unquote, urlsplit

from devices.gateway.base import Media

# What json.dumps would use, without looking at its options for every message.
_encode: Final = json.JSONEncoder().encode


# By the ending of its name a gateway types a document, an audio and a video, over what their server says.
_ENDING: Final = re.compile(r"\.[A-Za-z0-9]{1,10}\Z")
_ENDING_OF_MOST: Final = ".pdf"


def text(number: str, text: str) -> bytes:
    return _encode({"number": _digits(number), "text": text}).encode()


def media(number: str, media: Media, caption: str) -> bytes:
    body = {"number": _digits(number), "mediatype": media.kind, "media": media.url}
    if name := _file_name(media):
        body["fileName"] = name
    if caption and media.kind != "audio":  # it has none on WhatsApp: dropped without a word
        body["caption"] = caption
    return _encode(body).encode()


@lru_cache(maxsize=256)
def _file_name(media: Media) -> str:
    """Never one without an ending: it would leave with the type "false". A document has one, always.

    An image has none: it is made a JPEG whatever it is called.
    """
    if media.kind == "image":
        return ""
    if media.kind != "document" or _ENDING.search(media.file_name):
        return media.file_name if _ENDING.search(media.file_name) else ""
    in_url = unquote(urlsplit(media.url).path).rpartition("/")[2]
    ending = _ENDING.search(in_url)
    if ending and not media.file_name:
        return in_url
    return (media.file_name or "documento") + (ending.group() if ending else _ENDING_OF_MOST)


def _digits(number: str) -> str:
    # With its "+" a Brazilian, Mexican or Argentine number is not found: 2.3.x skips its ninth-digit rule.
    return number.removeprefix("+")
