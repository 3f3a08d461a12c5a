"""The WebSocket of a job. It forwards events and answers pings; it decides nothing."""

import asyncio
import json
import time
import uuid
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from jobs.live import events
from jobs.live.event_order import PATIENCE_SECONDS, EventOrder
from jobs.live.publishing import group_name
from jobs.live.snapshot import JobNow, job_now

NOT_AUTHENTICATED = 4401
NO_SUCH_JOB = 4404


class JobConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """`/ws/job/{id}`: subscribed, snapshot, then every event of the job (seed 000 and the contract)."""

    job_uuid = ""
    order: EventOrder
    late: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        # Closed only after accepting: a refused handshake could not carry the close code.
        await self.accept()
        account = self.scope.get("account")
        if account is None:
            await self.close(NOT_AUTHENTICATED)
            return
        self.job_uuid = _canonical(self.scope["url_route"]["kwargs"]["job_uuid"])
        # Watch first, look second: what happens in between is in both, and `order` drops it once.
        await self.channel_layer.group_add(group_name(self.job_uuid), self.channel_name)
        now = await self._job_now()
        if now is None:
            await self.close(NO_SUCH_JOB)
            return
        self.order = EventOrder(now.snapshot["seq"])
        await self._send(events.subscribed(self.job_uuid))
        await self._tell(now)

    async def disconnect(self, code: int) -> None:
        if self.late is not None:
            self.late.cancel()
        if self.job_uuid:
            await self.channel_layer.group_discard(group_name(self.job_uuid), self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            message = json.loads(text_data or "", parse_constant=int)  # NaN is no JSON, and no number to `int`
            kind = message["type"]
        except (ValueError, TypeError, KeyError, RecursionError):
            message, kind = {}, None
        if kind == "ping":
            await self._send(events.pong(message.get("timestamp")))
        elif kind == "resync":
            if (now := await self._job_now()) is not None:
                await self._tell(now)
        else:
            await self._send(events.invalid_message('Se espera {"type": "ping"} o {"type": "resync"}'))

    async def job_event(self, message: dict[str, Any]) -> None:
        """An event from the engine, through the channel layer."""
        if not hasattr(self, "order"):
            return  # the snapshot, still being read, will tell it
        for event in self.order.take(message["event"], time.monotonic()):
            await self._send(event)
        if self.order.is_waiting and (self.late is None or self.late.done()):
            self.late = asyncio.create_task(self._give_up())

    async def _give_up(self) -> None:
        while self.order.is_waiting:
            await asyncio.sleep(PATIENCE_SECONDS)
            for event in self.order.give_up(time.monotonic()):
                await self._send(event)

    async def _tell(self, now: JobNow) -> None:
        await self._send(now.snapshot)
        self.order.restart(now.snapshot["seq"])
        if now.ending is not None:
            for event in self.order.take(now.ending, time.monotonic()) or [now.ending]:
                await self._send(event)

    async def _job_now(self) -> JobNow | None:
        now: JobNow | None = await database_sync_to_async(job_now)(self.scope["account"], self.job_uuid)
        return now

    async def _send(self, event: events.Event) -> None:
        # All of it in ASCII: a pong may bring back half a surrogate pair.
        await self.send(text_data=json.dumps(event))


def _canonical(raw: str) -> str:
    try:
        return str(uuid.UUID(raw))
    except ValueError:
        return ""
