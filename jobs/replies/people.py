"""Who somebody is: WhatsApp names people by their number or by a LID, and shows the pair only now and then.

What an event tells of both is kept. Who is known by a LID alone is found by that, or by the message of ours that they
quote.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from devices.gateway.base import Incoming
from devices.phone_numbers import key_of

Cursor = Any


class Heard(NamedTuple):
    """A message that came to a device of an account."""

    account_id: int
    device_id: int
    message: Incoming
    at: datetime  # when it was written


def learn(cursor: Cursor, heard: Iterable[Heard]) -> None:
    """Keep each pair of a number and a LID that was told; of two numbers with one LID, the one told last."""
    told = [one for one in heard if one.message.lid and one.message.phone]
    pairs = dict(sorted({(one.account_id, one.message.lid): one.message.phone for one in told}.items()))
    if not pairs:
        return
    cursor.execute(
        """
        INSERT INTO jobs_identity AS known (account_id, lid, phone, phone_key)
        SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[])
        ON CONFLICT (account_id, lid) DO UPDATE
        SET phone = excluded.phone, phone_key = excluded.phone_key, learned_at = clock_timestamp()
        WHERE known.phone <> excluded.phone
        """,
        (
            [account_id for account_id, _ in pairs],
            [lid for _, lid in pairs],
            list(pairs.values()),
            [key_of(phone) for phone in pairs.values()],
        ),
    )


def resolved(cursor: Cursor, heard: Sequence[Heard]) -> list[Heard]:
    """The same messages, with the numbers of those who were told by LID alone, as far as they are known by now."""
    nameless = [one for one in heard if not one.message.phone]
    if not nameless:
        return list(heard)
    phones = _by_lid(cursor, nameless)
    by_quote = _by_quote(cursor, [one for one in nameless if (one.account_id, one.message.lid) not in phones])
    found = []
    for one in heard:
        phone = (
            one.message.phone
            or phones.get((one.account_id, one.message.lid))
            or by_quote.get((one.device_id, one.message.quoted_id), "")
        )
        found.append(one._replace(message=one.message._replace(phone=phone)))
    return found


def _by_lid(cursor: Cursor, heard: Iterable[Heard]) -> dict[tuple[int, str], str]:
    named = {(one.account_id, one.message.lid) for one in heard if one.message.lid}
    cursor.execute(
        """
        SELECT account_id, lid, phone FROM jobs_identity
        WHERE (account_id, lid) IN (SELECT * FROM unnest(%s::bigint[], %s::text[]))
        """,
        ([account_id for account_id, _ in named], [lid for _, lid in named]),
    )
    return {(account_id, lid): phone for account_id, lid, phone in cursor.fetchall()}


def _by_quote(cursor: Cursor, heard: Iterable[Heard]) -> Mapping[tuple[int, str], str]:
    quoted = {(one.device_id, one.message.quoted_id) for one in heard if one.message.quoted_id}
    if not quoted:
        return {}
    cursor.execute(
        """
        SELECT given.device_id, given.message_id, recipient.phone
        FROM unnest(%s::bigint[], %s::text[]) AS given (device_id, message_id)
            JOIN jobs_sentmessage AS sent USING (device_id, message_id)
            JOIN jobs_recipient AS recipient ON recipient.id = sent.recipient_id
        """,
        ([device_id for device_id, _ in quoted], [message_id for _, message_id in quoted]),
    )
    return {(device_id, message_id): phone for device_id, message_id, phone in cursor.fetchall()}
