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


# Told what people wrote, (device, gateway.base.Incoming) each, before it is kept; answers with what cannot wait until
# the inbox is worked, to be done with a cursor in the transaction that keeps it, or None.
who_hears: list[Callable[[Sequence[tuple[int, Any]]], Callable[[Any], None] | None]] = []


def needs_of(account_id: int, devices: Sequence[Device]) -> list[Need]:
    """What waits and asks for one of these devices."""
    ids = [device.pk for device in devices]
    return [need for who in who_needs for need in who(account_id, ids)]


def at_work(device_ids: Collection[int]) -> set[int]:
    """Those of the devices that have something to send now, or are waited for."""
    return {device_id for who in who_works for device_id in who(device_ids)} if device_ids else set()


def cannot_wait(came: Sequence[tuple[int, Any]]) -> list[Callable[[Any], None]]:
    """What is to be done, with a cursor, in the transaction that keeps these messages: mostly nothing."""
    return [act for hears in who_hears if (act := hears(came)) is not None]


def have_inbox_worked() -> None:
    """Have the inbox worked now. Raises what the broker raises."""
    for work in who_works_inbox:
        work()


def wake_waiting() -> None:
    """Wake whoever waits for a device: one is there again. Raises what the broker raises."""
    for wake in who_waits:
        wake()
