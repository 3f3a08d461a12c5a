"""The one statement by which a runner settles with the database: what it did goes in, what it may do next comes out.

Leases are renewed, outcomes recorded and counted, recipients claimed and chunks closed, all under the fencing
tokens. One statement is one transaction: sent apart, its parts took seven round trips of a thread that must
wait for Python's lock after each, and twice PostgreSQL's time. It is prepared, and its arrays travel as text.

`coalesce(…, false)` hides a condition from the planner. It takes the states it looks for to be rare, and would
read a whole table to begin with those few.

Lock order, here as everywhere in the engine: lanes, recipients, jobs; each by rising id.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import connection

from devices.leases import IN_ORDER, USABLE
from jobs.sending.outcomes import Outcome
from jobs.states import RECIPIENT_OPEN, RECIPIENT_SENT


@dataclass(slots=True)
class Offer:
    """What goes in, as rows: ids are of devices, recipients, jobs and chunks."""

    held: Sequence[tuple[int, int, float, bool]]  # device, token, seconds to the next slot, is it released
    drawn: Sequence[tuple[int, int, int]] = ()  # recipient, device, job: to be claimed
    outcomes: Sequence[Outcome] = ()
    done: Sequence[tuple[int, int]] = ()  # chunk, device: through
    freed: Sequence[tuple[int, int, int]] = ()  # chunk, device, first position that is given back


@dataclass(frozen=True, slots=True)
class Counted:
    """A job's counters after this exchange."""

    job_id: int
    uuid: UUID
    total: int
    sent: int
    failed: int


@dataclass(slots=True)
class Answer:
    """What comes out. Whatever concerns a device that is not in `held` was not done."""

    held: set[int]  # devices whose lease is ours still
    usable: set[int]  # of those, the ones that may still be sent through
    moved: set[int]  # recipients whose outcome was recorded now
    claimed: dict[tuple[int, int], int]  # (device, recipient): tries left
    counted: list[Counted] = field(default_factory=list)


def _names(states: Iterable[str]) -> str:
    return ", ".join(f"'{state}'" for state in sorted(states))


_STATEMENT = f"""
WITH held AS (
  UPDATE devices_lane AS lane
  SET expires_at = CASE WHEN NOT given.released THEN clock_timestamp() + %(lease)s * interval '1 second' END,
    next_slot_at = clock_timestamp() + given.slot * interval '1 second',
    holder = CASE WHEN given.released THEN '' ELSE lane.holder END
  FROM unnest(%(lanes)s::bigint[], %(tokens)s::bigint[], %(slots)s::float8[], %(released)s::bool[])
    AS given (device_id, token, slot, released)
    JOIN {IN_ORDER} AS locked USING (device_id)
  WHERE lane.device_id = given.device_id AND lane.token = given.token
  RETURNING lane.device_id
), usable AS MATERIALIZED (
  SELECT device.id FROM held JOIN devices_device AS device ON device.id = held.device_id WHERE {USABLE}
), drawn AS MATERIALIZED (
  SELECT given.* FROM unnest(%(drawn)s::bigint[], %(drawn_devices)s::bigint[], %(drawn_jobs)s::bigint[])
    AS given (id, device_id, job_id)
  WHERE given.device_id IN (SELECT id FROM usable)
    AND given.job_id = ANY(ARRAY(
      SELECT id FROM jobs_job WHERE id = ANY(%(jobs)s::bigint[]) AND status = 'processing'))
), claimed AS (
  UPDATE jobs_recipient AS recipient
  SET state = 'sending', device_id = drawn.device_id, tries = recipient.tries + 1, tried_at = clock_timestamp()
  FROM drawn WHERE recipient.id = drawn.id
    AND coalesce(recipient.state = 'queued' AND coalesce(recipient.due_at <= clock_timestamp(), true), false)
  RETURNING recipient.device_id, recipient.id, recipient.tries_left
), new AS MATERIALIZED (
  SELECT given.* FROM unnest(%(ids)s::bigint[], %(devices)s::bigint[], %(states)s::text[], %(codes)s::text[],
      %(messages)s::text[], %(dues)s::float8[], %(unsent)s::int[], %(risked)s::int[], %(spent)s::int[])
    AS given (id, device_id, state, error_code, message_id, due, unsent, risked, spent)
  WHERE given.device_id IN (SELECT device_id FROM held)
), moved AS (
  UPDATE jobs_recipient AS recipient
  SET state = new.state, error_code = new.error_code, gateway_message_id = new.message_id,
    due_at = clock_timestamp() + new.due * interval '1 second',
    unsent_tries = recipient.unsent_tries + new.unsent,
    accepted_risks = recipient.accepted_risks + new.risked,
    tries_left = greatest(recipient.tries_left - new.spent, 0),
    sent_at = CASE WHEN new.state = 'sent' THEN clock_timestamp() END
  FROM new WHERE recipient.id = new.id
    AND coalesce(recipient.state = 'sending' AND recipient.device_id = new.device_id, false)
  RETURNING recipient.id, recipient.job_id, recipient.state
), ended AS MATERIALIZED (
  SELECT job_id, count(*) FILTER (WHERE state IN ({_names(RECIPIENT_SENT)})) AS sent, count(*) AS number
  FROM moved WHERE state NOT IN ({_names(RECIPIENT_OPEN)}) GROUP BY job_id
), locked AS MATERIALIZED (
  SELECT id FROM jobs_job WHERE id IN (SELECT job_id FROM ended) ORDER BY id FOR NO KEY UPDATE
), counted AS (
  UPDATE jobs_job AS job
  SET sent = job.sent + ended.sent, failed = job.failed + ended.number - ended.sent, updated_at = clock_timestamp()
  FROM ended JOIN locked ON locked.id = ended.job_id WHERE job.id = ended.job_id
  RETURNING job.id, job.uuid, job.total, job.sent, job.failed
), done AS (
  DELETE FROM jobs_chunk AS chunk USING unnest(%(done)s::bigint[], %(done_devices)s::bigint[]) AS given (id, device_id)
  WHERE chunk.id = given.id AND chunk.device_id = given.device_id AND given.device_id IN (SELECT device_id FROM held)
), freed AS (
  UPDATE jobs_chunk AS chunk SET device_id = NULL, "start" = given.first
  FROM unnest(%(freed)s::bigint[], %(freed_devices)s::bigint[], %(firsts)s::int[]) AS given (id, device_id, first)
  WHERE chunk.id = given.id AND chunk.device_id = given.device_id AND given.device_id IN (SELECT device_id FROM held)
)
SELECT ARRAY(SELECT device_id FROM held), ARRAY(SELECT id FROM usable), ARRAY(SELECT id FROM moved),
  ARRAY(SELECT ARRAY[device_id, id, tries_left] FROM claimed), counted.*
FROM (SELECT) AS always LEFT JOIN counted ON true
"""  # noqa: S608 - constants


def exchange(offer: Offer) -> Answer:
    """Carry out the offer. Raises django.db.Error: then nothing is certain but what is in the rows."""
    held = _columns(sorted(offer.held), 4)
    drawn = _columns(sorted(offer.drawn), 3)
    outcomes = sorted(offer.outcomes, key=_recipient_id)
    done = _columns(sorted(offer.done), 2)
    freed = _columns(sorted(offer.freed), 3)
    parameters = {
        "lease": settings.LEASE_SECONDS,
        "lanes": _numbers(held[0]),
        "tokens": _numbers(held[1]),
        "slots": _numbers(held[2]),
        "released": _numbers(held[3]),
        "drawn": _numbers(drawn[0]),
        "drawn_devices": _numbers(drawn[1]),
        "drawn_jobs": _numbers(drawn[2]),
        "jobs": _numbers(set(drawn[2])),
        "ids": _numbers([outcome.claim.recipient_id for outcome in outcomes]),
        "devices": _numbers([outcome.claim.device_id for outcome in outcomes]),
        "states": _texts([outcome.state.value for outcome in outcomes]),
        "codes": _texts([outcome.error_code for outcome in outcomes]),
        "messages": _texts([outcome.gateway_message_id for outcome in outcomes]),
        "dues": _numbers(
            ["NULL" if outcome.due_in_seconds is None else outcome.due_in_seconds for outcome in outcomes]
        ),
        "unsent": _numbers([int(outcome.proven_unsent) for outcome in outcomes]),
        "risked": _numbers([int(outcome.risk_accepted) for outcome in outcomes]),
        "spent": _numbers([outcome.tries_spent for outcome in outcomes]),
        "done": _numbers(done[0]),
        "done_devices": _numbers(done[1]),
        "freed": _numbers(freed[0]),
        "freed_devices": _numbers(freed[1]),
        "firsts": _numbers(freed[2]),
    }
    rows = _execute(parameters)
    held_now, usable, moved, claimed = rows[0][:4]
    return Answer(
        held=set(held_now),
        usable=set(usable),
        moved=set(moved),
        claimed={(device_id, recipient_id): tries_left for device_id, recipient_id, tries_left in claimed},
        counted=[Counted(*row[4:]) for row in rows if row[4] is not None],
    )


def _execute(parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    # Not Django's cursor: it puts the values into the text, which PostgreSQL then reads and plans each time.
    connection.ensure_connection()
    connection.connection.prepare_threshold = 0  # Django forbids preparing
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(_STATEMENT, parameters, prepare=True)
        return cursor.fetchall()


def _recipient_id(outcome: Outcome) -> int:
    return outcome.claim.recipient_id


def _columns(rows: Sequence[tuple[Any, ...]], number: int) -> Sequence[Sequence[Any]]:
    return list(zip(*rows, strict=True)) or [()] * number


def _numbers(values: Iterable[Any]) -> str:
    """An array literal of what needs no quotes."""
    return "{" + ",".join(map(str, values)) + "}"


def _texts(values: Sequence[str]) -> str:
    """An array literal of texts."""
    if not values:
        return "{}"
    joined = '","'.join(values)
    if "\\" in joined or joined.count('"') != 2 * (len(values) - 1):
        joined = '","'.join(value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return '{"' + joined + '"}'
