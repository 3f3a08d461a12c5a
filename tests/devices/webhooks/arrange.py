"""Gateways that tell something, and what is kept of it."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from devices.models import Device, InboxEvent
from devices.webhooks import header_secrets
from devices.webhooks.receiver import Receiver
from tests.accounts.asgi import Exchange, exchange


async def nobody(scope: Any, receive: Any, send: Any) -> None:
    """What stands behind the door."""
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"behind the door"})


def receipt(message_id: str = "3EB0A1", status: str = "DELIVERY_ACK", **more: Any) -> dict[str, Any]:
    data = {"keyId": message_id, "remoteJid": "51987654321@s.whatsapp.net", "fromMe": True, "status": status, **more}
    return {"event": "messages.update", "instance": "demo-1", "data": data, "apikey": "SIMULATOR-TOKEN"}


def address(device: Device, rest: str = "") -> str:
    return f"/webhooks/evolution/{device.uuid}{rest}"


def secret(device: Device) -> tuple[bytes, bytes]:
    return b"x-webhook-secret", header_secrets.secret_of(device).encode()


async def tell(
    door: Receiver, path: str, event: Any, headers: Iterable[tuple[bytes, bytes]], method: str = "POST"
) -> Exchange:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    pieces = [body[start : start + 65_536] for start in range(0, len(body), 65_536)]
    return await exchange(door, path, headers, pieces, method)


def told(path: str, event: Any, *headers: tuple[bytes, bytes], method: str = "POST", door: Any = None) -> Exchange:
    """One event at a door that was just built."""
    return asyncio.run(tell(door or Receiver(nobody), path, event, headers, method))


def kept() -> list[dict[str, Any]]:
    return [json.loads(body) for body in InboxEvent.objects.order_by("id").values_list("body", flat=True)]
