"""The live event `qr`: what shows for linking a device, to those alone who may link it, on `/ws/account/{id}`."""

from typing import Any

from accounts.live.broadcast import broadcast, channel_of, redis
from devices import reasons
from devices.linking.shown import Shown
from devices.models import Device


def group_name(account_id: int) -> str:
    """The Channels group of those who watch an account and may link its devices: whoever sees a code can."""
    return f"linking.{account_id}"


def qr(device: Device, shown: Shown) -> dict[str, Any]:
    """The whole of it: a later one of the same device replaces an earlier."""
    return {
        "type": "qr",
        "id": device.pk,
        "status": shown.step.value,
        "message": reasons.spanish(shown.reason),
        "qr": shown.image,
        "qr_text": shown.qr,
        "pairing_code": shown.typed,
        "expires_at": None if shown.expires_at is None else shown.expires_at.isoformat().replace("+00:00", "Z"),
        "codes_shown": shown.codes_shown,
    }


def tell(device: Device, shown: Shown) -> None:
    """Never raises."""
    group = group_name(device.account_id)
    broadcast([(group, {"type": "account.event", "event": qr(device, shown)})])


def watched_accounts() -> set[int]:
    """Those of which somebody who may link is told. Raises RedisError."""
    channels: list[bytes] = redis().pubsub_channels(channel_of(group_name(0)).removesuffix("0") + "*")  # type: ignore[assignment]
    ids = (channel.decode().rpartition(".")[2] for channel in channels)
    return {int(account_id) for account_id in ids if account_id.isdecimal()}
