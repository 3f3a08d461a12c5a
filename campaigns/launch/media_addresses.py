"""Which addresses no gateway could fetch a file from, as far as they show it themselves.

Evolution API refuses a host without a top-level domain for every recipient. A private address, in whatever spelling,
leads nowhere from a gateway elsewhere, and to things that are nobody's business from one nearby.
"""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.utils.translation import gettext as _

from devices import egress

_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_TOP_LEVEL: Final = re.compile(r"[a-z]{2,}|xn--[a-z0-9-]+")


def is_reachable(url: str) -> bool:
    """Whether nothing in the URL itself forbids it. A name may still lead inwards: the check before a launch asks."""
    try:
        egress.judge(url)
    except egress.EgressRefused:
        return False
    return has_public_host(url)


def has_public_host(url: str) -> bool:
    """Whether its host is an address, or a name below a top-level domain."""
    host = urlsplit(url).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        *labels, top_level = host.split(".")
        is_name = bool(labels) and all(_LABEL.fullmatch(label) for label in labels)
        return is_name and top_level != "localhost" and _TOP_LEVEL.fullmatch(top_level) is not None
    return True


def check_public_url(*, app_configs: object = None, deploy: bool = False, **_kwargs: object) -> list[checks.Warning]:
    """Warn where gateways cannot fetch uploaded files from us. A private address only for a deployment: one machine
    may have both.
    """
    url = settings.PUBLIC_URL
    if has_public_host(url) and (is_reachable(url) or not deploy):
        return []
    return [
        checks.Warning(
            _("Gateways cannot fetch uploaded files from PUBLIC_URL: its host is no public one."),
            hint=_("Set PUBLIC_URL to the address by which the internet reaches this server, such as https://…"),
            id="campaigns.W001",
        )
    ]
