"""The WebSocket of an account. It forwards events and answers pings; it decides nothing."""

import json
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

from campaigns.live import events
from campaigns.live.changes import group_name

NOT_AUTHENTICATED = 4401
NO_SUCH_ACCOUNT = 4404


class AccountConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """`/ws/account/{id}`: subscribed, then every change of the account's campaigns and devices (contract: seed 003)."""

    group = ""

    async def connect(self) -> None:
        # Closed only after accepting: a refused handshake could not carry the close code.
        await self.accept()
        account = self.scope.get("account")
        if account is None:
            await self.close(NOT_AUTHENTICATED)
            return
        if str(account.pk) != self.scope["url_route"]["kwargs"]["account_id"]:
            await self.close(NO_SUCH_ACCOUNT)
            return
        self.group = group_name(account.pk)
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self._send(events.subscribed(account.pk))

    async def disconnect(self, code: int) -> None:
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            message = json.loads(text_data or "", parse_constant=int)  # NaN is no JSON, and no number to `int`
            kind = message["type"]
        except (ValueError, TypeError, KeyError, RecursionError):
            message, kind = {}, None
        if kind == "ping":
            await self._send(events.pong(message.get("timestamp")))
        else:
            await self._send(events.invalid_message())

    async def account_event(self, message: dict[str, Any]) -> None:
        """A change, through the channel layer."""
        await self._send(message["event"])

    async def _send(self, event: events.Event) -> None:
        # All of it in ASCII: a pong may bring back half a surrogate pair.
        await self.send(text_data=json.dumps(event))
