"""Calls an ASGI application as a server would: real scopes, real messages, no HTTP in between."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any

from config.asgi import http


@dataclass
class Exchange:
    """One request and what was answered. `taken` counts the pieces of the body that were asked for."""

    status: int = 0
    body: bytes = b""
    headers: dict[bytes, bytes] = field(default_factory=dict)
    taken: int = 0


async def exchange(
    app: Any,
    path: str,
    headers: Iterable[tuple[bytes, bytes]] = (),
    pieces: Iterable[bytes] = (b"",),
    method: str = "POST",
) -> Exchange:
    """Send a request whose body comes in these pieces; return what came back."""
    seen = Exchange()
    coming = _messages(pieces, seen)

    async def receive() -> dict[str, Any]:
        return await anext(coming)

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            seen.status = message["status"]
            seen.headers = dict(message["headers"])
        else:
            seen.body += message.get("body", b"")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost"), *headers],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }
    await app(scope, receive, send)
    return seen


async def post(path: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> int:
    """POST nothing to Django's own handler; return the status."""
    return (await exchange(http, path, headers)).status


async def _messages(pieces: Iterable[bytes], seen: Exchange) -> AsyncIterator[dict[str, Any]]:
    for piece in pieces:
        seen.taken += 1
        yield {"type": "http.request", "body": piece, "more_body": True}
    yield {"type": "http.request", "body": b"", "more_body": False}
    await asyncio.Event().wait()  # the client stays and waits
