"""Messages in doubt: after a quiet period we ask the gateway whether they went out, and decide by its answer.

| the gateway                             | then                                                                    |
| says that it was sent                   | sent                                                                    |
| says that it is not there               | queued again, 3 tries at most (one that a death of ours ended is none); |
|                                         | `unknown` for *never twice*                                             |
| answers, and cannot know                | the same, on the seed's word; `unknown` after a success or a death, too |
| cannot be asked, or is not connected    | asked again, later and later; after LOOK_UP_GIVE_UP_SECONDS, `unknown`  |
| cannot be asked ever: device deleted    | `unknown`                                                               |

Asked is for every try that may have gone out, of each device it went through: an answer about the last one alone
would leave the others out. *Not there* is what a gateway says, too, that was killed between WhatsApp and its own
store: hence the third line for those who chose *never twice*.
"""

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import F

from devices.gateway.base import NO_MESSAGE_ID, DeviceUnavailable, Gateway, LookUp, OutgoingMessage
from devices.gateway.registry import gateway_for
from devices.models import Device
from jobs.live import publishing
from jobs.message.book import MessageBook
from jobs.models import Job
from jobs.sending import finishing, results
from jobs.sending.outcomes import MOST_SPARED, UNRECORDABLE, Claim, Outcome
from jobs.sending.recovery import WORKER_DIED
from jobs.sending.results import LiveFeed
from jobs.states import RecipientState

log = structlog.get_logger(__name__)

BATCH = 64
AT_ONCE = 8  # look-ups are slow for a gateway: its store has no index for them
TAKEN_FOR_SECONDS = 60  # a batch whose looker died, or is slower than that, is looked up again
# A gateway that could not be asked is asked again after a quarter of the time since the try.
ASK_AGAIN_SHARE = 0.25
SHORTEST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 300.0
# Doubts that a gateway which cannot know leaves to a person, whatever the account chose: the seed speaks of timeouts
# and 5xx alone.
_LEFT_TO_A_PERSON = frozenset({WORKER_DIED, NO_MESSAGE_ID, UNRECORDABLE})


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A recipient in doubt, with what is needed to ask and to decide."""

    claim: Claim
    error_code: str
    doubt_since: datetime  # the first try that may have gone out, by this process's clock
    device_ids: Sequence[int]  # those tries' devices
    waited: timedelta  # since the last try
    never_twice: bool
    ours_until: datetime  # the due time we gave it: another one means that somebody else has looked or sent since


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing is known yet: ask again."""

    claim: Claim
    seconds: float


@dataclass(slots=True)
class _Gateways:
    """The devices of a batch: how each is asked, which may be able to answer later, and who did not."""

    known: dict[int, Gateway] = field(default_factory=dict)
    not_now: set[int] = field(default_factory=set)

    def ask(self, device_id: int, message: OutgoingMessage, since: datetime) -> tuple[LookUp | None, str]:
        """Ask one device. None: nobody can ever be asked."""
        if device_id in self.not_now:
            return LookUp.NOT_NOW, ""
        if (gateway := self.known.get(device_id)) is None:
            return None, ""
        # Until now: a gateway that took its time may have sent long after we stopped waiting for its answer.
        found, message_id = gateway.look_up(message, since=since, until=datetime.now(tz=UTC))
        if found is LookUp.NOT_NOW:
            # Nor will it be for the others, and each would wait for its time-out.
            self.not_now.add(device_id)
        return found, message_id


def reconcile(deadline: float) -> bool:
    """Look up what is due until `deadline` (time.monotonic seconds); True when more is due."""
    messages, feed = MessageBook(), LiveFeed()
    not_now: set[int] = set()
    while time.monotonic() < deadline:
        batch = _take(messages)
        if not batch:
            return False
        gateways = _gateways(batch, not_now)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(partial(_ask, gateways=gateways), batch))
        _record([(doubtful, decide(doubtful, *answer)) for doubtful, answer in zip(batch, answers, strict=True)], feed)
    return True


def decide(doubtful: Doubtful, found: LookUp | None, gateway_message_id: str) -> Outcome | Later:
    """The table above."""
    claim = doubtful.claim
    match found:
        case LookUp.SENT:
            return Outcome(claim, RecipientState.SENT, gateway_message_id=gateway_message_id)
        case LookUp.NOT_THERE if not doubtful.never_twice:
            return _again(doubtful, proven=True)
        case LookUp.CANNOT_TELL if not doubtful.never_twice and doubtful.error_code not in _LEFT_TO_A_PERSON:
            return _again(doubtful, proven=False)
        case LookUp.NOT_NOW if (waited := doubtful.waited.total_seconds()) < settings.LOOK_UP_GIVE_UP_SECONDS:
            return Later(claim, min(LONGEST_WAIT_SECONDS, max(SHORTEST_WAIT_SECONDS, waited * ASK_AGAIN_SHARE)))
    return Outcome(claim, RecipientState.UNKNOWN, doubtful.error_code)


def _again(doubtful: Doubtful, *, proven: bool) -> Outcome:
    """Have it tried again, if it may be. Without proof that stays on the record, as a risk taken."""
    claim = doubtful.claim
    # That we died is not theirs to pay for; but what kills us each time is not sent for ever.
    is_spared = proven and doubtful.error_code == WORKER_DIED and claim.tries <= MOST_SPARED
    if claim.tries_left <= (0 if is_spared else 1):
        state = RecipientState.FAILED if proven else RecipientState.UNKNOWN
        return Outcome(claim, state, doubtful.error_code, proven_unsent=proven, tries_spent=1)
    return Outcome(
        claim,
        RecipientState.QUEUED,
        doubtful.error_code,
        due_in_seconds=0.0,
        proven_unsent=proven,
        risk_accepted=not proven,
        tries_spent=0 if is_spared else 1,
    )


def _take(messages: MessageBook) -> list[Doubtful]:
    """Take a batch of due look-ups, by moving their due time on; ours until then."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            WITH due AS (
                SELECT id FROM jobs_recipient
                WHERE due_at IS NOT NULL AND due_at <= statement_timestamp() AND state = 'ambiguous'
                ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED
            )
            UPDATE jobs_recipient AS recipient SET due_at = clock_timestamp() + %s * interval '1 second'
            FROM due, jobs_job AS job, accounts_account AS account
            WHERE recipient.id = due.id AND job.id = recipient.job_id AND account.id = job.account_id
            RETURNING recipient.id, recipient.job_id, recipient.device_id, recipient.phone, recipient.values,
                      recipient.variant, recipient.tries_left, recipient.tries, recipient.error_code,
                      coalesce(recipient.doubt_device_ids, ARRAY[recipient.device_id]),
                      clock_timestamp() - coalesce(recipient.doubt_since, recipient.tried_at),
                      clock_timestamp() - recipient.tried_at, account.never_twice, recipient.due_at
            """,
            (BATCH, TAKEN_FOR_SECONDS),
        )
        rows = cursor.fetchall()
    taken = []
    now = datetime.now(tz=UTC)
    for recipient_id, job_id, device_id, phone, values, variant, tries_left, tries, *evidence in rows:
        code, device_ids, in_doubt, waited, never_twice, until = evidence
        template, media = messages.of(job_id)
        text = template.render(values, phone, variant)
        claim = Claim(recipient_id, job_id, device_id, phone, text, media, tries_left, None, tries=tries)
        taken.append(Doubtful(claim, code, now - in_doubt, sorted(set(device_ids)), waited, never_twice, until))
    return taken


def _gateways(batch: Sequence[Doubtful], not_now: set[int]) -> _Gateways:
    gateways = _Gateways(not_now=not_now)
    asked = {device_id for doubtful in batch for device_id in doubtful.device_ids}
    for device in Device.unscoped.filter(pk__in=asked, deleted_at=None):
        try:
            gateways.known[device.pk] = gateway_for(device)
        except DeviceUnavailable:
            not_now.add(device.pk)  # its token cannot be read for now
    return gateways


def _ask(doubtful: Doubtful, gateways: _Gateways) -> tuple[LookUp | None, str]:
    """Ask every device that may have sent it. One that did settles it; else the least certain answer counts."""
    claim = doubtful.claim
    message = OutgoingMessage(claim.phone, claim.text, claim.media)
    answers = set()
    for device_id in doubtful.device_ids:
        try:
            found, message_id = gateways.ask(device_id, message, doubtful.doubt_since)
        except Exception:
            # Whatever that answer holds, it costs this one message.
            log.exception("look-up failed", recipient=claim.recipient_id, device=device_id)
            found, message_id = None, ""
        if found is LookUp.SENT:
            return found, message_id
        answers.add(found)
    for found in (LookUp.NOT_NOW, None, LookUp.CANNOT_TELL):
        if found in answers:
            return found, ""
    return LookUp.NOT_THERE, ""


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


def _record(decided: Sequence[tuple[Doubtful, Outcome | Later]], feed: LiveFeed) -> None:
    try:
        _record_together(decided, feed)
    except (DataError, IntegrityError):
        if len(decided) > 1:
            # Something in one of them cannot be kept. The others are not to wait for it.
            half = len(decided) // 2
            _record(decided[:half], feed)
            _record(decided[half:], feed)
            return
        [(doubtful, _)] = decided
        log.exception("outcome cannot be recorded", recipient=doubtful.claim.recipient_id)
        _record_together([(doubtful, Outcome(doubtful.claim, RecipientState.UNKNOWN, UNRECORDABLE))], feed)


def _record_together(decided: Sequence[tuple[Doubtful, Outcome | Later]], feed: LiveFeed) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        ours = _still_ours(cursor, [doubtful for doubtful, _ in decided])
        standing = [outcome for _, outcome in decided if outcome.claim.recipient_id in ours]
        outcomes = [outcome for outcome in standing if isinstance(outcome, Outcome)]
        _ask_later(cursor, [later for later in standing if isinstance(later, Later)])
        _count_sent_again(cursor, outcomes)
        recorded = results.record(cursor, outcomes, feed, source=RecipientState.AMBIGUOUS)
    publishing.publish(recorded.events)
    for job_id in recorded.ended_job_ids:
        finishing.finish(job_id)


def _ask_later(cursor: Any, postponed: Sequence[Later]) -> None:
    cursor.execute(
        """
        UPDATE jobs_recipient AS recipient SET due_at = clock_timestamp() + later.seconds * interval '1 second'
        FROM unnest(%s::bigint[], %s::float8[]) AS later (id, seconds) WHERE recipient.id = later.id
        """,
        ([later.claim.recipient_id for later in postponed], [later.seconds for later in postponed]),
    )


def _count_sent_again(cursor: Any, outcomes: Sequence[Outcome]) -> None:
    """Count those who are to be written to again, in their jobs; all the batch's jobs are locked in order first."""
    again = Counter(outcome.claim.job_id for outcome in outcomes if outcome.state == RecipientState.QUEUED)
    if not again:
        return
    cursor.execute(
        "SELECT id FROM jobs_job WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
        (sorted({outcome.claim.job_id for outcome in outcomes}),),
    )
    for job_id, number in sorted(again.items()):
        Job.unscoped.filter(pk=job_id).update(sent_again=F("sent_again") + number)
