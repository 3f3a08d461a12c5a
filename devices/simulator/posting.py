"""Posting webhooks: kept connections, a bounded queue and Evolution API's retries."""

import asyncio
import random
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
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


@dataclass(slots=True)
class Post:
    target: str  # path and query
    headers: str  # complete lines, each ended by CRLF
    body: bytes
    attempts: int = 0


class _Answer:
    """Collects one HTTP response; httptools calls it."""

    def __init__(self) -> None:
        self.is_complete = False

    def on_message_complete(self) -> None:
        self.is_complete = True


class Destination:
    """One webhook server (scheme, host, port). Its workers live until `stop`."""

    def __init__(self, origin: tuple[str, str, int], first_wait: float, count: Callable[[str], None]) -> None:
        self._scheme, self._host, self._port = origin
        self._first_wait = first_wait
        self._count = count
        self._queue: deque[Post] = deque()
        self._arrived = asyncio.Event()
        self._workers: list[asyncio.Task[None]] = []
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
        self._arrived.set()
        started = len(self._workers)
        if started < CONNECTIONS and len(self._queue) > started * QUEUE_PER_CONNECTION:
            self._workers.append(asyncio.ensure_future(self._work()))

    def stop(self) -> None:
        """Forget what waits, also for a retry."""
        self._is_stopped = True
        self._queue.clear()
        for worker in self._workers:
            worker.cancel()

    async def _work(self) -> None:
        connection = _Connection(self._scheme, self._host, self._port)
        while True:
            while not self._queue:
                self._arrived.clear()
                await self._arrived.wait()
            post = self._queue.popleft()
            try:
                status = await asyncio.wait_for(connection.post(post), TIMEOUT)
            except (OSError, EOFError, ValueError, TimeoutError, httptools.HttpParserError):
                connection.close()
                status = 0
            self._settle(post, status)

    def _settle(self, post: Post, status: int) -> None:
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


class _Connection:
    """A kept HTTP/1.1 connection, reopened when the server has closed it."""

    def __init__(self, scheme: str, host: str, port: int) -> None:
        self._scheme, self._host, self._port = scheme, host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, post: Post) -> int:
        """The status of the answer. Raises OSError, EOFError or HttpParserError."""
        reused = self._streams is not None
        try:
            return await self._exchange(post)
        except (OSError, EOFError):
            self.close()
            if not reused:
                raise
            return await self._exchange(post)  # the server had closed the idle connection

    async def _exchange(self, post: Post) -> int:
        if self._streams is None:
            context = ssl.create_default_context() if self._scheme == "https" else None
            self._streams = await asyncio.open_connection(self._host, self._port, ssl=context)
        reader, writer = self._streams
        head = (
            f"POST {post.target} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Content-Type: application/json\r\n{post.headers}Content-Length: {len(post.body)}\r\n\r\n"
        )
        writer.write(head.encode("utf-8", "replace") + post.body)
        await writer.drain()
        answer = _Answer()
        parser = httptools.HttpResponseParser(answer)
        while not answer.is_complete:
            received = await reader.read(65536)
            if not received:
                raise EOFError
            parser.feed_data(received)
        if not parser.should_keep_alive():
            self.close()
        return parser.get_status_code()

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


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
