"""A wish to be left alone is obeyed where it arrives: in the transaction that keeps the event, before it is answered.

Whatever waits in the inbox, and whoever dies, nobody of the account is claimed for that number from then on.
"""

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.utils import timezone

from accounts.models import Account
from devices.gateway.base import Incoming
from devices.phone_numbers import key_of
from jobs import suppression
from jobs.replies import people
from jobs.replies.keywords import Keywords, Reading
from jobs.replies.people import Heard
from jobs.states import Wish

Cursor = Any

REMEMBERED_SECONDS: Final = 10.0
_words: dict[int, tuple[float, Keywords]] = {}


def words_of(account_id: int) -> Keywords:
    """An account's words, as they were within the last REMEMBERED_SECONDS."""
    now = time.monotonic()
    at, words = _words.get(account_id, (-REMEMBERED_SECONDS, Keywords()))
    if now - at >= REMEMBERED_SECONDS:
        given = Account.objects.filter(pk=account_id).values_list("opt_out_words", flat=True).first() or {}
        words = Keywords(given.get("added", ()), given.get("removed", ()), given.get("added_in", ()))
        _words[account_id] = (now, words)
    return words


def read(one: Heard) -> Reading:
    """What a message wishes. A picture's caption counts, a thumb under our message says nothing."""
    if one.message.kind == "reaction":
        return Reading(Wish.NONE)
    return words_of(one.account_id).read(one.message.text)


def at_the_door(cursor: Cursor, came: Iterable[tuple[int, Incoming]]) -> None:
    """Suppress who says so in these messages, (device, message) each, in the caller's transaction."""
    now = timezone.now()
    heard = heard_of(cursor, [Came(device_id, message, now) for device_id, message in came])
    obey(cursor, _new(cursor, [one for one in heard if read(one).wish is Wish.OUT]))


class Came(NamedTuple):
    """A message that came to a device."""

    device_id: int
    message: Incoming
    received_at: datetime


def heard_of(cursor: Cursor, came: Sequence[Came]) -> list[Heard]:
    """Whose messages these are; those of a device that is gone are nobody's."""
    cursor.execute(
        "SELECT id, account_id FROM devices_device WHERE id = ANY(%s) AND deleted_at IS NULL",
        (list({one.device_id for one in came}),),
    )
    accounts = dict(cursor.fetchall())
    # Messages from an absence carry an old time; one from the future is somebody's wrong clock.
    return [
        Heard(
            accounts[one.device_id],
            one.device_id,
            one.message,
            min(one.message.at or one.received_at, one.received_at),
        )
        for one in came
        if one.device_id in accounts
    ]


def obey(cursor: Cursor, leaving: Sequence[Heard]) -> None:
    """Put these people on their accounts' lists; those who are known by a LID alone wait for a person."""
    by_account: dict[int, list[suppression.Ban]] = {}
    for one in people.resolved(cursor, leaving) if leaving else ():
        if one.message.phone:
            by_account.setdefault(one.account_id, []).append(_ban(one.message.phone, one.at))
    for account_id, bans in sorted(by_account.items()):
        suppression.ban(account_id, bans)


def _new(cursor: Cursor, heard: Sequence[Heard]) -> list[Heard]:
    """Those that did not come before: whoever has agreed again since does not leave by the same words."""
    cursor.execute(
        """
        SELECT device_id, message_id, text FROM jobs_incomingmessage
        WHERE (device_id, message_id) IN (SELECT * FROM unnest(%s::bigint[], %s::text[]))
        """,
        ([one.device_id for one in heard], [one.message.message_id for one in heard]),
    )
    there = set(cursor.fetchall())
    return [one for one in heard if (one.device_id, one.message.message_id, one.message.text) not in there]


def _ban(phone: str, since: datetime) -> suppression.Ban:
    return suppression.Ban(phone, key_of(phone), reason_code=suppression.OPTED_OUT, since=since)
