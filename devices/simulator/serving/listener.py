"""The simulator's door. It may shut for a while, as a gateway's does that is restarted; what lies behind it stays."""

import asyncio
import contextlib
from collections.abc import Callable

from devices.simulator.serving.server import Connection

_BACKLOG = 4096
_ANSWER_FIRST_SECONDS = 0.05


class Listener:
    def __init__(
        self, connect: Callable[[set[Connection]], Connection], connections: set[Connection], host: str, port: int
    ) -> None:
        self._connect = connect
        self._connections = connections
        self._host = host
        self.port = port
        self._server: asyncio.Server | None = None
        self._returning: asyncio.Task[None] | None = None
        self._has_returned = asyncio.Event()

    async def open(self) -> None:
        """Listen. Raises OSError."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: self._connect(self._connections), self._host, self.port, backlog=_BACKLOG
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def leave(self, seconds: float) -> None:
        """Refuse every connection for so long and reset those there are, once the call that asks is answered."""
        if self._returning is None:
            self._has_returned.clear()
            self._returning = asyncio.ensure_future(self._leave(seconds))

    def come_back(self) -> None:
        """Listen again before the time is up."""
        self._has_returned.set()

    async def _leave(self, seconds: float) -> None:
        await asyncio.sleep(_ANSWER_FIRST_SECONDS)
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.reset()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._has_returned.wait(), seconds)
        self._returning = None
        await self.open()

    async def close(self) -> None:
        if self._returning is not None:
            self._returning.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._returning
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.close()
