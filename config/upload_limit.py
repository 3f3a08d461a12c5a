"""Ends an upload that is too large as soon as that is known, before anything else looks at it."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from accounts import errors

AsgiApplication = Callable[[Any, Any, Any], Awaitable[None]]
# Room for the form's other fields and the multipart boundaries; the file itself is measured by the intake.
SLACK_BYTES: Final = 1024 * 1024


class UploadLimit:
    """Answers 413 to a body over `max_bytes` plus slack: by Content-Length at once, else when it passes that.

    Holds no part of the body: pieces go through to the application, which is told that the client left
    once there were too many.
    """

    def __init__(self, app: AsgiApplication, max_bytes: int) -> None:
        self.app = app
        self.limit = max_bytes + SLACK_BYTES

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if _declared_length(scope) > self.limit:
            await _refuse(send)
            return
        body = _Counted(receive, send, self.limit)
        await self.app(scope, body.receive, body.send)
        if body.is_over and not body.is_answered:
            await _refuse(send)


class _Counted:
    """The application's view of one exchange."""

    def __init__(self, receive: Any, send: Any, limit: int) -> None:
        self._receive = receive
        self._send = send
        self._left = limit
        self.is_over = False
        self.is_answered = False

    async def receive(self) -> dict[str, Any]:
        if self.is_over:
            return {"type": "http.disconnect"}
        message: dict[str, Any] = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.is_over = True
            return {"type": "http.disconnect"}
        return message

    async def send(self, message: dict[str, Any]) -> None:
        if self.is_over and not self.is_answered:
            return  # the answer will be ours
        self.is_answered = True
        await self._send(message)


def _declared_length(scope: MutableMapping[str, Any]) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


async def _refuse(send: Any) -> None:
    content = json.dumps(errors.body("file_too_large"), ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": content})
