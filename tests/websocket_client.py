"""A WebSocket client of the application itself, as patient as all tests: Channels' own gives up after a second."""

from typing import Any

from channels.testing import WebsocketCommunicator

from tests.waiting import GIVE_UP_SECONDS


class WebsocketClient(WebsocketCommunicator):
    async def connect(self, timeout: float = GIVE_UP_SECONDS) -> Any:
        return await super().connect(timeout)

    async def receive_from(self, timeout: float = GIVE_UP_SECONDS) -> Any:
        return await super().receive_from(timeout)

    async def receive_json_from(self, timeout: float = GIVE_UP_SECONDS) -> Any:
        return await super().receive_json_from(timeout)

    async def receive_output(self, timeout: float = GIVE_UP_SECONDS) -> Any:
        return await super().receive_output(timeout)

    async def disconnect(self, code: int = 1000, timeout: float = GIVE_UP_SECONDS) -> None:
        await super().disconnect(code, timeout)
