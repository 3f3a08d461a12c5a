"""What an endpoint may be: each function returns the cleaned value or raises Refused with a code of `reasons`."""

import re
from collections.abc import Mapping
from typing import Any, Final

from devices import egress
from devices.endpoints.event_types import EVENT_TYPES
from devices.validation import Refused

MOST_HEADERS: Final = 20
_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,998}[\x21-\x7e])?")
# What we say ourselves, and what would change where or how it is read.
_OURS: Final = frozenset(
    {
        "host",
        "content-length",
        "content-type",
        "content-encoding",
        "transfer-encoding",
        "connection",
        "expect",
        "te",
        "trailer",
        "upgrade",
        "keep-alive",
        "user-agent",
    }
)


def url(value: str) -> str:
    """An https address, or http into a network of EGRESS_ALLOWED_CIDRS. Where it leads is judged at each call."""
    value = value.strip()
    try:
        egress.judge(value)
        scheme, host, _ = egress.read(value)
    except egress.EgressRefused as refused:
        raise Refused(refused.code) from None
    if "#" in value:
        raise Refused("address_extra")
    if scheme != "https" and not _may_be_plain(host):
        raise Refused("endpoint_https")
    return value


def _may_be_plain(host: str) -> bool:
    try:
        return egress.is_named(host)
    except ValueError:
        return True  # a name: its address is judged when we connect


def types(value: list[str]) -> list[str]:
    """Those of EVENT_TYPES that are asked for; none for all of them."""
    if set(value) - set(EVENT_TYPES):
        raise Refused("endpoint_types")
    return [one for one in EVENT_TYPES if one in value]


def headers(value: Mapping[str, Any]) -> dict[str, str]:
    """Headers of the customer's own, which come with every call."""
    if len(value) > MOST_HEADERS:
        raise Refused("endpoint_headers")
    for name, said in value.items():
        lower = name.lower()
        if not _NAME.fullmatch(name) or lower in _OURS or lower.startswith("webhook-"):
            raise Refused("endpoint_headers")
        if not isinstance(said, str) or not _VALUE.fullmatch(said):
            raise Refused("endpoint_headers")
    return dict(value)
