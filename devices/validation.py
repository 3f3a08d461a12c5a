"""What a device may be told: its gateway's address, its instance and its token, for the API and the admin alike.

Each function returns the cleaned value or raises Refused with a code of `reasons`.
"""

import re
from urllib.parse import urlsplit

from devices import egress
from devices.models import Device


class Refused(ValueError):
    """A value that cannot be used."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def base_url(value: str) -> str:
    """An http or https address, without trailing slash. Where it leads is judged when we connect."""
    value = value.strip()
    try:
        egress.read(value)
    except egress.EgressRefused as refused:
        raise Refused(refused.code) from None
    parts = urlsplit(value)
    if parts.query or parts.fragment or value.endswith(("?", "#")):
        raise Refused("address_extra")
    return value.rstrip("/")


def instance_name(value: str) -> str:
    """One segment of the gateway's paths: "." and "/" would lead elsewhere."""
    value = value.strip()
    if value in {".", ".."} or re.search(r"[/\\\x00-\x1f\x7f]", value):
        raise Refused("instance_characters")
    return value


def token(value: str) -> str:
    """It goes into a header line as it is."""
    value = value.strip()
    if re.search(r"[^\x21-\x7e]", value):
        raise Refused("token_characters")
    return value


def is_instance_taken(device: Device) -> bool:
    """Whether another device, of whatever account, sends through the same instance of the same gateway."""
    others = Device.unscoped.present().filter(provider=device.provider, instance_name=device.instance_name)
    place = _place(device.base_url)
    return any(_place(other) == place for other in others.exclude(pk=device.pk).values_list("base_url", flat=True))


def _place(base_url: str) -> tuple[object, str]:
    """Where an address leads, however it is written."""
    return egress.read(base_url), urlsplit(base_url).path.rstrip("/")
