"""Who needs a device, and who waits for one: asked of the apps above, which add their answers when they are ready."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from accounts.needed import Need, WhoNeeds
from devices.models import Device

# Who would miss it, were it deleted.
who_needs: list[WhoNeeds] = []
# Which of these devices have something to send now, or are waited for.
who_works: list[Callable[[Collection[int]], set[int]]] = []

# Told when a device may be sent through again that could not be.
who_waits: list[Callable[[], object]] = []


# Told when something came into the inbox that is to be worked at once.
who_works_inbox: list[Callable[[], object]] = []


# Told what people wrote, (device, gateway.base.Incoming) each, with a cursor in the transaction that keeps it.
who_hears: list[Callable[[Any, Sequence[tuple[int, Any]]], None]] = []


def needs_of(account_id: int, devices: Sequence[Device]) -> list[Need]:
    """What waits and asks for one of these devices."""
    ids = [device.pk for device in devices]
    return [need for who in who_needs for need in who(account_id, ids)]


def at_work(device_ids: Collection[int]) -> set[int]:
    """Those of the devices that have something to send now, or are waited for."""
    return {device_id for who in who_works for device_id in who(device_ids)} if device_ids else set()


def have_heard(cursor: Any, came: Sequence[tuple[int, Any]]) -> None:
    """Have done what cannot wait until the inbox is worked."""
    for hears in who_hears:
        hears(cursor, came)


def have_inbox_worked() -> None:
    """Have the inbox worked now. Raises what the broker raises."""
    for work in who_works_inbox:
        work()


def wake_waiting() -> None:
    """Wake whoever waits for a device: one is there again. Raises what the broker raises."""
    for wake in who_waits:
        wake()
