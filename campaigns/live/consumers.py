"""The WebSockets of an account. They forward events and answer pings; they decide nothing."""

from typing import Any

from accounts.access.permissions import may
from accounts.live.json_socket import JsonSocket
from accounts.models import Account, Role, User
from campaigns.live import events
from campaigns.live.changes import group_name, personal_group_name
from devices.linking import telling

NO_SUCH_ACCOUNT = 4404


class BellConsumer(JsonSocket):
    """`/ws/account/{id}/notifications`: subscribed, then one's own notifications.

    Every open page of the admin has one, and none of them makes its account a watched one.
    """

    groups_joined: tuple[str, ...] = ()

    async def begin(self) -> None:
        account = self.scope["account"]
        if str(account.pk) != self.scope["url_route"]["kwargs"]["account_id"]:
            await self.close(NO_SUCH_ACCOUNT)
            return
        self.groups_joined = self.groups_of(account, self.scope["user"])
        for group in self.groups_joined:
            await self.channel_layer.group_add(group, self.channel_name)
        await self.tell(self.subscribed(account))

    async def disconnect(self, code: int) -> None:
        for group in self.groups_joined:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def account_event(self, message: dict[str, Any]) -> None:
        """A change, through the channel layer."""
        await self.tell(message["event"])

    def groups_of(self, account: Account, user: User) -> tuple[str, ...]:
        return (personal_group_name(account.pk, user.pk),)

    def subscribed(self, account: Account) -> events.Event:
        return events.subscribed_to_notifications(account.pk)


class AccountConsumer(BellConsumer):
    """`/ws/account/{id}`: subscribed, then changes of campaigns and devices besides; codes to who may link a device."""

    def groups_of(self, account: Account, user: User) -> tuple[str, ...]:
        groups = (group_name(account.pk), *super().groups_of(account, user))
        if may(self.scope["membership"], Role.ADMINISTRATOR):
            groups += (telling.group_name(account.pk),)
        return groups

    def subscribed(self, account: Account) -> events.Event:
        return events.subscribed(account.pk)
