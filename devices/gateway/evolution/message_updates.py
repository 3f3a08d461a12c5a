"""Receipts, as Evolution API's webhook tells them: the event `messages.update`.

    2.3, 2.4  {"event": "messages.update", "data": {"keyId": "3EB0…", "fromMe": true, "status": "DELIVERY_ACK", …}}
    1.x       {"event": "messages.update", "data": {"id": "3EB0…", "fromMe": true, "status": "READ", …}}
    2.0-2.2   the same, or {"key": {"id", "fromMe"}, "update": {"status": 3}}: Baileys' own shape

`data` may be a list of them. A message is known by its id alone: `remoteJid` may be a phone, a LID or one device of it.
`fromMe: false` are others' messages that they edited. `date_time` is the server's local time, labelled UTC.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from devices.gateway.base import OutcomeUnknown, Receipt, Tick, accept
from devices.gateway.evolution.webhook_events import event_name

EVENT: Final = "messages.update"
# By name, or by WhatsApp's number for it. PENDING, EDITED and DELETED say nothing of what became of a message.
_TICKS: Final[Mapping[object, Tick]] = MappingProxyType(
    {
        "ERROR": Tick.REFUSED,
        "SERVER_ACK": Tick.ACCEPTED,
        "DELIVERY_ACK": Tick.DELIVERED,
        "READ": Tick.READ,
        "PLAYED": Tick.PLAYED,
        0: Tick.REFUSED,
        2: Tick.ACCEPTED,
        3: Tick.DELIVERED,
        4: Tick.READ,
        5: Tick.PLAYED,
    }
)


def kept(event: object) -> dict[str, Any] | None:
    return event if receipts(event) and isinstance(event, dict) else None


def is_urgent(event: object) -> bool:
    """A refusal may be the one by which a device is found to be locked."""
    return any(receipt.tick is Tick.REFUSED for receipt in receipts(event))


def receipts(event: object) -> list[Receipt]:
    if not isinstance(event, dict) or event_name(event) != EVENT:
        return []
    data = event.get("data")
    return list(_receipts(data if isinstance(data, list) else [data]))


def _receipts(updates: list[Any]) -> Iterator[Receipt]:
    for update in updates:
        if not isinstance(update, dict):
            continue
        key = _part(update, "key")
        if update.get("fromMe", key.get("fromMe")) is not True:
            continue
        tick = _tick(update.get("status", _part(update, "update").get("status")))
        try:
            message_id = accept(update.get("keyId") or key.get("id") or update.get("id")).gateway_message_id
        except OutcomeUnknown:
            continue  # no id by which it could be known
        if tick is not None:
            yield Receipt(message_id, tick)


def _tick(status: object) -> Tick | None:
    # True is 1 and 0.0 is 0, to a dictionary.
    return _TICKS.get(status) if type(status) in {str, int} else None


def _part(update: dict[str, Any], name: str) -> dict[str, Any]:
    part = update.get(name)
    return part if isinstance(part, dict) else {}
