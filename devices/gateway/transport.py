"""Many HTTP requests in flight from one thread: libcurl's multi interface, shaped for sending messages.

Four things here are about never sending twice:
- The body is read through a callback without a seek: libcurl then cannot write a request again when a
  kept connection dies under it, which for a body given as a string it does by itself, silently.
- Redirects are not followed.
- A failure counts as "nothing written" only when libcurl wrote not one byte of the request.
- A request that was not begun in time is dropped where libcurl asks for its first byte, not before: a process may be
  frozen anywhere, and others rely on nothing being written later.
"""

import math
import os
import select
import time
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Generic, TypeVar

import pycurl

from devices.egress import CheckedAddress
from devices.gateway.base import NO_HEADERS, WireFailure, WireRequest, WireResponse

K = TypeVar("K", bound=Hashable)
MAX_ANSWER_BYTES = 1024 * 1024
MAX_IDLE_SECONDS = 2
ENOUGH_IDLE_HANDLES = 64  # with so many at rest, one that served another target serves a new one
MAX_IDLE_HANDLES = 256
UPLOAD_BUFFER_BYTES = 16 * 1024  # libcurl's least; by itself it takes 64 KB for each request in flight
_MAY_SAY_WHEN = (429, 502, 503, 504)  # to come again: Retry-After
TOO_LATE = "stalled"  # the failure of a request that was not begun in time
_CONNECTING = {
    pycurl.E_COULDNT_RESOLVE_HOST: "DNSError",
    pycurl.E_COULDNT_CONNECT: "ConnectionError",
    pycurl.E_SSL_CONNECT_ERROR: "SSLError",
    pycurl.E_PEER_FAILED_VERIFICATION: "SSLError",
    pycurl.E_ABORTED_BY_CALLBACK: TOO_LATE,
}


# libcurl's words for what a socket waits for and what has happened to it, and the system's.
_IN_OUT = select.POLLIN | select.POLLOUT
_EVENTS_OF = {pycurl.POLL_IN: select.POLLIN, pycurl.POLL_OUT: select.POLLOUT, pycurl.POLL_INOUT: _IN_OUT}
_ACTION_OF = {
    0: 0,
    select.POLLIN: pycurl.CSELECT_IN,
    select.POLLOUT: pycurl.CSELECT_OUT,
    _IN_OUT: pycurl.CSELECT_IN | pycurl.CSELECT_OUT,
}


class _Sockets:
    """Waits for many sockets: epoll, or poll where there is none. Sockets at rest stay known to the kernel.

    libcurl lets go of a socket after each answer and takes it up again with the next request; telling the
    kernel both times costs more than anything else here.
    """

    def __init__(self) -> None:
        self._has_epoll = hasattr(select, "epoll")
        self._poll: Any = select.epoll() if self._has_epoll else select.poll()
        self._at_rest: set[int] = set()

    def watch(self, fd: int, events: int) -> None:
        self._at_rest.discard(fd)
        # Its number may belong to a new socket by now, which nobody tells us: always ask, never remember.
        try:
            self._poll.modify(fd, events)
        except FileNotFoundError:
            self._poll.register(fd, events)

    def rest(self, fd: int) -> None:
        self._at_rest.add(fd)

    def wait(self, seconds: float) -> list[tuple[int, int]]:
        """Return (fd, events) of the watched sockets that something has happened to."""
        found: list[tuple[int, int]] = self._poll.poll(seconds if self._has_epoll else seconds * 1000)
        resting = [fd for fd, _ in found if fd in self._at_rest]
        if not resting:
            return found
        for fd in resting:  # the other side has closed them
            self._at_rest.discard(fd)
            with suppress(OSError, KeyError):
                self._poll.unregister(fd)
        return [(fd, events) for fd, events in found if fd not in resting]

    def close(self) -> None:
        if self._has_epoll:
            self._poll.close()


class _Answer(BytesIO):
    """A body that stops growing at MAX_ANSWER_BYTES: writing less than was given ends the transfer."""

    def write(self, data: Any) -> int:
        return super().write(data[: MAX_ANSWER_BYTES - self.tell()])


# Where a request goes (url, headers, ip): a handle that is prepared for it need not be told again.
_Target = tuple[str, tuple[str, ...], str]


@dataclass(slots=True)
class _Exchange(Generic[K]):
    key: K
    target: _Target
    body: _Answer
    request_body: BytesIO
    not_after: float  # time.monotonic seconds

    def read(self, size: int) -> bytes | int:
        """Called by libcurl, connected by now, for what it is to write next."""
        if time.monotonic() >= self.not_after and self.request_body.tell() == 0:
            return int(pycurl.READFUNC_ABORT)
        return self.request_body.read(size)


class Transport(Generic[K]):
    """Requests in flight, each under a key of the caller's. Not for use from two threads."""

    def __init__(self, connect_timeout_seconds: float, read_timeout_seconds: float, max_in_flight: int = 512) -> None:
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, max_in_flight)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._sockets = _Sockets()
        self._timer_at: float | None = None  # when libcurl wants to be called whatever the sockets say
        self._wake_in, self._wake_out = os.pipe()
        os.set_blocking(self._wake_in, False)
        os.set_blocking(self._wake_out, False)
        self._sockets.watch(self._wake_in, select.POLLIN)
        self._idle: dict[_Target, list[Any]] = {}
        self._idle_count = 0
        self._exchanges: dict[Any, _Exchange[K]] = {}
        self._connect_ms = int(connect_timeout_seconds * 1000)
        self._total_ms = int((connect_timeout_seconds + read_timeout_seconds) * 1000)

    def __len__(self) -> int:
        """How many requests are in flight."""
        return len(self._exchanges)

    def start(self, key: K, request: WireRequest, address: CheckedAddress, not_after: float = math.inf) -> None:
        """Begin a request to the checked address, whatever the host's name resolves to by now.

        It fails as TOO_LATE when nothing of it has been written by `not_after` (time.monotonic seconds).
        """
        target = (request.url, request.headers, address.ip)
        curl = self._handle_for(target, address)
        exchange = _Exchange(key, target, _Answer(), BytesIO(request.body), not_after)
        curl.setopt(pycurl.POSTFIELDSIZE, len(request.body))
        curl.setopt(pycurl.READFUNCTION, exchange.read)
        curl.setopt(pycurl.WRITEDATA, exchange.body)
        self._exchanges[curl] = exchange
        self._multi.add_handle(curl)

    def pump(self, timeout_seconds: float) -> list[tuple[K, WireResponse | WireFailure]]:
        """Move bytes until something finished, the time is up or `wake` was called; return what finished."""
        until = time.monotonic() + timeout_seconds
        while True:
            woken = self._turn(until)
            finished = self._finished()
            if finished or woken or time.monotonic() >= until:
                return finished

    def wake(self) -> None:
        """End a pump that waits. The one method that another thread may call."""
        with suppress(BlockingIOError):  # a full pipe wakes just as well
            os.write(self._wake_out, b".")

    def close(self) -> None:
        """Drop everything, requests in flight included."""
        for curl in self._exchanges:
            self._multi.remove_handle(curl)
            curl.close()
        self._exchanges.clear()
        self._forget_idle()
        self._multi.close()
        self._sockets.close()
        os.close(self._wake_in)
        os.close(self._wake_out)

    def _turn(self, until: float) -> bool:
        """Wait once for sockets, libcurl's timer or the given time, and let libcurl work; True if woken."""
        now = time.monotonic()
        wait = (min(until, self._timer_at) if self._timer_at is not None else until) - now
        woken = False
        for fd, events in self._sockets.wait(max(0.0, wait)):
            if fd == self._wake_in:
                os.read(self._wake_in, 4096)
                woken = True
            else:
                self._multi.socket_action(fd, _ACTION_OF[events & _IN_OUT] or pycurl.CSELECT_ERR)
        if self._timer_at is not None and self._timer_at <= time.monotonic():
            self._timer_at = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        return woken

    def _watch(self, what: int, fd: int, _multi: Any, _data: Any) -> None:
        """Called by libcurl: which events of a socket it waits for."""
        if what == pycurl.POLL_REMOVE:
            self._sockets.rest(fd)
        else:
            self._sockets.watch(fd, _EVENTS_OF[what])

    def _set_timer(self, milliseconds: int) -> None:
        """Called by libcurl: when it wants to be called next; -1 for never."""
        self._timer_at = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000

    def _finished(self) -> list[tuple[K, WireResponse | WireFailure]]:
        finished: list[tuple[K, WireResponse | WireFailure]] = []
        while True:
            waiting, succeeded, failed = self._multi.info_read()
            finished += [self._end(curl, None) for curl in succeeded]
            finished += [self._end(curl, code) for curl, code, _text in failed]
            if not waiting:
                return finished

    def _end(self, curl: Any, error: int | None) -> tuple[K, WireResponse | WireFailure]:
        exchange = self._exchanges.pop(curl)
        answer: WireResponse | WireFailure
        # A status that was read counts, whatever came after it: the body may be cut, too long, or late.
        if (status := curl.getinfo(pycurl.RESPONSE_CODE)) >= 200:
            # The one header that matters to us; libcurl reads both its forms. Seeing them all costs a call each.
            wait = curl.getinfo(pycurl.RETRY_AFTER) if status in _MAY_SAY_WHEN else 0
            answer = WireResponse(status, exchange.body.getvalue(), {"retry-after": str(wait)} if wait else NO_HEADERS)
        else:
            nothing_written = curl.getinfo(pycurl.REQUEST_SIZE) == 0
            code = _CONNECTING.get(error, "ConnectionError")
            if error == pycurl.E_OPERATION_TIMEDOUT:
                code = "ConnectTimeout" if nothing_written else "ReadTimeout"
            answer = WireFailure(code, nothing_written)
        self._multi.remove_handle(curl)
        if self._idle_count >= max(MAX_IDLE_HANDLES, len(self)):
            curl.close()
        else:
            self._idle.setdefault(exchange.target, []).append(curl)
            self._idle_count += 1
        return exchange.key, answer

    def _forget_idle(self) -> None:
        for prepared in self._idle.values():
            for curl in prepared:
                curl.close()
        self._idle.clear()
        self._idle_count = 0

    def _handle_for(self, target: _Target, address: CheckedAddress) -> Any:
        """One that was prepared for this target, else one that was for another and has rested longest, else a new one.

        So a fleet of slow devices needs as many as are in flight, and not one each.
        """
        known, handles = target, self._idle.get(target)
        if handles is None:
            if self._idle_count < ENOUGH_IDLE_HANDLES:
                return self._make_handle(target, address)
            known, handles = next(iter(self._idle.items()))
        curl = handles.pop()
        self._idle_count -= 1
        if not handles:
            del self._idle[known]
        if known != target:
            _direct(curl, target, address)
        return curl

    def _make_handle(self, target: _Target, address: CheckedAddress) -> Any:
        curl = pycurl.Curl()
        _direct(curl, target, address)
        curl.setopt(pycurl.POST, 1)
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_BYTES)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.PROXY, "")  # an environment's proxy would go round the egress guard
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, self._connect_ms)
        curl.setopt(pycurl.TIMEOUT_MS, self._total_ms)
        curl.setopt(pycurl.TCP_NODELAY, 1)
        # Node closes a connection idle for 5 s, which is just when the next message of a default device goes:
        # a request that meets the closing is in doubt. A fresh connection costs less.
        curl.setopt(pycurl.MAXAGE_CONN, MAX_IDLE_SECONDS)
        return curl


def _direct(curl: Any, target: _Target, address: CheckedAddress) -> None:
    url, headers, ip = target
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.HTTPHEADER, list(headers))
    curl.setopt(pycurl.RESOLVE, [f"{address.host}:{address.port}:{_bracketed(ip)}"])


def _bracketed(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip
