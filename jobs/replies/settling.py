"""What only a person can say of a message: whose LID it is, and what a near miss meant."""

from django.db import connection, transaction
from django.db.models.functions import Now

from devices.gateway.base import Incoming
from devices.phone_numbers import key_of
from jobs.models import IncomingMessage
from jobs.replies import confirming, keeping, people
from jobs.replies.keywords import Reading
from jobs.replies.people import Heard
from jobs.states import Wish


def link(message: IncomingMessage, phone: str) -> int:
    """Say whose number ("+" and digits) the LID is that wrote this; return how many messages are theirs by that.

    They are what they would have been, had it been known at once: people who wrote, who answered the last message that
    they had, and whose last wish is obeyed.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        theirs = IncomingMessage.objects.for_account(message.account_id).filter(lid=message.lid, phone="")
        found = list(theirs.order_by("id").select_for_update())
        people.learn(cursor, [_heard(message, phone)])
        # A near miss among them still waits for a person to say what it meant.
        theirs.exclude(wish=Wish.NEAR_OUT).update(settled_at=Now())
        theirs.update(phone=phone, phone_key=key_of(phone))
        keeping.acquaint(cursor, [_heard(one, phone) for one in found])
        keeping.tie(cursor, [one.pk for one in found])
        wishes = [one for one in found if one.wish in (Wish.OUT, Wish.IN)]
        if wishes:
            # Of two in one second the opt-out counts.
            wished = max(wishes, key=lambda one: (one.at, one.wish == Wish.OUT, one.pk))
            confirming.confirm(keeping.obey(cursor, wished.pk, _heard(wished, phone), Reading(Wish(wished.wish))))
    return len(found)


def settle(message: IncomingMessage, *, leaves: bool) -> None:
    """Say of a near miss whether its sender `leaves`. Nothing more is asked of it then."""
    with transaction.atomic(), connection.cursor() as cursor:
        wish = Wish.OUT if leaves else Wish.NONE
        IncomingMessage.unscoped.filter(pk=message.pk).update(wish=wish, settled_at=Now())
        if leaves:
            said = keeping.obey(cursor, message.pk, _heard(message, message.phone), Reading(Wish.OUT))
            confirming.confirm(said)


def _heard(message: IncomingMessage, phone: str) -> Heard:
    told = Incoming(message.message_id, phone, message.lid, message.kind, message.text)
    return Heard(message.account_id, message.device_id, told, message.at)
