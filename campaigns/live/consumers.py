"""The WebSocket of an account. It forwards events and answers pings; it decides nothing."""

from typing import Any

from accounts.live.json_socket import JsonSocket
from campaigns.live import events
from campaigns.live.changes import group_name, personal_group_name

NO_SUCH_ACCOUNT = 4404


class AccountConsumer(JsonSocket):
    """`/ws/account/{id}`: subscribed, then changes of campaigns and devices, and one's own notifications."""

    groups_joined: tuple[str, ...] = ()

    async def begin(self) -> None:
        account = self.scope["account"]
        if str(account.pk) != self.scope["url_route"]["kwargs"]["account_id"]:
            await self.close(NO_SUCH_ACCOUNT)
            return
        self.groups_joined = (group_name(account.pk), personal_group_name(account.pk, self.scope["user"].pk))
        for group in self.groups_joined:
            await self.channel_layer.group_add(group, self.channel_name)
        await self.tell(events.subscribed(account.pk))

    async def disconnect(self, code: int) -> None:
        for group in self.groups_joined:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def account_event(self, message: dict[str, Any]) -> None:
        """A change, through the channel layer."""
        await self.tell(message["event"])
