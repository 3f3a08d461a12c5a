"""What the door notes of whom it hears: seldom, since it may be told a thousand things a second."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final

import structlog
from django.db import Error

from devices import breaker
from devices.webhooks import subscribing

log = structlog.get_logger(__name__)

AGAIN_AFTER_SECONDS: Final = 5.0
_MOST_REMEMBERED: Final = 10_000

Note = Callable[[int], object]


class Hearing:
    """One door's. Its notes are written by `thread`; what cannot be written is only a note."""

    def __init__(self, thread: Executor) -> None:
        self._thread = thread
        self._noted: dict[tuple[Note, int], float] = {}

    async def heard(self, device_id: int) -> None:
        """Its gateway told something."""
        await self._seldom(subscribing.heard, device_id)

    async def refused(self, device_id: int) -> None:
        """Somebody did who does not know its secret."""
        await self._seldom(subscribing.refused, device_id)

    async def link_changed(self, device_id: int) -> None:
        """It is asked how it is, rather than believed: what is told comes late, and in any order."""
        await self._write(breaker.ask_now, device_id)

    async def _seldom(self, note: Note, device_id: int) -> None:
        now = time.monotonic()
        if now - self._noted.get((note, device_id), -AGAIN_AFTER_SECONDS) < AGAIN_AFTER_SECONDS:
            return
        if len(self._noted) >= _MOST_REMEMBERED:
            self._noted.clear()
        self._noted[note, device_id] = now
        await self._write(note, device_id)

    async def _write(self, note: Note, device_id: int) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, note, device_id)
        except Error:
            log.warning("webhook not noted", exc_info=True)
