"""Receipts written down: their recipients found and lifted, a batch at once, and counted in their jobs.

Lock order, here as everywhere in the engine: recipients, jobs; each by rising id. Recipients at whom somebody else is
just then are not waited for: what was said of them is parked for a second. So whoever locks recipients in another
order, a retry of thousands or a runner that answers for one and claims another, never waits for us in a circle. The
days of devices (`devices.health.days`) come last.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from devices.health import days
from devices.health.timelock import Told
from jobs.receipts import lifting
from jobs.receipts.counting import Change, count
from jobs.receipts.lifting import News, Standing
from jobs.sending.parts import NOBODY, Part
from jobs.states import RECIPIENT_OPEN, RecipientState, sql_list

Cursor = Any


class Message(NamedTuple):
    """A message as receipts know it."""

    device_id: int
    message_id: str


@dataclass(slots=True)
class Applied:
    """What a batch came to."""

    # Of nobody known, or of whom is being sent to again, or at whom somebody else is.
    parked: dict[Message, News] = field(default_factory=dict)
    job_ids: set[int] = field(default_factory=set)  # whose counters changed
    through: list[int] = field(default_factory=list)  # jobs in which nobody waits any more
    told: list[Told] = field(default_factory=list)  # who was refused or delivered to by this, in the order it came
    locked: list[int] = field(default_factory=list)  # devices that are found to be by this


class _Found(NamedTuple):
    """A recipient, locked."""

    recipient_id: int
    part: Part
    phone: str
    message_id: str  # of its last message
    sent_at: datetime | None
    standing: Standing


def apply(cursor: Cursor, said: Mapping[Message, News]) -> Applied:
    """Make of these messages' recipients what receipts say, in the caller's transaction."""
    applied = Applied()
    if not said:
        return applied
    # Of tables that have just grown the planner knows nothing, and would read all of them.
    cursor.execute("SET LOCAL enable_seqscan = off")
    owners = _owners(cursor, list(said))
    applied.parked = {message: news for message, news in said.items() if message not in owners}
    found = {one.recipient_id: one for one in _lock(cursor, set(owners.values()))}
    busy = _there(cursor, set(owners.values()) - set(found))
    lifted: dict[int, Standing] = {}
    by_device = days.TicksByMoment()
    for message, recipient_id in owners.items():
        news = said[message]
        recipient = found.get(recipient_id)
        if recipient is None:
            if recipient_id in busy:
                applied.parked[message] = news
            continue  # or its job was deleted
        if message.message_id != recipient.message_id:
            # Of an earlier try: that it arrived is true of the person; that it was refused, only of that try.
            news = news._replace(refused_at=None)
        if recipient.standing.state not in lifting.NOT_NOW:
            before = lifted.get(recipient_id, recipient.standing)
            lifted[recipient_id] = lifting.lift(before, news)
            if lifted[recipient_id] != before:
                _note(by_device, message.device_id, recipient.sent_at, before, lifted[recipient_id])
        elif news.delivered_at is not None or news.replied_at is not None:
            applied.parked[message] = news
    changed = {pk: now for pk, now in sorted(lifted.items()) if now != found[pk].standing}
    if changed:
        _write(cursor, changed)
        changes: dict[Part, Change] = defaultdict(Change)
        for pk, now in changed.items():
            changes[found[pk].part].add(found[pk].standing, now)
        applied.job_ids = {part.job_id for part in changes}
        applied.through = count(cursor, changes)
        days.note_ticks(cursor, by_device)
        applied.told = list(_told(said, owners, found, changed))
    return applied


def _told(
    said: Iterable[Message], owners: Mapping[Message, int], found: Mapping[int, _Found], changed: Mapping[int, Standing]
) -> Iterator[Told]:
    for message in said:
        recipient = found.get(owners.get(message, 0))
        now = changed.get(recipient.recipient_id) if recipient is not None else None
        if recipient is None or now is None:
            continue
        before = recipient.standing
        if now.delivered_at is not None and before.delivered_at is None:
            yield Told(message.device_id, recipient.phone, is_refused=False, sent_at=recipient.sent_at)
        elif now.failed_after_at is not None and before.failed_after_at is None:
            yield Told(message.device_id, recipient.phone, is_refused=True, sent_at=recipient.sent_at)


def _owners(cursor: Cursor, messages: Collection[Message]) -> dict[Message, int]:
    """Whose messages these are, as far as that is known: recipients' ids. One look into the index each."""
    cursor.execute(
        """
        SELECT * FROM (
            SELECT given.device_id, given.message_id, (
                SELECT sent.recipient_id FROM jobs_sentmessage AS sent
                WHERE sent.message_id = given.message_id AND sent.device_id = given.device_id LIMIT 1
            ) AS recipient_id
            FROM unnest(%s::bigint[], %s::text[]) AS given (device_id, message_id)
        ) AS asked WHERE recipient_id IS NOT NULL
        """,
        ([message.device_id for message in messages], [message.message_id for message in messages]),
    )
    return {Message(device_id, message_id): recipient_id for device_id, message_id, recipient_id in cursor.fetchall()}


def _lock(cursor: Cursor, recipient_ids: Collection[int]) -> list[_Found]:
    """Those at whom nobody else is."""
    cursor.execute(
        f"""
        SELECT id, job_id, coalesce(device_id, {NOBODY}), coalesce(variant, 0), phone, gateway_message_id, sent_at,
               state, error_code, delivered_at, read_at, played_at, failed_after_at, replied_at, doubt_since IS NOT NULL
        FROM jobs_recipient WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
        """,  # noqa: S608 - a constant
        (sorted(recipient_ids),),
    )
    return [
        _Found(pk, Part(job_id, device_id, variant), phone, message_id, sent_at, Standing(RecipientState(state), *rest))
        for pk, job_id, device_id, variant, phone, message_id, sent_at, state, *rest in cursor.fetchall()
    ]


def _there(cursor: Cursor, recipient_ids: Collection[int]) -> set[int]:
    """Which of these there are, whoever holds them."""
    if not recipient_ids:
        return set()
    cursor.execute("SELECT id FROM jobs_recipient WHERE id = ANY(%s)", (sorted(recipient_ids),))
    return {recipient_id for (recipient_id,) in cursor.fetchall()}


def _note(ticks: days.TicksByMoment, device_id: int, sent_at: datetime | None, before: Standing, now: Standing) -> None:
    """Count it for the device through which the message went; a refusal that was lifted is taken back."""
    if (moment := sent_at or now.delivered_at or now.failed_after_at) is None:
        return
    one = ticks.of(device_id, moment)
    one.delivered += (now.delivered_at is not None) - (before.delivered_at is not None)
    one.read += (now.read_at is not None) - (before.read_at is not None)
    one.refused += (now.failed_after_at is not None) - (before.failed_after_at is not None)


def _write(cursor: Cursor, changed: Mapping[int, Standing]) -> None:
    # Nobody who has it waits for anything any more: no look-up, and no retry.
    cursor.execute(
        f"""
        UPDATE jobs_recipient AS recipient
        SET state = new.state, error_code = new.error_code,
            due_at = CASE WHEN new.state IN ({sql_list(RECIPIENT_OPEN)}) THEN recipient.due_at END,
            sent_at = coalesce(recipient.sent_at, new.delivered_at), delivered_at = new.delivered_at,
            read_at = new.read_at, played_at = new.played_at, failed_after_at = new.failed_after_at,
            replied_at = new.replied_at
        FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[],
            %s::timestamptz[], %s::timestamptz[])
            AS new (id, state, error_code, delivered_at, read_at, played_at, failed_after_at, replied_at)
        WHERE recipient.id = new.id
        """,  # noqa: S608 - constants
        [
            list(changed),
            [now.state.value for now in changed.values()],
            [now.error_code for now in changed.values()],
            [now.delivered_at for now in changed.values()],
            [now.read_at for now in changed.values()],
            [now.played_at for now in changed.values()],
            [now.failed_after_at for now in changed.values()],
            [now.replied_at for now in changed.values()],
        ],
    )
