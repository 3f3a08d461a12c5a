"""The WebSocket of an account. It forwards events and answers pings; it decides nothing."""

from typing import Any

from accounts.live.json_socket import JsonSocket
from campaigns.live import events
from campaigns.live.changes import group_name

NO_SUCH_ACCOUNT = 4404


class AccountConsumer(JsonSocket):
    """`/ws/account/{id}`: subscribed, then every change of the account's campaigns and devices (contract: seed 003)."""

    group = ""

    async def begin(self) -> None:
        account = self.scope["account"]
        if str(account.pk) != self.scope["url_route"]["kwargs"]["account_id"]:
            await self.close(NO_SUCH_ACCOUNT)
            return
        self.group = group_name(account.pk)
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.tell(events.subscribed(account.pk))

    async def disconnect(self, code: int) -> None:
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def account_event(self, message: dict[str, Any]) -> None:
        """A change, through the channel layer."""
        await self.tell(message["event"])
