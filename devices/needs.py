"""Who needs a device that is to be deleted: asked of the apps above, which add their answers when they are ready."""

from collections.abc import Sequence

from accounts.needed import Need, WhoNeeds
from devices.models import Device

who_needs: list[WhoNeeds] = []


def needs_of(account_id: int, devices: Sequence[Device]) -> list[Need]:
    """What waits and asks for one of these devices."""
    ids = [device.pk for device in devices]
    return [need for who in who_needs for need in who(account_id, ids)]
