"""The live events of an account: one builder each. Each tells the state as it is; a later one replaces an earlier."""

from typing import Any

from campaigns.models import Notification
from campaigns.wording import campaign_notes
from devices import reasons
from devices.models import Device

Event = dict[str, Any]


def campaign_changed(campaign_id: int, status: str, delivery_stats: dict[str, int]) -> Event:
    return {"type": "campaign_changed", "id": campaign_id, "status": status, "delivery_stats": delivery_stats}


def device_changed(device: Device, hook_problem: str = "") -> Event:
    """`hook_problem`: the code of what keeps its gateway from telling us; "" where nothing is known to."""
    return {
        "type": "device_changed",
        "id": device.pk,
        "name": device.name,
        "enabled": device.enabled,
        "status": device.status,
        "status_reason": reasons.spanish(device.status_reason),
        "code": device.status_reason,
        "webhook_problem": hook_problem,
    }


def notification(told: Notification, unread: int) -> Event:
    """For the person alone who is told; `unread`: how many they have not read now."""
    return {
        "type": "notification",
        "id": told.pk,
        "code": told.code,
        "title": campaign_notes.spanish_title(told.code, told.details),
        "text": campaign_notes.spanish_text(told.code, told.details),
        "campaign_id": told.campaign_id,
        "unread": unread,
    }


# --- Sent to one client only, by its consumer -----------------------------------------------------


def subscribed(account_id: int) -> Event:
    return {
        "type": "subscribed",
        "account_id": account_id,
        "message": f"Suscrito a los cambios de la cuenta {account_id}",
    }


def subscribed_to_notifications(account_id: int) -> Event:
    return {
        "type": "subscribed",
        "account_id": account_id,
        "message": f"Suscrito a tus notificaciones de la cuenta {account_id}",
    }
