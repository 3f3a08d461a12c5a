"""The one statement by which a runner settles with the database: what it did goes in, what it may do next comes out.

The runner is renewed and with it all its leases, outcomes are recorded and counted, recipients claimed, chunks closed
and devices let go, all under the fencing tokens. Only devices with something to settle are named.
One statement is one transaction: sent apart, its parts took seven round trips of a thread that must wait for Python's
lock after each, and twice PostgreSQL's time. It is prepared, and its arrays travel as text; it is planned anew
whenever the runner looks around (`plan_anew`).

`coalesce(…, false)` hides a condition from the planner. It takes the states it looks for to be rare, and would
read a whole table to begin with those few. What is asked of one row for each of many is a subquery, and no join: of
tables that have just grown it knows nothing, and would read all of them once for each.

Lock order, here as everywhere in the engine: runners, lanes, persons (`rules.often`), recipients, jobs; each by rising
id, persons by their keys.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.utils import timezone

from devices.health.correspondents import wrote_to
from devices.lane.leases import LOCKED, USABLE
from devices.phone_numbers import key_sql
from devices.prepared import Prepared, numbers
from jobs.exclusions.holding import LOADS_OF, named_in
from jobs.rules import often
from jobs.rules.binding import Limits
from jobs.sending.chunks import LISTS_OF
from jobs.sending.outcomes import Outcome
from jobs.sending.recording import (
    MOVE,
    MOVED,
    REMEMBER,
    Counted,
    count,
    given_outcomes,
    parameters_of,
    recipient_id_of,
)
from jobs.states import RecipientState, recipient_move

CLAIM = recipient_move(RecipientState.QUEUED, RecipientState.SENDING)

# Whoever said no since they were read is not claimed, and is read again. One look into an index each: as an EXISTS it
# would be planned for many at once, by reading the whole list.
NOT_BANNED = f"""(
      SELECT true FROM jobs_suppression AS suppression
      WHERE suppression.account_id = drawn.account_id AND suppression.phone_key = {key_sql("recipient.phone")}
    ) IS NULL"""  # noqa: S608 - constants
_MAY_BE_CLAIMED = f"""
    coalesce(recipient.state = '{CLAIM.source}' AND coalesce(recipient.due_at <= clock_timestamp(), true), false)
    AND {NOT_BANNED} AND NOT {named_in("drawn.loads", "recipient.phone")}
    AND (NOT drawn.is_locked OR {wrote_to("drawn.device_id", "recipient.phone")})"""


@dataclass(slots=True)
class Offer:
    """What goes in, as rows: ids are of devices, recipients, jobs and chunks."""

    runner_id: int
    held: Sequence[tuple[int, int]]  # device, token: all that the rest is about
    released: Sequence[tuple[int, float]] = ()  # device, seconds to its next slot
    drawn: Sequence[tuple[int, int, int]] = ()  # recipient, device, job: to be claimed
    limited: Mapping[int, Limits] = field(default_factory=dict)  # recipients of those who may be written to so often
    outcomes: Sequence[Outcome] = ()
    done: Sequence[tuple[int, int]] = ()  # chunk, device: through
    freed: Sequence[tuple[int, int, int]] = ()  # chunk, device, first position that is given back


class Claimed(NamedTuple):
    """Where a recipient stands that was claimed now."""

    tries_left: int
    is_in_doubt: bool  # an earlier try may have gone out
    tries: int


@dataclass(slots=True)
class Answer:
    """What comes out. Whatever concerns a device that is not in `held` was not done."""

    is_alive: bool  # the runner; a dead one has lost all its leases
    held: set[int]  # devices whose lease is ours still
    usable: set[int]  # of those, the ones that may still be sent through
    locked: set[int]  # of those, the ones that may write only to people who wrote to them: nobody else was claimed
    moved: set[int]  # recipients whose outcome was recorded now
    claimed: dict[tuple[int, int], Claimed]  # by (device, recipient)
    counted: list[Counted] = field(default_factory=list)


_STATEMENT = f"""
WITH runner AS (
  UPDATE devices_runner SET expires_at = clock_timestamp() + %(lease)s * interval '1 second' WHERE id = %(runner)s
  RETURNING id
), held AS MATERIALIZED (
  SELECT given.device_id FROM unnest(%(lanes)s::bigint[], %(tokens)s::bigint[]) AS given (device_id, token)
  WHERE (SELECT lane.token = given.token AND lane.runner_id = (SELECT id FROM runner)
         FROM devices_lane AS lane WHERE lane.device_id = given.device_id)
), released AS (
  UPDATE devices_lane AS lane
  SET runner_id = NULL, next_slot_at = clock_timestamp() + given.slot * interval '1 second'
  FROM unnest(%(released)s::bigint[], %(slots)s::float8[]) AS given (device_id, slot)
    JOIN (
      SELECT device_id FROM devices_lane WHERE device_id = ANY(%(released)s::bigint[])
      ORDER BY device_id FOR NO KEY UPDATE
    ) AS locked USING (device_id)
  WHERE lane.device_id = given.device_id AND given.device_id IN (SELECT device_id FROM held)
), standing AS MATERIALIZED (
  SELECT held.device_id AS id, (
    SELECT CASE WHEN {USABLE} THEN CASE WHEN {LOCKED} THEN 'locked' ELSE 'free' END END
    FROM devices_device AS device WHERE device.id = held.device_id
  ) AS device_is FROM held
), usable AS MATERIALIZED (
  SELECT id, device_is = 'locked' AS is_locked FROM standing WHERE device_is IS NOT NULL
), job AS MATERIALIZED (
  SELECT id, {LISTS_OF} AS account_id, {LOADS_OF} AS loads
  FROM jobs_job AS job WHERE id = ANY(%(jobs)s::bigint[]) AND status = 'processing'
), drawn AS MATERIALIZED (
  SELECT given.id, given.device_id, job.account_id, job.loads, usable.is_locked
  FROM unnest(%(drawn)s::bigint[], %(drawn_devices)s::bigint[], %(drawn_jobs)s::bigint[])
    AS given (id, device_id, job_id)
    JOIN job ON job.id = given.job_id JOIN usable ON usable.id = given.device_id
), {often.claimed(_MAY_BE_CLAIMED)}, claimed AS (
  UPDATE jobs_recipient AS recipient
  SET state = '{CLAIM.target}', device_id = drawn.device_id, tries = recipient.tries + 1, tried_at = clock_timestamp()
  FROM drawn WHERE recipient.id = drawn.id AND {_MAY_BE_CLAIMED} AND {often.MAY_GO}
  RETURNING recipient.device_id, recipient.id, recipient.tries_left, recipient.doubt_since IS NOT NULL AS in_doubt,
    recipient.tries
), new AS MATERIALIZED ({given_outcomes(RecipientState.SENDING)}
    AND given.device_id IN (SELECT device_id FROM held)
), moved AS ({MOVE}
  FROM new WHERE recipient.id = new.id
    AND coalesce(recipient.state = '{RecipientState.SENDING}' AND recipient.device_id = new.device_id, false)
  RETURNING {MOVED}
), {REMEMBER}, {count(after="(SELECT count(*) FROM claimed) >= 0")}, done AS (
  DELETE FROM jobs_chunk AS chunk USING unnest(%(done)s::bigint[], %(done_devices)s::bigint[]) AS given (id, device_id)
  WHERE chunk.id = given.id AND chunk.device_id = given.device_id AND given.device_id IN (SELECT device_id FROM held)
), freed AS (
  UPDATE jobs_chunk AS chunk SET device_id = NULL, "start" = given.first
  FROM unnest(%(freed)s::bigint[], %(freed_devices)s::bigint[], %(firsts)s::int[]) AS given (id, device_id, first)
  WHERE chunk.id = given.id AND chunk.device_id = given.device_id AND given.device_id IN (SELECT device_id FROM held)
)
SELECT EXISTS (SELECT FROM runner), ARRAY(SELECT device_id FROM held), ARRAY(SELECT id FROM usable),
  ARRAY(SELECT id FROM usable WHERE is_locked), ARRAY(SELECT id FROM moved),
  ARRAY(SELECT ARRAY[device_id, id, tries_left, in_doubt::int, tries] FROM claimed),
  counted.*
FROM (SELECT) AS always LEFT JOIN counted ON true
"""  # noqa: S608 - constants


_PREPARED = Prepared(_STATEMENT)


def exchange(offer: Offer) -> Answer:
    """Carry out the offer. Raises django.db.Error: then nothing is certain but what is in the rows."""
    held = _columns(sorted(offer.held), 2)
    released = _columns(sorted(offer.released), 2)
    drawn = _columns(sorted(offer.drawn), 3)
    done = _columns(sorted(offer.done), 2)
    freed = _columns(sorted(offer.freed), 3)
    parameters = {
        "lease": settings.LEASE_SECONDS,
        "runner": offer.runner_id,
        "lanes": numbers(held[0]),
        "tokens": numbers(held[1]),
        "released": numbers(released[0]),
        "slots": numbers(released[1]),
        "drawn": numbers(drawn[0]),
        "drawn_devices": numbers(drawn[1]),
        "drawn_jobs": numbers(drawn[2]),
        "jobs": numbers(set(drawn[2])),
        **often.parameters_of(dict(sorted(offer.limited.items()))),
        "at": timezone.now().isoformat(),
        **parameters_of(sorted(offer.outcomes, key=recipient_id_of)),
        "done": numbers(done[0]),
        "done_devices": numbers(done[1]),
        "freed": numbers(freed[0]),
        "freed_devices": numbers(freed[1]),
        "firsts": numbers(freed[2]),
    }
    rows = _PREPARED.rows(parameters)
    is_alive, held_now, usable, locked, moved, claimed = rows[0][:6]
    return Answer(
        is_alive=is_alive,
        held=set(held_now),
        usable=set(usable),
        locked=set(locked),
        moved=set(moved),
        claimed={
            (device_id, recipient_id): Claimed(tries_left, bool(in_doubt), tries)
            for device_id, recipient_id, tries_left, in_doubt, tries in claimed
        },
        counted=[Counted(*row[6:]) for row in rows if row[6] is not None],
    )


def plan_anew() -> None:
    """Have the statement planned for the tables as they are by now.

    A plan that was made when a table was small reads all of it, each time, once it is large.
    """
    with connection.cursor() as cursor:
        cursor.execute("DISCARD PLANS")


def _columns(rows: Sequence[tuple[Any, ...]], number: int) -> Sequence[Sequence[Any]]:
    return list(zip(*rows, strict=True)) or [()] * number
