"""The door for gateways: `POST /webhooks/{provider}/{device uuid}`, and whatever they put behind it.

    200  kept, or of no use to us
    400  can never be read: no JSON, or longer than MAX_BYTES. Not 413: Evolution API would send it ten times
    401  the secret is not this device's, or there is no such device: not said which
    404  no such address; 405: no POST
    503  cannot be kept now: come again. Never 4xx for what passes, since that is not tried again

In front of Django, whose handler takes a thread for each. What arrives while a commit is under way goes into the next
one together, and is answered when that is through.
"""

import asyncio
import hmac
import json
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import structlog
from channels.db import database_sync_to_async
from django.db import InterfaceError, OperationalError, connection

from accounts import errors
from devices.gateway.registry import READERS
from devices.webhooks import header_secrets, knocking
from devices.webhooks.admitting import Told, admit
from devices.webhooks.header_secrets import DOUBTED_FOR_SECONDS, Known
from devices.webhooks.hearing import Hearing

log = structlog.get_logger(__name__)

AsgiApplication = Callable[[Any, Any, Any], Awaitable[None]]
PREFIX: Final = "/webhooks/"
MAX_BYTES: Final = 1024 * 1024
MOST_TOGETHER: Final = 500  # events a commit
MOST_WAITING: Final = 5_000  # for one
KNOWN_FOR_SECONDS: Final = 10.0
MOST_REMEMBERED: Final = 10_000
COME_AGAIN_SECONDS: Final = 5

_ADDRESS: Final = re.compile(rf"{PREFIX}(?P<provider>[a-z_]+)/(?P<uuid>[0-9a-fA-F-]{{32,36}})(?:/[\w./-]*)?")
_HEADER: Final = header_secrets.HEADER.lower().encode()
_KEPT: Final = knocking.ANSWER
_KEPT_HEAD: Final = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(_KEPT)).encode())],
}
_KEPT_BODY: Final = {"type": "http.response.body", "body": _KEPT}


class _Refused(Exception):
    """The answer is no success."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class _Looked(NamedTuple):
    """What was found of a device, and when (time.monotonic)."""

    known: Known | None
    at: float


class Receiver:
    """Answers what comes to the door; everything else goes on to `app`."""

    def __init__(self, app: AsgiApplication) -> None:
        self.app = app
        self._looked: dict[str, _Looked] = {}  # by the uuid as it is written
        self._keeper = Keeper()
        self._hearing = Hearing(self._keeper.thread)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self.app(scope, receive, send)
            return
        try:
            await self._receive(scope, receive)
        except _Refused as refused:
            await _answer(send, refused.status, errors.body(refused.code))
        except Exception:
            # The database is away, mostly; or it is our fault, and mended when it is sent again.
            log.exception("webhook not kept")
            await _answer(send, 503, errors.body("come_again"))
        else:
            await send(_KEPT_HEAD)
            await send(_KEPT_BODY)

    async def _receive(self, scope: MutableMapping[str, Any], receive: Any) -> None:
        address = _ADDRESS.fullmatch(scope["path"])
        if address is None or address["provider"] not in READERS:
            raise _Refused(404, "not_found")
        if scope["method"] != "POST":
            raise _Refused(405, "method_not_allowed")
        known = await self._authenticated(address["uuid"], address["provider"], _secret(scope))
        event = _parsed(await _body(scope, receive))
        if event.get("event") == knocking.EVENT:
            return  # it is we who ask, not its gateway that tells
        await self._hearing.heard(known.device_id)
        reader = READERS[known.provider]
        if (news := reader.link_news(event)) is not None:
            await self._hearing.link_changed(known.device_id, news)
        kept = reader.kept(event)
        if kept is None:
            return
        kept.pop("apikey", None)  # its token, which opens the instance
        body = json.dumps(kept, separators=(",", ":"))
        await self._keeper.keep(Told(known.device_id, body, reader.incoming(kept)))
        if reader.is_urgent(event):
            self._hearing.urgent()

    async def _authenticated(self, uuid: str, provider: str, secret: bytes) -> Known:
        """Raises _Refused: who does not know the secret learns nothing."""
        now = time.monotonic()
        looked = self._looked.get(uuid)
        if looked is None or now - looked.at > KNOWN_FOR_SECONDS:
            looked = await self._look(uuid)
        known = _opened(looked, provider, secret)
        if known is None and now - looked.at > DOUBTED_FOR_SECONDS:
            known = _opened(await self._look(uuid), provider, secret)
        if known is None:
            if looked.known is not None:
                await self._hearing.refused(looked.known.device_id)
            raise _Refused(401, "webhook_unauthorized")
        return known

    async def _look(self, written: str) -> _Looked:
        try:
            uuid = UUID(written)
        except ValueError:
            raise _Refused(404, "not_found") from None
        at = time.monotonic()
        find = database_sync_to_async(header_secrets.known, thread_sensitive=False)
        found = _Looked(await find(uuid, datetime.now(tz=UTC)), at)
        if len(self._looked) >= MOST_REMEMBERED:
            self._looked.clear()
        self._looked[written] = found
        return found


class Keeper:
    """Puts events into the inbox, many at once where many come."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Told, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="inbox")

    async def keep(self, told: Told) -> None:
        """Return once it is kept. Raises what kept it from being so."""
        if len(self._waiting) >= MOST_WAITING:
            raise _Refused(503, "come_again")
        kept = asyncio.get_running_loop().create_future()
        self._waiting.append((told, kept))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await kept

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            together, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
            problem: BaseException | None = None
            try:
                await loop.run_in_executor(self.thread, _keep, [told for told, _ in together])
            except Exception as error:
                problem = error
            for _, kept in together:
                if not kept.done():  # its client may have left
                    if problem is None:
                        kept.set_result(None)
                    else:
                        kept.set_exception(problem)


def _keep(events: Sequence[Told]) -> None:
    """On the keeper's own thread, which keeps its session: to take one from the pool costs as much as the insert.

    A session that ended with PostgreSQL's restart is noticed here; nothing is wrong with keeping an event twice.
    """
    is_kept_session = connection.connection is not None
    try:
        admit(events)
    except (OperationalError, InterfaceError):
        connection.close()
        if not is_kept_session:
            raise
        admit(events)


def _secret(scope: MutableMapping[str, Any]) -> bytes:
    return next((bytes(value) for name, value in scope["headers"] if name == _HEADER), b"")


def _opened(looked: _Looked, provider: str, secret: bytes) -> Known | None:
    known = looked.known
    if known is None or known.provider != provider:
        return None
    # All of them are compared, whichever it is.
    matches = [hmac.compare_digest(secret, one) for one in known.secrets]
    return known if any(matches) else None


async def _body(scope: MutableMapping[str, Any], receive: Any) -> bytes:
    pieces: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Refused(400, "upload_interrupted")
        pieces.append(message.get("body", b""))
        length += len(pieces[-1])
        if length > MAX_BYTES:
            raise _Refused(400, "webhook_too_large")
        if not message.get("more_body", False):
            return b"".join(pieces)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        raise _Refused(400, "parse_error") from None
    if not isinstance(event, dict):
        raise _Refused(400, "parse_error")
    return event


async def _answer(send: Any, status: int, content: dict[str, Any]) -> None:
    body = json.dumps(content, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 503:
        headers.append((b"retry-after", str(COME_AGAIN_SECONDS).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
