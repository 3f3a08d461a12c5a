"""People who write to a device, as its gateway tells it."""

import json
import secrets
from typing import Any

from django.db import connection

from devices.gateway.evolution import EvolutionWebhooks
from devices.models import Device
from devices.webhooks.admitting import Told, admit

PERSON = "51987654321"
LID = "120000055915"


def event(text: str, number: str = PERSON, lid: str = "", message_id: str = "", **more: Any) -> dict[str, Any]:
    """A text from a person; `number` "" where only the LID is told. `more` is added to the event's data."""
    names = {"remoteJid": f"{number}@s.whatsapp.net" if number else f"{lid}@lid"}
    if number and lid:
        names["remoteJidAlt"] = f"{lid}@lid"
    return {
        "event": "messages.upsert",
        "data": {
            "key": {**names, "fromMe": False, "id": message_id or secrets.token_hex(9)},
            "pushName": "Ana",
            "message": {"conversation": text},
            **more,
        },
    }


def at_the_door(device: Device, *events: dict[str, Any]) -> None:
    """What the door does with these events: kept, and heard, before it answers."""
    reader = EvolutionWebhooks()
    kept = [reader.kept(told) for told in events]
    admit([Told(device.pk, json.dumps(one), reader.incoming(one)) for one in kept if one is not None])
    connection.ensure_connection()
