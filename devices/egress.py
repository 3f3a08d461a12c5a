"""Where the program may connect to on a customer's word: the public internet, and networks named for it.

A gateway's address comes from a form. Without this guard it could be the cloud's metadata service, the
database or a router. A name is resolved once, every address it has is judged, and the connection is made
to the judged address itself: asking the name again could bring another answer.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
RESOLVED_AT_ONCE: Final = 16
_HOST_NAME: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
# Addresses that carry an IPv4 address to another network: 6to4, Teredo, NAT64.
_CARRIERS: Final = tuple(
    ipaddress.ip_network(network)
    for network in ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48", "192.88.99.0/24")
)


class EgressRefused(Exception):
    """We do not connect there, whoever asks. `code` is one of `reasons`."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.code = code


class Unresolvable(OSError):
    """The name has no address, or the name service does not answer. It may tomorrow."""


@dataclass(frozen=True, slots=True)
class CheckedAddress:
    """A place that may be connected to. `host` is as in the URL (lower case); connect to `ip`."""

    scheme: str
    host: str
    port: int
    ip: str


def resolve(url: str) -> CheckedAddress:
    """Judge a URL and return the address to connect to. Raises EgressRefused or Unresolvable.

    Every address of the name must pass, so that one good address cannot vouch for a bad one.
    """
    scheme, host, port = read(url)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unresolvable(f"{host} has no address") from error
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not addresses:
        raise Unresolvable(f"{host} has no address")
    for address in addresses:
        if not _is_allowed(address):
            raise EgressRefused("egress_refused", f"{host} is at {address}, in a network not open to gateways")
    return CheckedAddress(scheme, host, port, str(addresses[0]))


def judge(url: str) -> None:
    """Judge a URL by what stands in it, without asking anybody: its form, and an address. Raises EgressRefused.

    A name may still lead inwards: `resolve` finds out.
    """
    _, host, _ = read(url)
    if _is_ip(host) and not _is_allowed(ipaddress.ip_address(host)):
        raise EgressRefused("egress_refused", f"{host} is in a network not open to gateways")


def resolve_all(
    urls: Iterable[str], timeout_seconds: float
) -> dict[str, CheckedAddress | EgressRefused | Unresolvable]:
    """Resolve several at once, so that a name service which does not answer costs the timeout once, not for each."""
    pool = ThreadPoolExecutor(RESOLVED_AT_ONCE, thread_name_prefix="resolve")
    asked = {url: pool.submit(_resolved, url) for url in set(urls)}
    wait(asked.values(), timeout_seconds)
    pool.shutdown(wait=False, cancel_futures=True)
    return {
        url: answer.result() if answer.done() and not answer.cancelled() else Unresolvable("the name service is silent")
        for url, answer in asked.items()
    }


def _resolved(url: str) -> CheckedAddress | EgressRefused | Unresolvable:
    try:
        return resolve(url)
    except (EgressRefused, Unresolvable) as error:
        return error


def read(url: str) -> tuple[str, str, int]:
    """Read scheme, host and port. What two clients could read differently raises EgressRefused."""
    if re.search(r"[^\x21-\x7e]|\\", url):
        raise EgressRefused("address_characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise EgressRefused("address_host") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise EgressRefused("address_scheme")
    if "@" in parts.netloc:
        raise EgressRefused("address_credentials")
    host = parts.hostname or ""
    # Put together again it must be what was written: no [name], no empty port, no 0080.
    written = f"[{host}]" if ":" in host else host
    if parts.netloc.lower() not in {written, f"{written}:{port}"} or port == 0 or not _is_plain_host(host):
        raise EgressRefused("address_host")
    return parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme]


def _is_plain_host(host: str) -> bool:
    """Whether it is a name, a dotted quad or an IPv6 address: not 2130706433, 0x7f.1 or 0177.0.0.1."""
    if ":" in host:
        return "%" not in host and _is_ip(host)
    last = host.rpartition(".")[2]
    if last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last):
        return _is_ip(host)
    return len(host) <= 253 and _HOST_NAME.fullmatch(host) is not None


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_named(ip: str) -> bool:
    """Whether an address is in a network that the operator named. Raises ValueError where it is none."""
    return _is_named(_unmapped(ipaddress.ip_address(ip)))


def _unmapped(address: IpAddress) -> IpAddress:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _is_named(address: IpAddress) -> bool:
    return any(address in ipaddress.ip_network(network) for network in settings.EGRESS_ALLOWED_CIDRS)


def _is_allowed(address: IpAddress) -> bool:
    address = _unmapped(address)
    if _is_named(address):
        return True
    return not any(address in carrier for carrier in _CARRIERS) and _is_public(address)


def _is_public(address: IpAddress) -> bool:
    # `is_global` alone is not enough: it holds for multicast, and Python's versions disagree on the rest.
    return address.is_global and not (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
        or (isinstance(address, ipaddress.IPv6Address) and address.is_site_local)
    )
