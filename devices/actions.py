"""What a person does to devices: one function an act, with its one audit entry in the same transaction.

The API, the admin and the commands call these, and ask the gateway afterwards (`health.check`): no network in here.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from django.db import IntegrityError, connection, transaction

from accounts import audit
from accounts.audit import Actor
from accounts.constraints import is_breach_of
from accounts.needed import unless_forced
from devices import validation
from devices.models import Device
from devices.needs import needs_of


class Taken(Exception):
    """A device that is there already has what only one can have. `field` of the device, `code` of `reasons`."""

    field: ClassVar[str]
    code: ClassVar[str]


class DeviceNameTaken(Taken):
    """Another device of the account has this name."""

    field, code = "name", "name_taken"


class InstanceTaken(Taken):
    """Another device, of whatever account, sends through this instance: a number's pace is kept by one."""

    field, code = "instance_name", "instance_taken"


def create(actor: Actor, device: Device) -> Device:
    """Keep a new device of the account. Raises Taken."""
    device.account = actor.account
    try:
        with transaction.atomic():
            # Of a device that is posted twice the name is said to be taken, which is what its owner sees.
            if Device.objects.for_account(actor.account).filter(name=device.name).exists():
                raise DeviceNameTaken
            _claim_instance(device)
            device.save(force_insert=True)
            audit.record(actor, "device.created", device, id=device.pk)
    except IntegrityError as error:
        raise _said_plainly(error) from None
    return device


def change(actor: Actor, device: Device, fields: Iterable[str]) -> None:
    """Write these columns of a device, and no others: the engine writes to the same row. Raises Taken."""
    names = sorted(fields)
    if not names:
        return
    try:
        with transaction.atomic():
            if {"provider", "base_url", "instance_name"} & set(names):
                _claim_instance(device)
            device.save(update_fields=names)
            # The names of the fields only: one of them is a secret.
            audit.record(actor, "device.changed", device, id=device.pk, fields=names)
    except IntegrityError as error:
        raise _said_plainly(error) from None


def delete(actor: Actor, devices: Sequence[Device], *, force: bool = False) -> int:
    """Hide devices and forget their tokens, as one act; return how many there were.

    Raises StillNeeded where something that waits asks for one of them, unless `force` is given.
    """
    ids = [device.pk for device in devices]
    forced = unless_forced(needs_of(actor.account.pk, devices), force=force)
    with transaction.atomic():
        count, _models = Device.objects.for_account(actor.account).filter(pk__in=ids).delete()
        if count and len(devices) == 1:
            audit.record(actor, "device.deleted", devices[0], id=ids[0], **forced)
        elif count:
            audit.record(actor, "device.deleted", "devices", ids=ids, count=count, **forced)
    return int(count)


def _claim_instance(device: Device) -> None:
    """Raises InstanceTaken. Two who claim one instance at once wait for each other until their transactions end."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"device instance {device.instance_name}"]
        )
    if validation.is_instance_taken(device):
        raise InstanceTaken


def _said_plainly(error: IntegrityError) -> Exception:
    return DeviceNameTaken() if is_breach_of("device_name_once_per_account", error) else error
