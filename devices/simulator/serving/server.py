"""HTTP/1.1 connections: parsed by httptools, answered one at a time and in order, kept alive as by Node."""

import asyncio
import socket
import struct
import sys
import time
import traceback
from collections import deque
from typing import NamedTuple, Protocol, cast
from urllib.parse import parse_qsl

import httptools

from devices.simulator.serving import wire

MAX_BODY = 136 * 1024 * 1024  # bytes; Evolution API 2.3.7 `main.ts`

# RST instead of FIN: linger on, zero seconds.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _Head(NamedTuple):
    """A request's parsed head. Clients on a kept connection repeat theirs, so it is parsed but once."""

    method: bytes
    target: bytes
    headers: dict[bytes, bytes]
    keep_alive: bool
    body_size: int


_HEADS_KEPT = 4096
_heads: dict[bytes, _Head] = {}  # by the bytes up to and with the empty line


class Request:
    """One complete request. `target` is the raw request target, header names are in lower case."""

    __slots__ = ("body", "connection", "headers", "keep_alive", "method", "target")

    def __init__(
        self,
        connection: "Connection",
        method: bytes,
        target: bytes,
        headers: dict[bytes, bytes],
        body: bytes,
        keep_alive: bool,
    ) -> None:
        self.connection = connection
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.keep_alive = keep_alive

    def path_and_query(self) -> tuple[str, dict[str, str]]:
        """The target's two parts; the query keeps each name's last value."""
        path, _, query = self.target.decode("utf-8", "replace").partition("?")
        return path, dict(parse_qsl(query, keep_blank_values=True))

    def answer(self, payload: bytes) -> None:
        """Send a whole response (see `wire`). Never calling this leaves the client waiting."""
        self.connection.answer(self, payload)

    def reset(self) -> None:
        self.connection.reset()


class Personality(Protocol):
    """Which API answers: what it does with a request, and its words where it never comes to that."""

    def serve(self, request: Request) -> None: ...

    def refuse_size(self, request: Request) -> None: ...

    def confess(self, request: Request, problem: Exception) -> None: ...


class Connection(asyncio.Protocol):
    def __init__(self, personality: Personality, connections: "set[Connection]") -> None:
        self._personality = personality
        self._serve = personality.serve
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self.client_port = 0
        self._parser = httptools.HttpRequestParser(self)
        self._in_progress: Request | None = None
        self._waiting: deque[Request] = deque()
        self.seconds_idle = 0
        self._received = b""  # all that came with the current message's first byte
        self.on_message_begin()
        self._in_message = False

    # --- asyncio ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.client_port = int((transport.get_extra_info("peername") or (0, 0))[1])
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._waiting.clear()
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self.seconds_idle = 0
        self._received = b""
        if not self._in_message:
            body_at = data.find(b"\r\n\r\n") + 4
            head = _heads.get(data[:body_at])
            if head is not None and len(data) - body_at == head.body_size:
                self._accept(Request(self, head.method, head.target, head.headers, data[body_at:], head.keep_alive))
                return
            self._received = data
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            if self._transport is not None:
                self._transport.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
                self._transport.close()

    # --- httptools -------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._in_message = True
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._chunks: list[bytes] = []
        self._body_size = 0

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        # curl asks before it sends a large body, and waits a second for the answer
        if b"expect" in self._headers and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, chunk: bytes) -> None:
        self._body_size += len(chunk)
        if self._body_size <= MAX_BODY:
            self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        keep_alive = self._parser.should_keep_alive()
        head = _Head(self._parser.get_method(), self._target, self._headers, keep_alive, len(body))
        self._in_message = False
        self._remember(head)
        request = Request(self, head.method, head.target, head.headers, body, keep_alive)
        if self._body_size > MAX_BODY:
            self._personality.refuse_size(request)
        else:
            self._accept(request)

    def _remember(self, head: _Head) -> None:
        """Keep a head if it and its body are all that came, and came at once."""
        raw = self._received[: self._received.find(b"\r\n\r\n") + 4]
        is_plain = b"transfer-encoding" not in head.headers and b"expect" not in head.headers
        if is_plain and len(self._received) == len(raw) + head.body_size:
            if len(_heads) >= _HEADS_KEPT:
                _heads.clear()
            _heads[raw] = head

    # --- requests --------------------------------------------------------------------------------------

    def _accept(self, request: Request) -> None:
        if self._in_progress is None and not self._waiting:
            self._start(request)
        else:
            self._waiting.append(request)

    @property
    def is_idle(self) -> bool:
        return self._in_progress is None

    def _start(self, request: Request) -> None:
        self._in_progress = request
        try:
            self._serve(request)
        except Exception as problem:
            # A fault of the simulator, said loudly: it must not pass for one of the gateway's.
            traceback.print_exc(file=sys.stderr)
            self._personality.confess(request, problem)

    def answer(self, request: Request, payload: bytes) -> None:
        if self._transport is None:
            return  # the client has gone; the gateway did its work all the same
        self._in_progress = None
        self.seconds_idle = 0
        payload = wire.dated(payload, time.time())
        if not request.keep_alive:
            self._transport.write(payload.replace(wire.KEEP_ALIVE, wire.CLOSE, 1))
            self._transport.close()
            return
        self._transport.write(payload)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._start_next)

    def _start_next(self) -> None:
        if self._waiting and self._in_progress is None:
            self._start(self._waiting.popleft())

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def cut(self, beginning: bytes) -> None:
        """Write the beginning of an answer, and end the connection."""
        if self._transport is not None:
            self._transport.write(wire.dated(beginning, time.time()))
            self._transport.close()

    def reset(self) -> None:
        """End the connection with a TCP reset, as a crashed gateway or a dropped link does."""
        if self._transport is not None:
            connected = self._transport.get_extra_info("socket")
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._transport.abort()


async def close_idle_connections(connections: set[Connection], keep_alive: float) -> None:
    """Close what has been idle for `keep_alive` seconds (and up to one more), as Node does after 5."""
    while True:
        await asyncio.sleep(1)
        for connection in list(connections):
            if connection.is_idle:
                connection.seconds_idle += 1
                if connection.seconds_idle > keep_alive:
                    connection.close()
