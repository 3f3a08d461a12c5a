"""A second provider, as small as one can be, and as unlike Evolution API: it keeps no messages to look up.

It exists only here. The contract is checked on it too, and a loft behind several pigeons shows an account's errors.
"""

import json
import re
from datetime import datetime
from typing import Any, Final

from accounts.written.reading import is_storable
from devices.gateway import http
from devices.gateway.base import (
    Acceptance,
    AccountLimits,
    DeviceUnavailable,
    HookSetting,
    Incoming,
    Link,
    Linker,
    LookUp,
    MessageStore,
    NotSent,
    OutcomeUnknown,
    OutgoingMessage,
    Probe,
    Receipt,
    Rejected,
    Roll,
    Scope,
    SendError,
    Tick,
    WireFailure,
    WireRequest,
    WireResponse,
    accept,
    no_answer,
)
from devices.models import Device

NAME: Final = "pigeon"


class PigeonGateway:
    """Flies from `base_url`; the ring on its leg is the message's id."""

    roll: Roll | None = None  # each is asked by itself
    # Each knows its way home: nobody links it to a phone, and it tells nobody anything.
    linker: Linker | None = None
    hook: HookSetting | None = None
    store: MessageStore | None = None
    limits: AccountLimits | None = None

    def __init__(self, device: Device) -> None:
        self.base_url = device.base_url.rstrip("/")
        self.token = device.token

    def send_request(self, message: OutgoingMessage) -> WireRequest:
        letter = {"to": message.number, "say": message.text}
        if message.media is not None:
            letter["carry"] = message.media.url
        return WireRequest(f"{self.base_url}/fly", (f"Authorization: Bird {self.token}",), json.dumps(letter).encode())

    def read_answer(self, answer: WireResponse | WireFailure) -> Acceptance:
        if isinstance(answer, WireFailure):
            raise no_answer(answer)
        said = said_in(answer.body)
        if 200 <= answer.status < 300:
            return accept(said.get("ring"))
        if answer.status == 422:
            raise self.refusal(said.get("wrong"))
        raise OutcomeUnknown("gateway_error")

    def refusal(self, wrong: object) -> SendError:
        match wrong:
            case "address":
                return Rejected("not_on_whatsapp")
            case "letter":
                return Rejected("invalid_content", scope=Scope.MESSAGE)
            case "bird":
                return DeviceUnavailable("connection_closed")
            case "loft":
                return DeviceUnavailable("unauthorized", scope=Scope.ACCOUNT)
            case "weather":
                return NotSent("rate_limited", http.retry_after("30"), scope=Scope.DEVICE)
        return OutcomeUnknown("gateway_error")

    def look_up(self, message: OutgoingMessage, since: datetime, until: datetime) -> tuple[LookUp, str]:
        return LookUp.CANNOT_TELL, ""

    def probe(self, timeout_seconds: float) -> Probe:
        try:
            answer = self.ask(timeout_seconds)
        except http.Unreachable as error:
            return Probe(Link.CLOSED, error.reason)
        is_home = answer.status == 200 and said_in(answer.body).get("home") is True
        return Probe(Link.OPEN) if is_home else Probe(Link.CLOSED, "instance_closed")

    def ask(self, timeout_seconds: float) -> http.Response:
        headers = {"Authorization": f"Bird {self.token}"}
        return http.request("GET", f"{self.base_url}/loft", headers=headers, timeout=timeout_seconds)


class PigeonWebhooks:
    """What a pigeon brings back: {"ring", "seen": "door" or "eyes"}."""

    def kept(self, event: object) -> dict[str, Any] | None:
        return event if isinstance(event, dict) and (self.receipts(event) or self.incoming(event)) else None

    def is_urgent(self, event: object) -> bool:
        return False

    def incoming(self, event: object) -> list[Incoming]:
        """{"from": number, "ring", "note"}: who sent one of their own."""
        phone = event.get("from") if isinstance(event, dict) else None
        if not isinstance(phone, str) or not re.fullmatch("[1-9][0-9]{7,14}", phone):
            return []
        try:
            ring = accept(event.get("ring")).gateway_message_id
        except OutcomeUnknown:
            return []
        note = event.get("note")
        return [Incoming(ring, f"+{phone}", text=note if isinstance(note, str) and is_storable(note) else "")]

    def link_news(self, event: object) -> None:
        """It is a bird."""

    def receipts(self, event: object) -> list[Receipt]:
        if not isinstance(event, dict) or event.get("seen") not in ("door", "eyes"):
            return []
        try:
            message_id = accept(event.get("ring")).gateway_message_id
        except OutcomeUnknown:
            return []
        return [Receipt(message_id, Tick.READ if event["seen"] == "eyes" else Tick.DELIVERED)]


def said_in(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
