"""What the door notes of whom it hears: seldom, since it may be told a thousand things a second."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final

import structlog
from django.db import Error

from devices import needs
from devices.gateway.base import LinkNews
from devices.webhooks import link_news, subscribing

log = structlog.get_logger(__name__)

AGAIN_AFTER_SECONDS: Final = 5.0
WAKE_EVERY_SECONDS: Final = 1.0  # hundreds come back at once where their gateway does
WORK_EVERY_SECONDS: Final = 0.2  # what came meanwhile is worked together
_MOST_REMEMBERED: Final = 10_000

Note = Callable[[int], object]


class Hearing:
    """One door's. Its notes are written by `thread`; what cannot be written is only a note."""

    def __init__(self, thread: Executor) -> None:
        self._thread = thread
        self._woke_at = -WAKE_EVERY_SECONDS
        self._working: asyncio.TimerHandle | None = None
        self._noted: dict[tuple[Note, int], float] = {}

    async def heard(self, device_id: int) -> None:
        """Its gateway told something."""
        await self._seldom(subscribing.heard, device_id)

    async def refused(self, device_id: int) -> None:
        """Somebody did who does not know its secret."""
        await self._seldom(subscribing.refused, device_id)

    async def link_changed(self, device_id: int, news: LinkNews) -> None:
        """Its gateway told of its link. Whoever waits for a device is woken where it is one again."""
        loop = asyncio.get_running_loop()
        try:
            is_back = await loop.run_in_executor(self._thread, link_news.apply, device_id, news)
        except Error:
            log.warning("link not noted", exc_info=True)
            return
        now = time.monotonic()
        if is_back and now - self._woke_at >= WAKE_EVERY_SECONDS:
            self._woke_at = now
            loop.run_in_executor(None, _wake)  # not waited for: the broker may be away

    def urgent(self) -> None:
        """Something was kept that is to be worked at once. Not waited for: the broker may be away."""
        if self._working is None:
            self._working = asyncio.get_running_loop().call_later(WORK_EVERY_SECONDS, self._work)

    def _work(self) -> None:
        self._working = None
        asyncio.get_running_loop().run_in_executor(None, _have_worked)

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


def _wake() -> None:
    try:
        needs.wake_waiting()
    except Exception:
        log.warning("nobody woken: the next sweep does it", exc_info=True)


def _have_worked() -> None:
    try:
        needs.have_inbox_worked()
    except Exception:
        log.warning("nobody woken: beat does it", exc_info=True)
