"""Secrets of endpoints, and how a call is signed: Standard Webhooks 1.0.0."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

_PREFIX: Final = "whsec_"
_BYTES: Final = 32
BEFORE_SIGNS_FOR: Final = timedelta(days=1)  # the secret before a rotation


def new_secret() -> str:
    return _PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def in_force(secret: str, before: str, rotated_at: datetime, now: datetime) -> list[str]:
    """The secrets that sign, the newest first."""
    return [secret, before] if before and now - rotated_at < BEFORE_SIGNS_FOR else [secret]


def sign(message_id: str, at: datetime, body: bytes, secrets_in_force: Iterable[str]) -> dict[str, str]:
    """The headers of one call: `at` is when it is made, which is not when the event happened."""
    timestamp = str(int(at.timestamp()))
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = (
        base64.b64encode(hmac.digest(base64.b64decode(secret.removeprefix(_PREFIX)), signed, hashlib.sha256)).decode()
        for secret in secrets_in_force
    )
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
