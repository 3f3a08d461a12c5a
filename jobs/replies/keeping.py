"""Messages that came, kept: each once, under the number of who wrote it, tied to what it answers, its wish obeyed.

In the transaction that works the inbox's batch: whoever is killed leaves all of it to the next.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from devices.health import correspondents
from devices.health.correspondents import Wrote
from devices.phone_numbers import key_of
from jobs import suppression
from jobs.erasing import erased
from jobs.replies import opting_out, people
from jobs.replies.keywords import Reading
from jobs.replies.people import Heard
from jobs.states import Wish

Cursor = Any

ONE_SECOND: Final = timedelta(seconds=1)


class Said(NamedTuple):
    """A wish that was obeyed now."""

    message_row: int  # of jobs_incomingmessage
    account_id: int
    device_id: int
    phone: str  # "+" and digits
    wish: Wish  # OUT or IN
    languages: frozenset[str]
    at: datetime


class Answered(NamedTuple):
    """A message of ours that somebody answered, as receipts know it."""

    device_id: int
    message_id: str
    at: datetime
    is_quoted: bool  # else it was the last that they had


class _Row(NamedTuple):
    """Of jobs_incomingmessage."""

    id: int
    answered_id: str = ""


@dataclass(slots=True)
class Kept:
    """What a batch came to."""

    obeyed: list[Said] = field(default_factory=list)
    answered: list[Answered] = field(default_factory=list)


# What a message, `given`, answers: what it quotes, else the last message that its sender had from the device when they
# wrote. Clocks differ; and the recipient is looked up by itself, or it would be planned for many.
_ANSWERED: Final = """
    LEFT JOIN LATERAL (
        (
            SELECT sent.recipient_id, sent.message_id FROM jobs_sentmessage AS sent
            WHERE sent.device_id = given.device_id AND sent.message_id = given.quoted_id
              AND given.quoted_id <> '' LIMIT 1
        ) UNION ALL (
            SELECT sent.recipient_id, sent.message_id FROM jobs_sentmessage AS sent
            WHERE sent.device_id = given.device_id AND sent.phone_key = given.phone_key
              AND sent.phone_key <> '' AND coalesce((
                SELECT sent_at FROM jobs_recipient AS recipient WHERE recipient.id = sent.recipient_id
              ), '-infinity') < given.at + interval '5 minutes'
            ORDER BY sent.recipient_id DESC LIMIT 1
        ) LIMIT 1
    ) AS answered ON true
"""

# Told, in the transaction, of whom wrote and of each wish that was obeyed: the apps above keep people, too.
who_reads: list[Callable[[Sequence[Heard]], None]] = []
who_hears: list[Callable[[Sequence[Said]], None]] = []
# Likewise, of messages of ours that are known to be answered only now.
who_is_answered: list[Callable[[Cursor, Sequence[Answered]], None]] = []


def keep(cursor: Cursor, heard: Sequence[Heard]) -> Kept:
    """Keep these messages, in the order in which they came. An edit changes the message that it is of."""
    kept = Kept()
    if not heard:
        return kept
    heard = _not_forgotten(heard)
    people.learn(cursor, heard)
    named = _not_forgotten(people.resolved(cursor, heard))
    acquaint(cursor, [one for one in named if one.message.phone])
    readings = [opting_out.read(one) for one in named]
    rows = _written(cursor, named, readings)
    for one, reading in zip(named, readings, strict=True):
        row = rows.pop((one.device_id, one.message.message_id, one.message.is_edit), None)
        if row is None:
            continue  # it came before
        if row.answered_id and one.message.kind != "reaction":
            is_quoted = row.answered_id == one.message.quoted_id
            kept.answered.append(Answered(one.device_id, row.answered_id, one.at, is_quoted))
        if one.message.phone:
            kept.obeyed += obey(cursor, row.id, one, reading)
    return kept


def _not_forgotten(heard: Sequence[Heard]) -> list[Heard]:
    """Those without what people wrote before they were erased, which a gateway's store may tell again."""
    said: dict[int, set[tuple[str, datetime]]] = {}
    for one in heard:
        if one.message.phone:
            said.setdefault(one.account_id, set()).add((key_of(one.message.phone), one.at))
    gone = {(account_id, *what) for account_id in said for what in erased.came_before(account_id, said[account_id])}
    if not gone:
        return list(heard)
    return [one for one in heard if (one.account_id, key_of(one.message.phone), one.at) not in gone]


def acquaint(cursor: Cursor, named: Sequence[Heard]) -> None:
    """Note that these people, whose numbers are known, have written."""
    correspondents.note(cursor, [Wrote(one.device_id, one.message.phone, one.at) for one in named])
    for reads in who_reads:
        reads(named)


def tie(cursor: Cursor, rows: Sequence[int]) -> None:
    """Find out what messages, rows of ours whose senders are known only now, answer; and tell who counts it."""
    cursor.execute(
        f"""
        UPDATE jobs_incomingmessage AS message
        SET recipient_id = answered.recipient_id, answered_id = answered.message_id
        FROM jobs_incomingmessage AS given {_ANSWERED}
        WHERE message.id = given.id AND given.id = ANY(%s) AND given.answered_id = '' AND answered.message_id <> ''
        RETURNING given.device_id, answered.message_id, given.at, given.quoted_id = answered.message_id, given.kind
        """,  # noqa: S608 - a constant
        (list(rows),),
    )
    answered = [Answered(*row) for *row, kind in cursor.fetchall() if kind != "reaction"]
    for hears in who_is_answered:
        hears(cursor, answered)


def obey(cursor: Cursor, row: int, one: Heard, reading: Reading) -> list[Said]:
    """Do what a message wishes, and tell whoever keeps people, too; return what was done: one thing, or nothing."""
    said = _obeyed(cursor, row, one, reading)
    if said is None:
        return []
    for hears in who_hears:
        hears([said])
    return [said]


def _obeyed(cursor: Cursor, row: int, one: Heard, reading: Reading) -> Said | None:
    """Do what the message wishes; None where it wishes nothing, or nothing changes by it."""
    message, account_id = one.message, one.account_id
    key = key_of(message.phone)
    if reading.wish is Wish.OUT:
        if not opting_out.obey(cursor, [one]):  # it was done at the door, mostly
            return None
        return Said(row, account_id, one.device_id, message.phone, Wish.OUT, reading.languages, one.at)
    wants_back = reading.wish is Wish.IN or (
        reading.wish is Wish.IN_AFTER_OUT and _left_since(cursor, account_id, key, one.at - opting_out.YES_COUNTS_FOR)
    )
    if not wants_back:
        return None
    # An erasure, too: who writes this themselves agrees, and that is later than what they asked for then.
    was_erased = erased.lift(account_id, key, one.at + ONE_SECOND)
    # WhatsApp's times are whole seconds, and messages come in any order: of two in one second the opt-out counts.
    if suppression.lift_before(account_id, {key: one.at}) or was_erased:
        return Said(row, account_id, one.device_id, message.phone, Wish.IN, reading.languages, one.at)
    return None


def _left_since(cursor: Cursor, account_id: int, phone_key: str, since: datetime) -> bool:
    cursor.execute(
        """
        SELECT EXISTS (
            SELECT FROM jobs_suppression
            WHERE account_id = %s AND phone_key = %s AND reason_code = %s AND coalesce(since, created_at) >= %s
        )
        """,
        (account_id, phone_key, suppression.OPTED_OUT, since),
    )
    return bool(cursor.fetchone()[0])


def _written(cursor: Cursor, heard: Sequence[Heard], readings: Sequence[Reading]) -> dict[tuple[int, str, bool], _Row]:
    """Insert what is new and change what is edited; return the rows of those, by device, message id and edit.

    An edit of what never came is kept as if it had.
    """
    new: dict[tuple[int, str, bool], tuple[Heard, Reading]] = {}
    for one, reading in zip(heard, readings, strict=True):
        new.setdefault((one.device_id, one.message.message_id, one.message.is_edit), (one, reading))
    inserted = _insert(cursor, {key[:2]: pair for key, pair in reversed(new.items())})
    rows = {}
    for device_id, message_id, is_edit in new:
        row = inserted.pop((device_id, message_id), None)
        if row is None and is_edit:
            row = _edit(cursor, *new[device_id, message_id, is_edit])
        if row is not None:
            rows[device_id, message_id, is_edit] = row
    return rows


def _edit(cursor: Cursor, one: Heard, reading: Reading) -> _Row | None:
    """Change a message's text; None where it reads so already."""
    cursor.execute(
        """
        UPDATE jobs_incomingmessage SET text = %(text)s, wish = %(wish)s, edited_at = clock_timestamp()
        WHERE device_id = %(device)s AND message_id = %(message)s AND text <> %(text)s RETURNING id
        """,
        {
            "text": one.message.text,
            "wish": reading.wish.value,
            "device": one.device_id,
            "message": one.message.message_id,
        },
    )
    found = cursor.fetchone()
    return None if found is None else _Row(found[0])


def _insert(cursor: Cursor, new: Mapping[tuple[int, str], tuple[Heard, Reading]]) -> dict[tuple[int, str], _Row]:
    """Insert those that there are not; return their rows. What one answers is what it quotes, else the last message
    that its sender had from the device."""
    rows = [
        (
            one.account_id,
            one.device_id,
            one.message.message_id,
            one.message.phone,
            key_of(one.message.phone) if one.message.phone else "",
            one.message.lid,
            one.message.name,
            one.message.kind,
            one.message.text,
            one.message.quoted_id,
            one.at,
            reading.wish.value,
        )
        for one, reading in reversed(list(new.values()))
    ]
    cursor.execute(
        f"""
        INSERT INTO jobs_incomingmessage (account_id, device_id, message_id, phone, phone_key, lid, name, kind, text,
            quoted_id, at, wish, recipient_id, answered_id)
        SELECT given.*, answered.recipient_id, coalesce(answered.message_id, '')
        FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
            %s::text[], %s::text[], %s::timestamptz[], %s::text[])
            AS given (account_id, device_id, message_id, phone, phone_key, lid, name, kind, text, quoted_id, at, wish)
            {_ANSWERED}
        ON CONFLICT (device_id, message_id) DO NOTHING
        RETURNING device_id, message_id, id, answered_id
        """,  # noqa: S608 - a constant
        [list(column) for column in zip(*rows, strict=True)] or [[]] * 12,
    )
    return {(device_id, message_id): _Row(*row) for device_id, message_id, *row in cursor.fetchall()}
