"""Messages in doubt: after a quiet period we ask the gateway whether they went out, and decide by its answer.

| the gateway says            | after a timeout or a 5xx                     | after a worker's death  |
| it was sent                 | sent                                         | sent                    |
| not there (open, and saves) | queued again, 3 tries at most                | queued again, 3 at most |
| it cannot tell              | queued again, or `unknown` for *never twice* | `unknown`               |
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db import connection, transaction

from devices.gateway.base import DeviceUnavailable, Gateway, LookUp, OutgoingMessage
from devices.gateway.registry import gateway_for
from devices.models import Device
from jobs.live import publishing
from jobs.message.book import MessageBook
from jobs.sending import finishing, results
from jobs.sending.outcomes import Claim, Outcome
from jobs.sending.recovery import WORKER_DIED
from jobs.sending.results import LiveFeed
from jobs.states import RecipientState

BATCH = 64
AT_ONCE = 8  # look-ups are slow for a gateway: its store has no index for them
TAKEN_FOR_SECONDS = 60  # a batch whose looker died, or is slower than that, is looked up again


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A recipient in doubt, with what is needed to ask and to decide."""

    claim: Claim
    error_code: str
    tried_at: datetime  # by this process's clock
    never_twice: bool
    ours_until: datetime  # the due time we gave it: another one means that somebody else has looked or sent since


def reconcile(deadline: float) -> bool:
    """Look up what is due until `deadline` (time.monotonic seconds); True when more is due."""
    messages, feed = MessageBook(), LiveFeed()
    while time.monotonic() < deadline:
        batch = _take(messages)
        if not batch:
            return False
        gateways = _gateways(batch)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(partial(_ask, gateways=gateways), batch))
        _record([(doubtful, decide(doubtful, *answer)) for doubtful, answer in zip(batch, answers, strict=True)], feed)
    return True


def decide(doubtful: Doubtful, found: LookUp, gateway_message_id: str) -> Outcome:
    """The table above. Pure."""
    claim = doubtful.claim
    if found is LookUp.SENT:
        return Outcome(claim, RecipientState.SENT, gateway_message_id=gateway_message_id)
    after_death = doubtful.error_code == WORKER_DIED
    if found is LookUp.CANNOT_TELL and (after_death or doubtful.never_twice):
        return Outcome(claim, RecipientState.UNKNOWN, doubtful.error_code)
    # Proven unsent only where the gateway said so: a retry on the seed's word stays on the record as a risk taken.
    proven = found is LookUp.NOT_THERE
    if claim.tries_left <= 1:
        state = RecipientState.FAILED if proven else RecipientState.UNKNOWN
        return Outcome(claim, state, doubtful.error_code, proven_unsent=proven, tries_spent=1)
    return Outcome(
        claim,
        RecipientState.QUEUED,
        doubtful.error_code,
        due_in_seconds=0.0,
        proven_unsent=proven,
        risk_accepted=not proven,
        tries_spent=1,
    )


def _take(messages: MessageBook) -> list[Doubtful]:
    """Take a batch of due look-ups, by moving their due time on; ours until then."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            WITH due AS (
                SELECT id FROM jobs_recipient
                WHERE due_at IS NOT NULL AND due_at <= clock_timestamp() AND state = 'ambiguous'
                ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED
            )
            UPDATE jobs_recipient AS recipient SET due_at = clock_timestamp() + %s * interval '1 second'
            FROM due, jobs_job AS job, accounts_account AS account
            WHERE recipient.id = due.id AND job.id = recipient.job_id AND account.id = job.account_id
            RETURNING recipient.id, recipient.job_id, recipient.device_id, recipient.phone, recipient.values,
                      recipient.variant, recipient.tries_left, recipient.error_code,
                      clock_timestamp() - recipient.tried_at, account.never_twice, recipient.due_at
            """,
            (BATCH, TAKEN_FOR_SECONDS),
        )
        rows = cursor.fetchall()
    taken = []
    now = datetime.now(tz=UTC)
    for recipient_id, job_id, device_id, phone, values, variant, tries_left, code, age, never_twice, until in rows:
        template, media = messages.of(job_id)
        text = template.render(values, phone, variant)
        claim = Claim(recipient_id, job_id, device_id, phone, text, media, tries_left, None)
        taken.append(Doubtful(claim, code, now - age, never_twice, until))
    return taken


def _gateways(batch: Sequence[Doubtful]) -> dict[int, Gateway]:
    devices = Device.unscoped.in_bulk({doubtful.claim.device_id for doubtful in batch})
    gateways = {}
    for device_id, device in devices.items():
        with suppress(DeviceUnavailable):
            gateways[device_id] = gateway_for(device)
    return gateways


def _ask(doubtful: Doubtful, gateways: dict[int, Gateway]) -> tuple[LookUp, str]:
    claim = doubtful.claim
    if (gateway := gateways.get(claim.device_id)) is None:
        return LookUp.CANNOT_TELL, ""  # the device was deleted, or nobody can ask its gateway
    # Until now: a gateway that took its time may have sent long after we stopped waiting for its answer.
    return gateway.look_up(
        OutgoingMessage(claim.phone, claim.text, claim.media), since=doubtful.tried_at, until=datetime.now(tz=UTC)
    )


def _still_ours(cursor: Any, batch: Sequence[Doubtful]) -> set[int]:
    """Lock those that nobody else has taken since: a looker that was frozen must not decide by old news."""
    cursor.execute(
        """
        SELECT recipient.id FROM jobs_recipient AS recipient
        JOIN unnest(%s::bigint[], %s::timestamptz[]) AS taken (id, until)
          ON recipient.id = taken.id AND recipient.due_at = taken.until
        ORDER BY recipient.id FOR UPDATE OF recipient
        """,
        ([doubtful.claim.recipient_id for doubtful in batch], [doubtful.ours_until for doubtful in batch]),
    )
    return {recipient_id for (recipient_id,) in cursor.fetchall()}


def _record(decided: Sequence[tuple[Doubtful, Outcome]], feed: LiveFeed) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        ours = _still_ours(cursor, [doubtful for doubtful, _ in decided])
        outcomes = [outcome for _, outcome in decided if outcome.claim.recipient_id in ours]
        recorded = results.record(cursor, outcomes, feed, source=RecipientState.AMBIGUOUS)
    publishing.publish(recorded.events)
    for job_id in recorded.ended_job_ids:
        finishing.finish(job_id)
