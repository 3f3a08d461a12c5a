"""The base of our WebSockets: JSON both ways, pings answered, anything else refused without closing."""

import json
from typing import Any, Final

from channels.generic.websocket import AsyncWebsocketConsumer

NOT_AUTHENTICATED: Final = 4401


def pong(timestamp: Any) -> dict[str, Any]:
    return {"type": "pong", "timestamp": timestamp}


def invalid_message(expected: str) -> dict[str, Any]:
    return {"type": "invalid_message", "message": f"Se espera {expected}"}


class JsonSocket(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """One client. A subclass subscribes it in `begin`, and may understand more than pings in `understand`."""

    understands = '{"type": "ping"}'  # for who sends anything else

    async def connect(self) -> None:
        # Closed only after accepting: a refused handshake could not carry the close code.
        await self.accept()
        if self.scope.get("account") is None:
            await self.close(NOT_AUTHENTICATED)
        else:
            await self.begin()

    async def begin(self) -> None:
        """Subscribe a client that is known, or close with a code of the subclass."""
        raise NotImplementedError

    async def understand(self, kind: Any) -> bool:
        """Do what a message of this kind asks; False where that is unknown."""
        return False

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            message = json.loads(text_data or "", parse_constant=int)  # NaN is no JSON, and no number to `int`
            kind = message["type"]
        except (ValueError, TypeError, KeyError, RecursionError):
            message, kind = {}, None
        if kind == "ping":
            await self.tell(pong(message.get("timestamp")))
        elif not await self.understand(kind):
            await self.tell(invalid_message(self.understands))

    async def tell(self, event: dict[str, Any]) -> None:
        # All of it in ASCII: a pong may bring back half a surrogate pair.
        await self.send(text_data=json.dumps(event))
