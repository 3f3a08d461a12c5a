"""The gateway's instances: one WhatsApp number each, with a token, a connection state and a webhook."""

import base64
import secrets
import struct
import time
import uuid
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

OPEN, CONNECTING, CLOSE = "open", "connecting", "close"
NOT_LOADED = "not-loaded"  # in the gateway's database, not in its memory: connectionState has no state then
MOST_RECEIVED = 100_000  # messages from people that an instance remembers
STATES = (OPEN, CONNECTING, CLOSE, NOT_LOADED)

_EVENT_NAMES = """
APPLICATION_STARTUP QRCODE_UPDATED MESSAGES_SET MESSAGES_UPSERT MESSAGES_EDITED MESSAGES_UPDATE
MESSAGES_DELETE SEND_MESSAGE SEND_MESSAGE_UPDATE CONTACTS_SET CONTACTS_UPSERT CONTACTS_UPDATE
PRESENCE_UPDATE CHATS_SET CHATS_UPSERT CHATS_UPDATE CHATS_DELETE GROUPS_UPSERT GROUP_UPDATE
GROUP_PARTICIPANTS_UPDATE CONNECTION_UPDATE LABELS_EDIT LABELS_ASSOCIATION CALL TYPEBOT_START
TYPEBOT_CHANGE_STATUS REMOVE_INSTANCE LOGOUT_INSTANCE INSTANCE_CREATE INSTANCE_DELETE STATUS_INSTANCE
"""
EVENTS = tuple(_EVENT_NAMES.split())


def iso_time(at: float) -> str:
    """`2026-01-31T12:00:00.000Z`, as JavaScript's toISOString."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(slots=True)
class Webhook:
    """The row `webhook/set` writes and `webhook/find` reads."""

    url: str
    enabled: bool
    by_events: bool
    base64: bool
    headers: dict[str, str]
    events: frozenset[str]
    id: str = field(default_factory=lambda: "c" + secrets.token_hex(12))
    created_at: float = field(default_factory=time.time)

    def wants(self, event: str) -> bool:
        """`messages.update` is subscribed to as MESSAGES_UPDATE."""
        return self.enabled and event.replace(".", "_").replace("-", "_").upper() in self.events

    def as_row(self, instance_id: str) -> dict[str, Any]:
        written = iso_time(self.created_at)
        return {
            "id": self.id,
            "url": self.url,
            "headers": self.headers or None,
            "enabled": self.enabled,
            "events": [event for event in EVENTS if event in self.events],
            "webhookByEvents": self.by_events,
            "webhookBase64": self.base64,
            "createdAt": written,
            "updatedAt": written,
            "instanceId": instance_id,
        }


@dataclass(slots=True, eq=False)
class Instance:
    """`index` is its number in the ledger, `phone` its own WhatsApp number (digits)."""

    name: str
    token: str
    index: int
    phone: str
    state: str = OPEN
    was_connected: bool = True  # a client exists: before the first scan sends fail differently
    integration: str = "WHATSAPP-BAILEYS"
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: float = field(default_factory=time.time)
    webhook: Webhook | None = None
    closed_with: int | None = None  # WhatsApp's reason code for the last close
    closed_at: float | None = None
    qr_count: int = 0
    qr_code: str = ""
    wants_pairing_code: bool = False
    wrote: set[str] = field(default_factory=set)  # the jids of people who have written to it
    # What they wrote, as findMessages shows it.
    received: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MOST_RECEIVED))
    requests: int = 0
    key: bytes = b""  # the token as it stands in the apikey header

    def __post_init__(self) -> None:
        self.set_token(self.token)

    def set_token(self, token: str) -> None:
        self.token, self.key = token, token.encode()

    @property
    def jid(self) -> str:
        return f"{self.phone}@s.whatsapp.net"

    def state_body(self) -> dict[str, Any]:
        shown = {} if self.state == NOT_LOADED else {"state": self.state}
        return {"instance": {"instanceName": self.name, **shown}}

    def qr_body(self) -> dict[str, Any]:
        """Before the first code just `{"count": 0}`."""
        if not self.qr_count:
            return {"count": 0}
        return {
            "pairingCode": pairing_code(self.qr_code) if self.wants_pairing_code else None,
            "code": self.qr_code,
            "base64": "data:image/png;base64," + qr_image(self.qr_code),
            "count": self.qr_count,
        }

    @property
    def stored_state(self) -> str:
        """The state in the gateway's database: open from the first connection until WhatsApp ends it, so also while it
        reconnects or is not loaded; connecting only while a QR code shows."""
        if self.qr_count:
            return CONNECTING
        return OPEN if self.was_connected and self.closed_at is None else CLOSE

    def as_row(self, messages: int) -> dict[str, Any]:
        """One element of fetchInstances. The token is in clear, as in the real one's default."""
        closed_at = None if self.closed_at is None else iso_time(self.closed_at)
        return {
            "id": self.id,
            "name": self.name,
            "connectionStatus": self.stored_state,
            "ownerJid": self.jid if self.was_connected else None,
            "profileName": self.name if self.was_connected else None,
            "profilePicUrl": None,
            "integration": self.integration,
            "number": self.phone or None,
            "businessId": None,
            "token": self.token,
            "clientName": "evolution_exchange",
            "disconnectionReasonCode": self.closed_with,
            "disconnectionObject": None,
            "disconnectionAt": closed_at,
            "createdAt": iso_time(self.created_at),
            "updatedAt": iso_time(self.created_at),
            "Chatwoot": None,
            "Proxy": None,
            "Rabbitmq": None,
            "Nats": None,
            "Sqs": None,
            "Websocket": None,
            "Setting": {
                "id": "cm" + self.id.replace("-", "")[:23],
                **settings({}),
                "createdAt": iso_time(self.created_at),
                "updatedAt": iso_time(self.created_at),
                "instanceId": self.id,
            },
            "_count": {"Message": messages, "Contact": 0, "Chat": 0},
        }


class Instances:
    """All instances by name. Numbers once given to an instance are never given to another."""

    def __init__(self) -> None:
        self._by_name: dict[str, Instance] = {}
        self._names: list[str] = []

    def __iter__(self) -> Iterator[Instance]:
        return iter(list(self._by_name.values()))

    def get(self, name: str) -> Instance | None:
        return self._by_name.get(name)

    def with_token(self, token: str) -> list[Instance]:
        return [instance for instance in self._by_name.values() if instance.token == token]

    def add(self, name: str, token: str, phone: str = "") -> Instance:
        index = len(self._names)
        instance = Instance(name, token, index, phone or f"5199{index:07d}")
        self._by_name[name] = instance
        self._names.append(name)
        return instance

    def remove(self, name: str) -> None:
        del self._by_name[name]

    def name_of(self, index: int) -> str:
        return self._names[index]


def settings(asked: Mapping[str, Any]) -> dict[str, Any]:
    """An instance's settings, as `create` and `fetchInstances` show them."""
    switches = ("rejectCall", "groupsIgnore", "alwaysOnline", "readMessages", "readStatus", "syncFullHistory")
    texts = ("msgCall", "wavoipToken")
    return {name: asked.get(name) is True for name in switches} | {name: asked.get(name) or "" for name in texts}


def new_qr_code() -> str:
    return "2@" + secrets.token_urlsafe(90)


def pairing_code(qr_code: str) -> str:
    alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ123456789"
    draw = Random(qr_code)  # noqa: S311 - for show
    return "".join(draw.choice(alphabet) for _ in range(8))


def qr_image(qr_code: str, modules: int = 33, scale: int = 8) -> str:
    """A PNG in base64 that looks like a QR code to a person; no phone can read it."""
    draw = Random(qr_code)  # noqa: S311
    rows = []
    for _ in range(modules):
        line = [draw.random() < 0.5 for _ in range(modules)]
        pixels = "".join(("0" if dark else "1") * scale for dark in line)
        packed = bytes(int(pixels[place : place + 8], 2) for place in range(0, len(pixels), 8))
        rows.append((b"\0" + packed) * scale)
    size = modules * scale

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", size, size, 1, 0, 0, 0, 0)
    image = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"".join(rows)))
    return base64.b64encode(image + chunk(b"IEND", b"")).decode()
