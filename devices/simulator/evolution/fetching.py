"""What Evolution API 2.3.7 makes of a medium's url: it fetches it, again for every recipient.

An image it takes with axios and decodes; anything else Baileys takes with fetch and passes on. What goes wrong is a
500 with that library's words, before anything is sent.

The simulator makes traffic on this machine alone: it fetches from loopback addresses, knows some hosts not to exist,
and believes every other url.
"""

import asyncio
import http.client
import ipaddress
import urllib.error
import urllib.request
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

_SECONDS: Final = 20.0  # the real one waits for ever
_PIECE: Final = 65_536
_SNIFFED: Final = 512
# What sharp decodes, by its first bytes.
_DECODABLE: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"II*\0", b"MM\0*")
_DECODABLE_BOXES: Final = (b"avif", b"heic", b"mif1")


class BadMedium(Exception):
    """The gateway cannot take it; the text is what it answers."""


class Fetcher:
    """Fetches what may be fetched. `unknown_hosts` are names that no name service knows, besides `*.invalid`."""

    def __init__(self, unknown_hosts: Iterable[str] = ()) -> None:
        self._unknown = {host.lower().rstrip(".") for host in unknown_hosts}

    def is_believed(self, url: str) -> bool:
        """Whether nothing is known against it, and nothing can be found out."""
        host = _host(url)
        return not self._is_unknown(host) and not _is_loopback(host)

    async def fetch(self, url: str, *, is_image: bool) -> str:
        """Take the medium and return the content type it came with. Raises BadMedium."""
        host = _host(url)
        if self._is_unknown(host):
            raise BadMedium(f"Error: getaddrinfo ENOTFOUND {host}" if is_image else "TypeError: fetch failed")
        return await asyncio.to_thread(_fetch, url, is_image)

    def _is_unknown(self, host: str) -> bool:
        return host in self._unknown or host == "invalid" or host.endswith(".invalid")


def _fetch(url: str, is_image: bool) -> str:
    try:
        with _opener.open(url if "://" in url else f"http://{url}", timeout=_SECONDS) as answer:
            start = answer.read(_SNIFFED)
            while answer.read(_PIECE):
                pass
            content_type: str = answer.headers.get("Content-Type", "")
    except urllib.error.HTTPError as refused:
        refused.close()
        said = f"AxiosError: Request failed with status code {refused.code}"
        raise BadMedium(said if is_image else f"Error: Failed to fetch stream from {url}") from None
    except _Elsewhere:
        return ""
    except (OSError, http.client.HTTPException) as problem:
        raise BadMedium(_in_nodes_words(problem, url) if is_image else "TypeError: fetch failed") from None
    if is_image and not _is_decodable(start):
        raise BadMedium("Error: Input buffer contains unsupported image format")
    return content_type


def _in_nodes_words(problem: Exception, url: str) -> str:
    reason = getattr(problem, "reason", problem)
    if isinstance(reason, ConnectionRefusedError):
        parts = urlsplit(url)
        return f"Error: connect ECONNREFUSED {parts.hostname}:{parts.port or 80}"
    return "Error: socket hang up"


def _is_decodable(start: bytes) -> bool:
    is_webp = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    is_boxed = start[4:8] == b"ftyp" and start[8:12] in _DECODABLE_BOXES
    return start.startswith(_DECODABLE) or is_webp or is_boxed or b"<svg" in start


def _host(url: str) -> str:
    return (urlsplit(url if "://" in url else f"//{url}").hostname or "").rstrip(".")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Elsewhere(Exception):
    """The url leads away from this machine."""


class _StaysHere(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but not away from this machine: what is elsewhere is believed."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if not _is_loopback(_host(newurl)):
            raise _Elsewhere
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _StaysHere)
