"""One HTTP call to a gateway, for everything that is not the hot path (see `transport`).

The connection goes to the address the egress guard judged, while the name stays in the Host header, in SNI
and in the certificate check. No redirect is followed, no proxy of the environment used, and a call ends at
its deadline even where the other side sends one byte at a time.
"""

import json as json_format
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from devices.egress import CheckedAddress, EgressRefused, Unresolvable, resolve

MAX_ANSWER_BYTES = 1024 * 1024
DEADLINE_SECONDS = 30.0
# Nothing packed: a small answer must not unfold into a large one.
_HEADERS = {"User-Agent": "Pregonero", "Accept-Encoding": "identity"}


# What a device's page says of them; every other one is "unreachable".
_REASONS: Final = {
    "DNSError": "unknown_host",
    "SSLError": "bad_certificate",
    "ReadTimeout": "no_answer",
    "AnswerTooLarge": "unexpected_answer",
    "egress_refused": "egress_refused",
}


class Unreachable(Exception):
    """No usable answer. `code` is short and stable; `nothing_sent`: the request never left this machine."""

    def __init__(self, code: str, *, nothing_sent: bool) -> None:
        super().__init__(code)
        self.code = code
        self.nothing_sent = nothing_sent

    @property
    def reason(self) -> str:
        """The same as a code of `devices.reasons`."""
        return _REASONS.get(self.code, "unreachable")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, whatever its status. Header names are lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json_format.loads(self.body)
        except (ValueError, RecursionError):
            return None


def request(
    method: str,
    url: str,
    headers: Mapping[str, str] | None = None,
    json: Any = None,
    timeout: float = DEADLINE_SECONDS,
    first_bytes: int | None = None,
    most_bytes: int = MAX_ANSWER_BYTES,
) -> Response:
    """Make one call that ends within `timeout` seconds, whatever the other side does. Raises Unreachable.

    With `first_bytes` the body is read so far and no further, however long it is; else it may have `most_bytes`.

    Unreachable's codes: egress_refused, DNSError, ConnectTimeout, ConnectionError, SSLError, ReadTimeout,
    AnswerTooLarge.
    """
    try:
        address = resolve(url)
    except EgressRefused as error:
        raise Unreachable("egress_refused", nothing_sent=True) from error
    except Unresolvable as error:
        raise Unreachable("DNSError", nothing_sent=True) from error
    call = _Call(address, time.monotonic() + timeout)
    with requests.Session() as session, call:
        session.trust_env = False
        session.mount(f"{address.scheme}://", _PinnedAdapter(call))
        try:
            with session.request(
                method,
                url,
                headers={**_HEADERS, **(headers or {})},
                json=json,
                timeout=(min(settings.GATEWAY_CONNECT_TIMEOUT, timeout), timeout),
                allow_redirects=False,
                stream=True,
            ) as answer:
                return Response(
                    answer.status_code,
                    _bounded(answer, most_bytes) if first_bytes is None else _beginning(answer, first_bytes),
                    {name.lower(): value for name, value in answer.headers.items()},
                )
        # requests wraps what urllib3 raises, except where urllib3 reads the body's last bytes.
        except (requests.RequestException, HTTPError, OSError) as error:
            raise Unreachable(call.code_of(error), nothing_sent=not call.is_connected) from error


def retry_after(value: str) -> timedelta | None:
    """Read both forms of Retry-After, seconds and date; at most an hour, so that a wrong clock strands nobody."""
    try:
        wait = timedelta(seconds=int(value)) if value.isdigit() else parsedate_to_datetime(value) - datetime.now(tz=UTC)
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), timedelta(hours=1))


def _bounded(answer: requests.Response, most_bytes: int) -> bytes:
    body = bytearray()
    for piece in answer.raw.stream(65_536, decode_content=False):
        body += piece
        if len(body) > most_bytes:
            raise Unreachable("AnswerTooLarge", nothing_sent=False)
    return bytes(body)


def _beginning(answer: requests.Response, size: int) -> bytes:
    body = bytearray()
    for piece in answer.raw.stream(size, decode_content=False):
        body += piece
        if len(body) >= size:
            break
    return bytes(body[:size])


class _Call:
    """One call's socket, and the clock that shuts it at the deadline."""

    def __init__(self, address: CheckedAddress, deadline: float) -> None:
        self.address = address
        self.is_connected = False
        self.timed_out = False
        self._deadline = deadline
        self._socket: socket.socket | None = None
        self._timer: threading.Timer | None = None

    def __enter__(self) -> "_Call":
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
        if self._socket is not None:
            self._socket.close()

    def connect(self, timeout: Any) -> socket.socket:
        connected = socket.socket(socket.AF_INET6 if ":" in self.address.ip else socket.AF_INET)
        try:
            connected.settimeout(timeout)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.connect((self.address.ip, self.address.port))
        except BaseException:
            connected.close()
            raise
        # A second handle on the same connection: TLS takes the first one over.
        self._socket = connected.dup()
        self._timer = threading.Timer(max(0.0, self._deadline - time.monotonic()), self._shut)
        self._timer.daemon = True
        self._timer.start()
        return connected

    def _shut(self) -> None:
        self.timed_out = True
        if self._socket is not None:
            with suppress(OSError):  # the other side was first
                self._socket.shutdown(socket.SHUT_RDWR)

    def code_of(self, error: Exception) -> str:
        if isinstance(error, requests.exceptions.ConnectTimeout):
            return "ConnectTimeout"
        if self.timed_out or isinstance(error, requests.exceptions.ReadTimeout):
            return "ReadTimeout"
        if isinstance(error, requests.exceptions.SSLError):
            return "SSLError"
        return "ConnectionError"


class _Pinned:
    """Connects where `call` says; everything else about the connection keeps the URL's host name."""

    def __init__(self, *args: Any, call: _Call, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._call = call

    def _new_conn(self) -> socket.socket:
        try:
            return self._call.connect(self.timeout)  # type: ignore[attr-defined]
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "the gateway does not answer") from error
        except OSError as error:
            raise NewConnectionError(self, "no connection to the gateway") from error  # type: ignore[arg-type]

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        # Only now, with TLS agreed, can a byte of the request leave.
        self._call.is_connected = True


class _PinnedHTTPConnection(_Pinned, HTTPConnection):
    pass


class _PinnedHTTPSConnection(_Pinned, HTTPSConnection):
    pass


class _PinnedHTTPPool(HTTPConnectionPool):
    ConnectionCls = _PinnedHTTPConnection


class _PinnedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _PinnedHTTPSConnection


class _PinnedAdapter(HTTPAdapter):
    """Sends through one connection to one judged address."""

    def __init__(self, call: _Call) -> None:
        super().__init__(max_retries=0)
        self._call = call
        self._pool: HTTPConnectionPool | None = None

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        address = self._call.address
        pool = _PinnedHTTPSPool if address.scheme == "https" else _PinnedHTTPPool
        self._pool = pool(address.host, address.port, maxsize=1, call=self._call)
        return self._pool

    def close(self) -> None:
        super().close()
        if self._pool is not None:
            self._pool.close()
