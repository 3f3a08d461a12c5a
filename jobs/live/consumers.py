"""The WebSocket of a job. It forwards events and answers pings; it decides nothing."""

import asyncio
import time
import uuid
from typing import Any

from channels.db import database_sync_to_async

from accounts.live.json_socket import JsonSocket
from jobs.live import events
from jobs.live.event_order import PATIENCE_SECONDS, EventOrder
from jobs.live.publishing import group_name
from jobs.live.snapshot import JobNow, job_now

NO_SUCH_JOB = 4404


class JobConsumer(JsonSocket):
    """`/ws/job/{id}`: subscribed, snapshot, then every event of the job (seed 000 and the contract)."""

    job_uuid = ""
    order: EventOrder
    late: asyncio.Task[None] | None = None

    understands = '{"type": "ping"} o {"type": "resync"}'

    async def begin(self) -> None:
        self.job_uuid = _canonical(self.scope["url_route"]["kwargs"]["job_uuid"])
        # Watch first, look second: what happens in between is in both, and `order` drops it once.
        await self.channel_layer.group_add(group_name(self.job_uuid), self.channel_name)
        now = await self._job_now()
        if now is None:
            await self.close(NO_SUCH_JOB)
            return
        self.order = EventOrder(now.snapshot["seq"])
        await self.tell(events.subscribed(self.job_uuid))
        await self._tell_all(now)

    async def disconnect(self, code: int) -> None:
        if self.late is not None:
            self.late.cancel()
        if self.job_uuid:
            await self.channel_layer.group_discard(group_name(self.job_uuid), self.channel_name)

    async def understand(self, kind: Any) -> bool:
        if kind != "resync":
            return False
        if (now := await self._job_now()) is not None:
            await self._tell_all(now)
        return True

    async def job_event(self, message: dict[str, Any]) -> None:
        """An event from the engine, through the channel layer."""
        if not hasattr(self, "order"):
            return  # the snapshot, still being read, will tell it
        for event in self.order.take(message["event"], time.monotonic()):
            await self.tell(event)
        if self.order.is_waiting and (self.late is None or self.late.done()):
            self.late = asyncio.create_task(self._give_up())

    async def _give_up(self) -> None:
        while self.order.is_waiting:
            await asyncio.sleep(PATIENCE_SECONDS)
            for event in self.order.give_up(time.monotonic()):
                await self.tell(event)

    async def _tell_all(self, now: JobNow) -> None:
        await self.tell(now.snapshot)
        self.order.restart(now.snapshot["seq"])
        if now.ending is not None:
            for event in self.order.take(now.ending, time.monotonic()) or [now.ending]:
                await self.tell(event)

    async def _job_now(self) -> JobNow | None:
        now: JobNow | None = await database_sync_to_async(job_now)(self.scope["account"], self.job_uuid)
        return now


def _canonical(raw: str) -> str:
    try:
        return str(uuid.UUID(raw))
    except ValueError:
        return ""
