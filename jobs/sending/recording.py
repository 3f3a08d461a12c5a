"""How an outcome is written down: one encoding, one UPDATE of its recipient, one addition to its job's counters.

`exchange` builds these pieces into the runners' statement; look-ups, and those who are left out, go through `record`.
Arrays travel as text, which psycopg need not take apart.

Lock order, here as everywhere in the engine: lanes, recipients, jobs; each by rising id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from django.db import DataError, IntegrityError, connection, transaction

from devices.phone_numbers import key_sql
from devices.prepared import numbers, texts
from jobs.sending.outcomes import UNRECORDABLE, Outcome
from jobs.states import RECIPIENT_MOVES, RECIPIENT_OPEN, RECIPIENT_SENT, RecipientState, sql_list

log = structlog.get_logger(__name__)

Cursor = Any


@dataclass(frozen=True, slots=True)
class Counted:
    """A job's counters after outcomes were recorded."""

    job_id: int
    uuid: UUID
    total: int
    sent: int
    failed: int


def given_outcomes(source: RecipientState) -> str:
    """The rows of `parameters_of`: of them, what a recipient in `source` may become."""
    return f"""
  SELECT given.* FROM unnest(%(ids)s::bigint[], %(devices)s::bigint[], %(states)s::text[], %(codes)s::text[],
      %(messages)s::text[], %(dues)s::float8[], %(unsent)s::int[], %(risked)s::int[], %(spent)s::int[])
    AS given (id, device_id, state, error_code, message_id, due, unsent, risked, spent)
  WHERE given.state IN ({sql_list(RECIPIENT_MOVES[source])})"""  # noqa: S608 - constants


# A look-up that finds nothing proves it of every try so far.
_ALL_PROVEN = f"new.unsent = 1 AND recipient.state = '{RecipientState.AMBIGUOUS}'"
_NEW_DOUBT = f"new.unsent = 0 AND new.state = '{RecipientState.AMBIGUOUS}'"
# What nobody may be called who may have got the message.
_UNSENT = sql_list({RecipientState.FAILED, RecipientState.CANCELLED, RecipientState.SUPPRESSED})

# Give each recipient what `new` says of it; a condition of where it stands must follow.
MOVE = f"""
  UPDATE jobs_recipient AS recipient
  SET state = CASE WHEN recipient.doubt_since IS NOT NULL AND new.state IN ({_UNSENT}) AND NOT ({_ALL_PROVEN})
      THEN '{RecipientState.UNKNOWN}' ELSE new.state END,
    error_code = new.error_code, gateway_message_id = new.message_id,
    due_at = clock_timestamp() + new.due * interval '1 second',
    unsent_tries = CASE WHEN {_ALL_PROVEN} THEN recipient.tries ELSE recipient.unsent_tries + new.unsent END,
    doubt_since = CASE WHEN {_NEW_DOUBT} THEN coalesce(recipient.doubt_since, recipient.tried_at)
      WHEN {_ALL_PROVEN} THEN NULL ELSE recipient.doubt_since END,
    doubt_device_ids = CASE WHEN {_NEW_DOUBT} THEN recipient.doubt_device_ids || recipient.device_id
      WHEN {_ALL_PROVEN} THEN NULL ELSE recipient.doubt_device_ids END,
    accepted_risks = recipient.accepted_risks + new.risked,
    tries_left = greatest(recipient.tries_left - new.spent, 0),
    sent_at = CASE WHEN new.state = '{RecipientState.SENT}' THEN clock_timestamp() END"""  # noqa: S608 - constants


# What of `moved` is read further on.
MOVED = f"""recipient.id, recipient.job_id, recipient.state, recipient.device_id, recipient.gateway_message_id,
    {key_sql("recipient.phone")} AS phone_key"""

SENT_MESSAGES = "sent_messages"  # the name of their turn
# Keep whose message it was, for its receipts, which may have come already, and for what is answered.
REMEMBER = f"""
remembered AS (
  INSERT INTO jobs_sentmessage (recipient_id, device_id, slot, message_id, phone_key)
  SELECT id, device_id, coalesce((SELECT open FROM devices_turn WHERE name = '{SENT_MESSAGES}'), 0), gateway_message_id,
    phone_key
  FROM moved WHERE gateway_message_id <> ''
)"""  # noqa: S608 - constants


def count(after: str = "true") -> str:
    """Count those of `moved` (id, job_id, state) that have ended, in their jobs.

    `after`: a condition that reads whatever else in the statement locks recipients. Jobs are locked last: who locks one
    and then waits for a recipient, deadlocks with a cancel.
    """
    return f"""
ended AS MATERIALIZED (
  SELECT job_id, count(*) FILTER (WHERE state IN ({sql_list(RECIPIENT_SENT)})) AS sent, count(*) AS number
  FROM moved WHERE state NOT IN ({sql_list(RECIPIENT_OPEN)}) GROUP BY job_id
), locked AS MATERIALIZED (
  SELECT id FROM jobs_job WHERE id IN (SELECT job_id FROM ended) AND {after} ORDER BY id FOR NO KEY UPDATE
), counted AS (
  UPDATE jobs_job AS job
  SET sent = job.sent + ended.sent, failed = job.failed + ended.number - ended.sent, updated_at = clock_timestamp()
  FROM ended JOIN locked ON locked.id = ended.job_id WHERE job.id = ended.job_id
  RETURNING job.id, job.uuid, job.total, job.sent, job.failed
)"""  # noqa: S608 - constants


def _statement(source: RecipientState) -> str:
    # Who waits has no device yet, or one that tried before.
    same_device = "true" if source == RecipientState.QUEUED else "recipient.device_id = new.device_id"
    return f"""
WITH new AS MATERIALIZED ({given_outcomes(source)}
), standing AS MATERIALIZED (
  SELECT id FROM jobs_recipient WHERE id = ANY(%(ids)s::bigint[]) AND state = '{source}'
  ORDER BY id FOR NO KEY UPDATE
), moved AS ({MOVE}
  FROM new JOIN standing USING (id) WHERE recipient.id = new.id AND {same_device}
  RETURNING {MOVED}
), {REMEMBER}, {count()}
SELECT ARRAY(SELECT id FROM moved), counted.* FROM (SELECT) AS always LEFT JOIN counted ON true
"""  # noqa: S608 - constants


def record(cursor: Cursor, outcomes: Sequence[Outcome], *, source: RecipientState) -> tuple[set[int], list[Counted]]:
    """Record outcomes of recipients that are still in `source`; return the ids that moved, and their jobs' counters."""
    if not outcomes:
        return set(), []
    cursor.execute(_statement(source), parameters_of(sorted(outcomes, key=recipient_id_of)))
    rows = cursor.fetchall()
    return set(rows[0][0]), [Counted(*row[1:]) for row in rows if row[1] is not None]


def sifted(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Find which of these outcomes of recipients being sent the database refuses: those become doubts.

    For outcomes that it refused together: nothing is recorded here, each half is tried and undone.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            record(cursor, outcomes, source=RecipientState.SENDING)
            transaction.set_rollback(True)
    except (DataError, IntegrityError):
        if len(outcomes) > 1:
            half = len(outcomes) // 2
            return sifted(outcomes[:half]) + sifted(outcomes[half:])
        claim = outcomes[0].claim
        log.exception("outcome cannot be recorded", recipient=claim.recipient_id)
        return [Outcome(claim, RecipientState.AMBIGUOUS, UNRECORDABLE, due_in_seconds=0.0)]
    return list(outcomes)


def parameters_of(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Outcomes as the arrays that `given_outcomes` reads."""
    return {
        "ids": numbers([outcome.claim.recipient_id for outcome in outcomes]),
        "devices": numbers([outcome.claim.device_id for outcome in outcomes]),
        "states": texts([outcome.state.value for outcome in outcomes]),
        "codes": texts([outcome.error_code for outcome in outcomes]),
        "messages": texts([outcome.gateway_message_id for outcome in outcomes]),
        "dues": numbers(["NULL" if outcome.due_in_seconds is None else outcome.due_in_seconds for outcome in outcomes]),
        "unsent": numbers([int(outcome.proven_unsent) for outcome in outcomes]),
        "risked": numbers([int(outcome.risk_accepted) for outcome in outcomes]),
        "spent": numbers([outcome.tries_spent for outcome in outcomes]),
    }


def recipient_id_of(outcome: Outcome) -> int:
    return outcome.claim.recipient_id
