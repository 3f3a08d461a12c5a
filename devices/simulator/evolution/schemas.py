"""Which bodies the schemas of Evolution API 2.3.7 refuse, and with which words.

The words are those of the `jsonschema` package it uses, or the schema's own description where it has one
(`validate/message.schema.ts`, `abstract/abstract.router.ts`).
"""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

Body = Mapping[str, Any]

MEDIA_TYPES = ("image", "document", "video", "audio")

_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}", re.ASCII)
_LABEL = re.compile(r"[^\W_](?:(?:[^\W_]|-)*[^\W_])?")
_TOP_LEVEL = re.compile(r"[^\W\d_]{2,}|xn[a-z0-9-]{2,}", re.IGNORECASE)


def check_text(body: Body) -> list[str]:
    messages = _number(body) + _strings(body, "text") + _booleans(body, "linkPreview") + _common(body)
    return messages + _required(body, "number", "text")


def check_media(body: Body) -> list[str]:
    messages = _number(body) + _strings(body, "mediatype")
    if "mediatype" in body and body["mediatype"] not in MEDIA_TYPES:
        messages.append(f"mediatype is not one of enum values: {','.join(MEDIA_TYPES)}")
    messages += _strings(body, "mimetype", "media", "fileName", "caption") + _common(body)
    return messages + _required(body, "number", "mediatype")


def check_audio(body: Body) -> list[str]:
    return _number(body) + _strings(body, "audio") + _common(body) + _required(body, "number")


def check_numbers(body: Body) -> list[str]:
    """`whatsappNumbers`: a list of at least one string, none twice."""
    if "numbers" not in body:
        return []
    listed = body["numbers"]
    if not isinstance(listed, list):
        return ["numbers is not of a type(s) array"]
    messages = ['"numbers" must be an array of numeric strings' for each in listed if not isinstance(each, str)]
    return messages + _size("numbers", listed)


def check_webhook(body: Body, known_events: tuple[str, ...]) -> list[str]:
    """`webhook/set`: everything inside a `webhook` object (the flat form of v1 is refused)."""
    if "webhook" not in body:
        return _required(body, "webhook")
    webhook = body["webhook"]
    if not isinstance(webhook, dict):
        return ["webhook is not of a type(s) object"]
    messages = _booleans(webhook, "enabled") + _strings(webhook, "url")
    messages += _booleans(webhook, "byEvents", "base64")
    events = webhook.get("events", [])
    if isinstance(events, list):
        messages += [
            f"events[{place}] is not one of enum values: {','.join(known_events)}"
            for place, event in enumerate(events)
            if event not in known_events
        ]
    else:
        messages.append("events is not of a type(s) array")
    messages = [f"webhook.{message}" for message in messages]
    return messages + [m.replace("instance", "webhook", 1) for m in _required(webhook, "enabled", "url")]


def is_integer(value: Any) -> bool:
    """As JavaScript sees it: 1.0 is an integer, true is not."""
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def is_base64(text: str) -> bool:
    return len(text) > 0 and len(text) % 4 == 0 and _BASE64.fullmatch(text) is not None


def is_url(text: str) -> bool:
    """As `validator.js` judges: an address or a name with a top-level domain; the scheme may be missing."""
    if not text or len(text) > 2083 or re.search(r"[\s<>]", text):
        return False
    scheme, separator, _ = text.partition("://")
    if separator and scheme.lower() not in ("http", "https", "ftp"):
        return False
    try:
        parts = urlsplit(text if separator else f"//{text}")
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    return _is_address(host) or _is_name(host)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_name(host: str) -> bool:
    labels = host.split(".")
    has_top_level = len(labels) > 1 and _TOP_LEVEL.fullmatch(labels[-1]) is not None
    return has_top_level and all(_LABEL.fullmatch(label) for label in labels)


def _number(body: Body) -> list[str]:
    return [] if isinstance(body.get("number", ""), str) else ["Invalid format"]


def _strings(body: Body, *names: str) -> list[str]:
    return [f"{name} is not of a type(s) string" for name in names if not isinstance(body.get(name, ""), str)]


def _booleans(body: Body, *names: str) -> list[str]:
    return [f"{name} is not of a type(s) boolean" for name in names if not isinstance(body.get(name, True), bool)]


def _required(body: Body, *names: str) -> list[str]:
    return [f'instance requires property "{name}"' for name in names if name not in body]


def _size(name: str, listed: list[Any]) -> list[str]:
    if not listed:
        return [f"{name} does not meet minimum length of 1"]
    return [f"{name} contains duplicate item"] if _has_duplicates(listed) else []


def _has_duplicates(listed: list[Any]) -> bool:
    keys = [repr(each) for each in listed]
    return len(set(keys)) < len(keys)


def _common(body: Body) -> list[str]:
    """What the schemas of all messages share: delay, quoted, everyOne, mentioned."""
    messages = []
    if not is_integer(body.get("delay", 0)):
        messages.append("Enter a value in milliseconds")
    quoted = body.get("quoted")
    key = quoted.get("key") if isinstance(quoted, dict) else None
    if isinstance(key, dict) and "id" not in key:
        messages.append('quoted.key requires property "id"')
    messages += _booleans(body, "everyOne")
    if "mentioned" in body:
        mentioned = body["mentioned"]
        if not isinstance(mentioned, list):
            messages.append("mentioned is not of a type(s) array")
        else:
            bad = [each for each in mentioned if not isinstance(each, str) or not re.match(r"[0-9]", each)]
            messages += ['"mentioned" must be an array of numeric strings' for _ in bad]
            messages += _size("mentioned", mentioned)
    return messages
