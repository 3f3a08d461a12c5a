"""What the pages of messages show. `message_admin` decides whose."""

from collections.abc import Sequence
from typing import Any, Final

from campaigns.contacts import inbox
from jobs.models import Answer, IncomingMessage, Suppression

MESSAGES_SHOWN: Final = 200  # of one person, each way


def listed(account_id: int, messages: Sequence[IncomingMessage]) -> list[dict[str, Any]]:
    """Messages with whose they are and what they answer."""
    beside = inbox.beside(account_id, messages)
    return [
        {
            "message": message,
            "contact": beside.contacts.get(message.phone_key),
            "answered": beside.answered.get(message.recipient_id or 0),
        }
        for message in messages
    ]


def conversation(message: IncomingMessage) -> dict[str, Any]:
    """All that this message's sender wrote, and what was answered, in the order of time."""
    rows = IncomingMessage.objects.for_account(message.account_id).select_related("device")
    theirs = rows.filter(phone_key=message.phone_key) if message.phone_key else rows.filter(lid=message.lid, phone="")
    came = list(theirs.order_by("-id")[:MESSAGES_SHOWN])
    answers: list[Answer] = []
    if message.phone_key:
        ours = Answer.objects.for_account(message.account_id).filter(phone_key=message.phone_key)
        answers = list(ours.select_related("job__created_by").order_by("-id")[:MESSAGES_SHOWN])
    theirs_listed = listed(message.account_id, came)
    lines = [{"at": one["message"].at, **one} for one in theirs_listed]
    lines += [{"at": one.created_at, "answer": one} for one in answers]
    return {
        "message": message,
        "contact": theirs_listed[0]["contact"] if theirs_listed else None,  # of one person: all have the same
        "lines": sorted(lines, key=lambda line: line["at"]),
        "waiting": [one for one in reversed(came) if one.waits],
        "is_suppressed": bool(message.phone_key)
        and Suppression.objects.for_account(message.account_id).filter(phone_key=message.phone_key).exists(),
        "device": message.device,
    }
