"""Posting webhooks: kept connections, a bounded queue and Evolution API's retries."""

import asyncio
import random
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import httptools

# Evolution API 2.3.7 `webhook.controller.ts`
ATTEMPTS = 10
LONGEST_WAIT = 300.0  # seconds
JITTER = 0.2
TIMEOUT = 30.0  # seconds
NEVER_RETRIED = frozenset({400, 401, 403, 404, 422})

CONNECTIONS = 4  # per destination, opened as posts pile up; then the order is not kept, as in the real one
QUEUE_PER_CONNECTION = 50
QUEUE_LIMIT = 100_000  # waiting posts per destination; beyond it the oldest is dropped

_NO_ANSWER = 0  # instead of a status


@dataclass(slots=True)
class Post:
    target: str  # path and query
    headers: str  # complete lines, each ended by CRLF
    body: bytes
    attempts: int = 0


class Destination:
    """One webhook server: what waits for it, and the connections to it."""

    def __init__(self, origin: tuple[str, str, int], first_wait: float, count: Callable[[str], None]) -> None:
        self._scheme, self._host, self._port = origin
        self.host_line = f"Host: {self._host}:{self._port}\r\n"
        self._first_wait = first_wait
        self._count = count
        self._queue: deque[Post] = deque()
        self._connections: set[_Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, post: Post) -> None:
        if self._is_stopped:
            return
        if len(self._queue) >= QUEUE_LIMIT:
            self._queue.popleft()
            self._count("dropped")
        self._queue.append(post)
        self._feed()

    def put_back(self, post: Post) -> None:
        """Once more and first: the server had closed the kept connection before it read the post."""
        self._queue.appendleft(post)

    def settle(self, post: Post, status: int) -> None:
        """Be done with a post, or try it again later."""
        if self._is_stopped:  # its connection broke because we hung up
            return
        if 200 <= status < 300:
            self._count("delivered")
            return
        post.attempts += 1
        if status in NEVER_RETRIED or post.attempts >= ATTEMPTS:
            self._count("given_up")
            return
        self._count("retried")
        wait = min(self._first_wait * 2 ** (post.attempts - 1), LONGEST_WAIT)
        wait *= 1 + random.uniform(-JITTER, JITTER)  # noqa: S311
        asyncio.get_running_loop().call_later(wait, self.put, post)

    def opened(self, connection: "_Connection") -> None:
        self._connections.add(connection)

    def closed(self, connection: "_Connection") -> None:
        self._connections.discard(connection)
        self._feed()

    def feed(self, connection: "_Connection") -> None:
        if self._queue:
            connection.send(self._queue.popleft())

    def stop(self) -> None:
        """Forget what waits, also for a retry."""
        self._is_stopped = True
        self._queue.clear()
        for connection in list(self._connections):
            connection.close()

    def _feed(self) -> None:
        for connection in self._connections:
            if self._queue and connection.is_idle:
                connection.send(self._queue.popleft())
        wanted = min(CONNECTIONS, len(self._queue) // QUEUE_PER_CONNECTION + 1) if self._queue else 0
        while len(self._connections) + len(self._opening) < wanted:
            task = asyncio.ensure_future(self._open())
            self._opening.add(task)
            task.add_done_callback(self._tried_to_open)

    async def _open(self) -> None:
        context = ssl.create_default_context() if self._scheme == "https" else None
        loop = asyncio.get_running_loop()
        try:
            connecting = loop.create_connection(lambda: _Connection(self), self._host, self._port, ssl=context)
            await asyncio.wait_for(connecting, TIMEOUT)
        except (OSError, ValueError, TimeoutError):  # ValueError: a host name that cannot be one
            if self._queue:
                self.settle(self._queue.popleft(), _NO_ANSWER)

    def _tried_to_open(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        self._feed()


class _Connection(asyncio.Protocol):
    """A kept HTTP/1.1 connection with at most one post on its way."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._post: Post | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._was_used = False
        self._is_answering = False

    @property
    def is_idle(self) -> bool:
        return self._post is None and self._transport is not None and not self._transport.is_closing()

    def send(self, post: Post) -> None:
        if self._transport is None:
            self._destination.put_back(post)
            return
        head = (
            f"POST {post.target} HTTP/1.1\r\n{self._destination.host_line}Content-Type: application/json\r\n"
            f"{post.headers}Content-Length: {len(post.body)}\r\n\r\n"
        )
        self._post, self._is_answering = post, False
        self._timer = asyncio.get_running_loop().call_later(TIMEOUT, self.close)
        self._transport.write(head.encode("utf-8", "replace") + post.body)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # --- asyncio -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._destination.opened(self)
        self._destination.feed(self)

    def data_received(self, data: bytes) -> None:
        self._is_answering = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def connection_lost(self, problem: Exception | None) -> None:
        self._transport = None
        post = self._finish()
        if post is not None:
            if self._was_used and not self._is_answering:
                self._destination.put_back(post)
            else:
                self._destination.settle(post, _NO_ANSWER)
        self._destination.closed(self)

    # --- httptools ---------------------------------------------------------------------------------------

    def on_message_complete(self) -> None:
        post, self._was_used = self._finish(), True
        if post is not None:
            self._destination.settle(post, self._parser.get_status_code())
        if not self._parser.should_keep_alive():
            self.close()
        else:
            self._destination.feed(self)

    def _finish(self) -> Post | None:
        post, self._post = self._post, None
        if self._timer is not None:
            self._timer.cancel()
        return post


class Postman:
    """Takes posts for any URL. `counts` has delivered, retried, given_up and dropped."""

    def __init__(self, first_wait: float) -> None:
        self._first_wait = first_wait
        self._destinations: dict[tuple[str, str, int], Destination] = {}
        self.counts = {"delivered": 0, "retried": 0, "given_up": 0, "dropped": 0}

    def post(self, url: str, headers: str, body: bytes) -> None:
        parts = urlsplit(url)
        origin = (parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        destination = self._destinations.get(origin)
        if destination is None:
            destination = self._destinations[origin] = Destination(origin, self._first_wait, self._count)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        destination.put(Post(target, headers, body))

    def forget(self) -> None:
        for destination in self._destinations.values():
            destination.stop()
        self._destinations = {}
        self.reset_counts()

    def reset_counts(self) -> None:
        self.counts = dict.fromkeys(self.counts, 0)

    def _count(self, what: str) -> None:
        self.counts[what] += 1

    def as_json(self) -> dict[str, Any]:
        return {**self.counts, "waiting": sum(len(each) for each in self._destinations.values())}
