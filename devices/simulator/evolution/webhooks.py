"""Webhook events as Evolution API 2.3.7 sends them: envelope, address and headers."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from json.encoder import encode_basestring as quoted
from typing import Any

from devices.simulator.evolution.instances import Instance, iso_time
from devices.simulator.serving.posting import Postman
from devices.simulator.serving.wire import dumps

_JWT_SECONDS = 600


class Webhooks:
    """Tells an instance's webhook what happened, if it has one and wants the event."""

    def __init__(self, postman: Postman, server_url: Callable[[], str], is_lost: Callable[[Instance], bool]) -> None:
        self._postman = postman
        self._server_url = server_url
        self._is_lost = is_lost  # an event of this instance that would be told now

    def emit(self, instance: Instance, event: str, data: bytes) -> None:
        """Queue one event (`send.message`, `messages.update`, …); `data` is JSON."""
        webhook = instance.webhook
        if webhook is None or not webhook.wants(event) or self._is_lost(instance):
            return
        now = time.time()
        start = f'{{"event":"{event}","instance":{quoted(instance.name)},"data":'
        sender = f'"sender":"{instance.jid}",' if instance.was_connected else ""
        # date_time is the server's local time, labelled Z: the simulator lives in UTC
        end = (
            f',"destination":{quoted(webhook.url)},"date_time":"{iso_time(now)}",{sender}'
            f'"server_url":"{self._server_url()}","apikey":{quoted(instance.token)}}}'
        )
        body = b"%b%b%b" % (start.encode(), data, end.encode())
        url = webhook.url
        if webhook.by_events:
            url = f"{url}/{event.replace('.', '-').replace('_', '-')}"
        self._postman.post(url, _header_lines(webhook.headers, now), body)

    def emit_value(self, instance: Instance, event: str, data: Any) -> None:
        self.emit(instance, event, dumps(data))


def _header_lines(headers: dict[str, str], now: float) -> str:
    lines = []
    for name, value in headers.items():
        if name == "jwt_key":
            lines.append(f"Authorization: Bearer {_token(str(value), now)}\r\n")
        else:
            lines.append(f"{name}: {value}".replace("\r", "").replace("\n", "") + "\r\n")
    return "".join(lines)


def _token(key: str, now: float) -> str:
    """A JWT (HS256) as the gateway mints it once per event; retries reuse it, so late ones are expired."""
    issued = int(now)
    claims = {"iat": issued, "exp": issued + _JWT_SECONDS, "app": "evolution", "action": "webhook"}
    signed = ".".join(_base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{signed}.{_base64url(hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest())}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
