"""What a person does to devices: one function an act, with its one audit entry in the same transaction.

The API, the admin and the commands call these, and ask the gateway afterwards (`linking.checking`, `health.probes`).
What a gateway itself has to do is done by it first, outside the transaction, and then noted; GatewayRefused says that
it was not. At the end: what a person does to webhook endpoints.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final

from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.audit import Actor
from accounts.constraints import is_breach_of
from accounts.needed import unless_forced
from devices import validation
from devices.endpoints import outbox, signatures
from devices.gateway.base import Link
from devices.gateway.registry import make_instance
from devices.health import timelock
from devices.linking import pairing
from devices.linking.pairing import ACT_SECONDS, GatewayRefused
from devices.linking.shown import Shown
from devices.models import Delivery, Device, WebhookEndpoint
from devices.needs import needs_of
from devices.webhooks import absences, subscribing


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


# Of which field of a new device a gateway's refusal to make its instance speaks; any other of its address.
REFUSED_FIELD: Final = {"instance_exists": "instance_name", "server_key_refused": "token"}


def create(actor: Actor, device: Device, **details: Any) -> Device:
    """Keep a new device of the account. Raises Taken."""
    device.account = actor.account
    try:
        with transaction.atomic():
            # Of a device that is posted twice the name is said to be taken, which is what its owner sees.
            if Device.objects.for_account(actor.account).filter(name=device.name).exists():
                raise DeviceNameTaken
            _claim_instance(device)
            device.save(force_insert=True)
            audit.record(actor, "device.created", device, id=device.pk, **details)
    except IntegrityError as error:
        raise _said_plainly(error) from None
    return device


def create_with_instance(actor: Actor, device: Device) -> Device:
    """Have the device's instance made at its gateway, and keep the device. Raises Taken and GatewayRefused.

    Its token is the server's own key: used this once. The device gets the one that the gateway chose.
    """
    # What is refused anyway leaves nothing at the gateway.
    if Device.objects.for_account(actor.account).filter(name=device.name).exists():
        raise DeviceNameTaken
    if validation.is_instance_taken(device):
        raise InstanceTaken
    made = make_instance(device, device.token, ACT_SECONDS)
    if made.reason:
        raise GatewayRefused(made.reason)
    device.token = made.token
    try:
        return create(actor, device, instance="created")
    except Exception:
        # Somebody was faster: what we made is nobody's.
        pairing.linker_of(device).delete(ACT_SECONDS)
        raise


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
            if {"provider", "instance_name"} & set(names):
                timelock.forget(device)
                absences.forget([device.pk])
            # The names of the fields only: one of them is a secret.
            audit.record(actor, "device.changed", device, id=device.pk, fields=names)
    except IntegrityError as error:
        raise _said_plainly(error) from None


def delete(actor: Actor, devices: Sequence[Device], *, force: bool = False, with_instance: bool = False) -> int:
    """Hide devices and forget their tokens, as one act; return how many there were.

    `with_instance`: each gateway forgets its instance first, and the number is no longer linked to it. Raises
    StillNeeded where something that waits asks for one of them, unless `force` is given; and GatewayRefused.
    """
    ids = [device.pk for device in devices]
    details: dict[str, Any] = unless_forced(needs_of(actor.account.pk, devices), force=force)
    if with_instance:
        for device in devices:
            _have_done(pairing.linker_of(device).delete(ACT_SECONDS))
        details["instance"] = "deleted"
    with transaction.atomic():
        count, _models = Device.objects.for_account(actor.account).filter(pk__in=ids).delete()
        if count and len(devices) == 1:
            audit.record(actor, "device.deleted", devices[0], id=ids[0], **details)
        elif count:
            audit.record(actor, "device.deleted", "devices", ids=ids, count=count, **details)
    return int(count)


def start_pairing(actor: Actor, device: Device, number: str, now: datetime) -> Shown:
    """Have a code shown by which a phone is linked; with the device's own `number` also one to type.

    Raises GatewayRefused. One that is linked already stays so, and leaves no entry.
    """
    linking = pairing.start(device, number)
    if linking.link is not Link.OPEN:
        subscribing.provoked(device, now)
        _note(actor, "device.pairing_started", device)
    return pairing.keep(device, linking, now)


def log_out(actor: Actor, device: Device, now: datetime) -> None:
    """Part a device from its phone, of which its gateway tells us. Raises GatewayRefused."""
    _have_done(pairing.linker_of(device).log_out(ACT_SECONDS))
    subscribing.provoked(device, now)
    _note(actor, "device.logged_out", device)


def restart(actor: Actor, device: Device, now: datetime) -> None:
    """Have a device's gateway connect it anew, of which it tells us. Raises GatewayRefused."""
    _have_done(pairing.linker_of(device).restart(ACT_SECONDS))
    subscribing.provoked(device, now)
    _note(actor, "device.restarted", device)


def set_webhook(actor: Actor, device: Device, now: datetime, *, replace: bool = False) -> None:
    """Have a device's gateway tell us what happens, in place of another system where `replace` is given.

    Raises GatewayRefused.
    """
    _have_done(subscribing.set_up(device, now, replace=replace))
    _note(actor, "device.webhook_set", device, replaced=replace)


def renew_webhook_secret(actor: Actor, device: Device, now: datetime) -> None:
    """Have a device's gateway send another secret along with what it tells us; the one before counts for a day yet.

    Raises GatewayRefused: then that one stays in force.
    """
    _have_done(subscribing.renew_secret(device, now))
    _note(actor, "device.webhook_secret_renewed", device)


# --- Webhook endpoints ---------------------------------------------------------------------------------------


def create_endpoint(actor: Actor, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """Keep a new endpoint of the account, with a secret of its own."""
    endpoint.account = actor.account
    endpoint.secret = signatures.new_secret()
    with transaction.atomic():
        endpoint.save(force_insert=True)
        audit.record(actor, "webhook_endpoint.created", endpoint, id=endpoint.pk)
    return endpoint


def change_endpoint(actor: Actor, endpoint: WebhookEndpoint, fields: Iterable[str]) -> None:
    """Write these columns of an endpoint. Switched on again, or with another address, it begins without failures."""
    names = sorted(fields)
    if not names:
        return
    written = list(names)
    if {"enabled", "url"} & set(names):
        endpoint.failures, endpoint.failing_since, endpoint.paused_until, endpoint.disabled_reason = 0, None, None, ""
        written += ["failures", "failing_since", "paused_until", "disabled_reason"]
    with transaction.atomic():
        endpoint.save(update_fields=written)
        audit.record(actor, "webhook_endpoint.changed", endpoint, id=endpoint.pk, fields=names)


def delete_endpoint(actor: Actor, endpoint: WebhookEndpoint) -> None:
    """Delete an endpoint, with what it was told and what waits for it."""
    pk = endpoint.pk
    with transaction.atomic():
        audit.record(actor, "webhook_endpoint.deleted", endpoint, id=pk)
        endpoint.delete()


def rotate_endpoint_secret(actor: Actor, endpoint: WebhookEndpoint, now: datetime) -> str:
    """Give an endpoint a new secret, and return it; the one before signs as well for a day yet."""
    secret = signatures.new_secret()
    endpoint.secret_before, endpoint.secret, endpoint.rotated_at = endpoint.secret, secret, now
    with transaction.atomic():
        endpoint.save(update_fields=["secret_before", "secret", "rotated_at"])
        audit.record(actor, "webhook_endpoint.secret_rotated", endpoint, id=endpoint.pk)
    return secret


def try_endpoint(actor: Actor, endpoint: WebhookEndpoint) -> Delivery:
    """Have an endpoint told that this is a test."""
    with transaction.atomic():
        delivery = outbox.tell_test(endpoint)
        audit.record(actor, "webhook_endpoint.tested", endpoint, id=endpoint.pk)
    return delivery


def replay_deliveries(actor: Actor, endpoint: WebhookEndpoint, deliveries: QuerySet[Delivery]) -> int:
    """Have an endpoint told these again; return how many."""
    with transaction.atomic():
        number = outbox.replay(deliveries)
        audit.record(actor, "webhook_endpoint.replayed", endpoint, id=endpoint.pk, count=number)
    return number


def _have_done(refusal: str) -> None:
    if refusal:
        raise GatewayRefused(refusal)


def _note(actor: Actor, action: str, device: Device, **details: Any) -> None:
    with transaction.atomic():
        audit.record(actor, action, device, id=device.pk, **details)


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
