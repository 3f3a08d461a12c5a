"""Messages in doubt: after a quiet period we ask the gateway whether they went out, and decide by its answer.

| the gateway says            | after a timeout or a 5xx                     | after a worker's death  |
| it was sent                 | sent                                         | sent                    |
| not there (open, and saves) | queued again, 3 tries at most                | queued again, 3 at most |
| it cannot tell              | queued again, or `unknown` for *never twice* | `unknown`               |
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import connection, transaction

from devices.gateway import gateway_for
from devices.gateway.base import Gateway, LookUp, OutgoingMessage
from devices.models import Device
from jobs import finishing, publishing, results
from jobs.messages import MessageBook
from jobs.outcomes import Claim, Outcome
from jobs.recovery import WORKER_DIED
from jobs.results import LiveFeed
from jobs.states import RecipientState

BATCH = 200
AT_ONCE = 8  # look-ups are slow for a gateway: its store has no index for them
TAKEN_FOR_SECONDS = 300  # a batch whose looker died is looked up again after that


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A recipient in doubt, with what is needed to ask and to decide."""

    claim: Claim
    error_code: str
    tried_at: datetime
    never_twice: bool


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
        outcomes = [decide(doubtful, *answer) for doubtful, answer in zip(batch, answers, strict=True)]
        _record(outcomes, feed)
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
                      recipient.variant, recipient.tries_left, recipient.error_code, recipient.tried_at,
                      account.never_twice
            """,
            (BATCH, TAKEN_FOR_SECONDS),
        )
        rows = cursor.fetchall()
    taken = []
    for recipient_id, job_id, device_id, phone, values, variant, tries_left, code, tried_at, never_twice in rows:
        template, media = messages.of(job_id)
        text = template.render(values, phone, variant)
        claim = Claim(recipient_id, job_id, device_id, phone, text, media, tries_left, None)
        taken.append(Doubtful(claim, code, tried_at, never_twice))
    return taken


def _gateways(batch: Sequence[Doubtful]) -> dict[int, Gateway]:
    devices = Device.unscoped.in_bulk({doubtful.claim.device_id for doubtful in batch})
    return {device_id: gateway_for(device) for device_id, device in devices.items()}


def _ask(doubtful: Doubtful, gateways: dict[int, Gateway]) -> tuple[LookUp, str]:
    claim = doubtful.claim
    if (gateway := gateways.get(claim.device_id)) is None:
        return LookUp.CANNOT_TELL, ""  # the device was deleted
    longest = timedelta(seconds=settings.GATEWAY_CONNECT_TIMEOUT + settings.GATEWAY_READ_TIMEOUT)
    return gateway.look_up(
        OutgoingMessage(claim.phone, claim.text, claim.media),
        since=doubtful.tried_at,
        until=doubtful.tried_at + longest,
    )


def _record(outcomes: Sequence[Outcome], feed: LiveFeed) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        moved = results.move_recipients(cursor, outcomes, source=RecipientState.AMBIGUOUS)
        ended: dict[int, list[Outcome]] = defaultdict(list)
        for outcome in outcomes:
            if outcome.claim.recipient_id in moved and outcome.state != RecipientState.QUEUED:
                ended[outcome.claim.job_id].append(outcome)
        recorded = results.count(cursor, ended, feed)
    publishing.publish(recorded.events)
    for job_id in recorded.ended_job_ids:
        finishing.finish(job_id)
