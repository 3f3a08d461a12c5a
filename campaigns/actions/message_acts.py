"""What a person does with messages that came: one function an act, with its one audit entry (see `jobs.actions`)."""

from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from devices.models import Device
from devices.phone_numbers import key_of
from jobs.erasing import erased
from jobs.models import IncomingMessage, Job, JobPurpose, Suppression
from jobs.replies import answering, settling
from jobs.tasks import start_job


class NeverWrote(Exception):
    """Nobody with this number has written to a device that there still is."""


class WantsNone(Exception):
    """The number is suppressed, or its owner was erased and has not asked for messages since."""


class NotAsked(Exception):
    """There is nothing to say of this message: its sender is known, and it is no near miss."""


def answer(actor: Actor, phone: str, text: str, device: Device | None = None) -> Job:
    """Write to somebody who has written, through the device they last wrote to, or this one.

    Raises NeverWrote and WantsNone.
    """
    key = key_of(phone)
    theirs = IncomingMessage.objects.for_account(actor.account).filter(phone_key=key, device__deleted_at=None)
    if device is not None:
        theirs = theirs.filter(device=device)
    last = theirs.order_by("-id").first()
    if last is None:
        raise NeverWrote
    if Suppression.objects.for_account(actor.account).filter(phone_key=key).exists():
        raise WantsNone
    with transaction.atomic():
        if erased.is_erased(actor.account.pk, phone):
            raise WantsNone
        job = answering.write_to(actor.account.pk, last.device_id, last.phone, text, JobPurpose.ANSWER, actor.user)
        audit.record(actor, "message.answered", "message", id=last.pk, job=str(job.uuid), device=last.device_id)
        transaction.on_commit(lambda: start_job.delay(job.pk), robust=True)
    return job


def link(actor: Actor, message: IncomingMessage, phone: str) -> int:
    """Say whose number ("+" and digits) the LID is that wrote this; return how many messages are theirs by that.

    Raises NotAsked.
    """
    if message.phone or not message.lid:
        raise NotAsked
    with transaction.atomic():
        linked = settling.link(message, phone)
        audit.record(actor, "message.linked", "message", id=message.pk, messages=linked)
    return linked


def settle(actor: Actor, message: IncomingMessage, *, leaves: bool) -> None:
    """Say what a near miss meant. Raises NotAsked."""
    if not message.waits or not message.phone:
        raise NotAsked
    with transaction.atomic():
        settling.settle(message, leaves=leaves)
        audit.record(actor, "message.settled", "message", id=message.pk, leaves=leaves)
