"""A wish to be left alone is obeyed where it arrives: in the transaction that keeps the event, before it is answered.

Whatever waits in the inbox, and whoever dies, nobody of the account is claimed for that number from then on.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.utils import timezone

from accounts.models import Account
from devices.gateway.base import Incoming
from devices.models import Device
from devices.phone_numbers import key_of
from jobs import suppression
from jobs.replies import people
from jobs.replies.keywords import Keywords, Reading
from jobs.replies.people import Heard
from jobs.states import Wish

Cursor = Any

REMEMBERED_SECONDS: Final = 10.0
YES_COUNTS_FOR: Final = timedelta(days=1)  # after an opt-out
MOST_REMEMBERED: Final = 10_000
_words: dict[int, tuple[float, Keywords]] = {}
_accounts: dict[int, tuple[float, int]] = {}  # by device: until when it is remembered (monotonic), and whose it is


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


def at_the_door(came: Sequence[tuple[int, Incoming]]) -> Callable[[Cursor], None] | None:
    """What suppresses those who say so in these messages, (device, message) each; None where nobody does.

    Whose a device is never changes, and is remembered: mostly the database is asked nothing.
    """
    now = timezone.now()
    accounts = _accounts_of({device_id for device_id, _ in came})
    heard = _heard(accounts, [Came(device_id, message, now) for device_id, message in came])
    leaving = [one for one in heard if read(one).wish is Wish.OUT]
    if not leaving:
        return None

    def suppress(cursor: Cursor) -> None:
        obey(cursor, _new(cursor, leaving))

    return suppress


def _accounts_of(device_ids: Collection[int]) -> dict[int, int]:
    """Whose these devices are; those that are gone are nobody's, sooner or later."""
    now = time.monotonic()
    known = {pk: accounts for pk in device_ids if (accounts := _accounts.get(pk)) and now < accounts[0]}
    if unknown := set(device_ids) - set(known):
        if len(_accounts) >= MOST_REMEMBERED:
            _accounts.clear()
        found = Device.unscoped.present().filter(pk__in=unknown).values_list("pk", "account_id")
        known |= {pk: (now + REMEMBERED_SECONDS, account_id) for pk, account_id in found}
        _accounts.update(known)
    return {pk: account_id for pk, (_, account_id) in known.items()}


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
    return _heard(dict(cursor.fetchall()), came)


def _heard(accounts: Mapping[int, int], came: Sequence[Came]) -> list[Heard]:
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


def obey(cursor: Cursor, leaving: Sequence[Heard]) -> list[Heard]:
    """Put these people on their accounts' lists; return whom. Those who are known by a LID alone wait for a person, and
    whoever came back later has come back: messages are told late, and in any order."""
    if not leaving:
        return []
    named = [one for one in people.resolved(cursor, leaving) if one.message.phone]
    back = _back_since(cursor, named)
    gone = [one for one in named if (one.account_id, key_of(one.message.phone), one.at) not in back]
    by_account: dict[int, list[suppression.Ban]] = {}
    for one in sorted(gone, key=lambda one: one.at, reverse=True):  # of several the last counts
        by_account.setdefault(one.account_id, []).append(_ban(one.message.phone, one.at))
    for account_id, bans in sorted(by_account.items()):
        suppression.ban(account_id, bans, said_again=True)
    return gone


def _back_since(cursor: Cursor, leaving: Sequence[Heard]) -> set[tuple[int, str, datetime]]:
    """Which of these, (account, key, when they left), wrote later that they want messages again."""
    cursor.execute(
        """
        SELECT given.account_id, given.phone_key, given.at
        FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS given (account_id, phone_key, at)
        WHERE EXISTS (
            SELECT FROM jobs_incomingmessage AS later
            WHERE later.account_id = given.account_id AND later.phone_key = given.phone_key AND later.at > given.at
              AND (later.wish = %s OR later.wish = %s AND later.at <= given.at + %s * interval '1 second')
        )
        """,
        (
            [one.account_id for one in leaving],
            [key_of(one.message.phone) for one in leaving],
            [one.at for one in leaving],
            Wish.IN,
            Wish.IN_AFTER_OUT,
            YES_COUNTS_FOR.total_seconds(),
        ),
    )
    return set(cursor.fetchall())


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
