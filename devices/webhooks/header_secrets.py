"""The secret that a device's gateway sends along in a header. Never shown: it goes to the gateway, and nowhere else."""

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

from accounts.encryption import Sealed
from devices.models import Device, Webhook

HEADER: Final = "X-Webhook-Secret"
# Evolution API tries an event again for some twenty minutes, with the headers of its first time.
BEFORE_COUNTS_FOR: Final = timedelta(days=1)
# Who comes to a door with a wrong secret is looked up again only so often: the right one may be new.
DOUBTED_FOR_SECONDS: Final = 1.0


class Known(NamedTuple):
    """A device whose gateway may tell us something."""

    device_id: int
    provider: str
    secrets: Collection[bytes]  # one of them must come with it


def secret_of(device: Device) -> str:
    """The secret that its gateway is to send; made at the first call."""
    webhook, _made = Webhook.objects.get_or_create(device=device, defaults={"secret": _new()})
    if isinstance(webhook.secret, Sealed):
        rotate(device)
        webhook.refresh_from_db()
    return str(webhook.secret)


def rotate(device: Device) -> str:
    """Have a new secret, to be told to the gateway; the one before it counts for a day yet."""
    fresh = _new()
    if not Webhook.objects.filter(device=device).update(secret_before=F("secret"), secret=fresh, rotated_at=Now()):
        Webhook.objects.get_or_create(device=device, defaults={"secret": fresh})
    return fresh


def take_back(device: Device, at: datetime) -> None:
    """Have the secret in force that was before the rotation of that moment. Its successor may have been told all the
    same: it counts for a day yet."""
    rows = Webhook.objects.filter(device=device, rotated_at=at)
    rows.update(secret=F("secret_before"), secret_before=F("secret"), rotated_at=Now())


def known(uuid: UUID, now: datetime) -> Known | None:
    """By what the gateway of a device that is there is known; None where none is."""
    webhook = (
        Webhook.objects.select_related("device")
        .filter(device__uuid=uuid, device__deleted_at=None)
        .only("secret", "secret_before", "rotated_at", "device__id", "device__provider")
        .first()
    )
    if webhook is None:
        return None
    counting = [webhook.secret]
    if now - webhook.rotated_at < BEFORE_COUNTS_FOR:
        counting.append(webhook.secret_before)
    return Known(webhook.device_id, webhook.device.provider, [secret.encode() for secret in counting if secret])


def _new() -> str:
    return secrets.token_urlsafe(32)
