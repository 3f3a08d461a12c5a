"""Arranges what the engine works on: recipients in a state, claims, and steps of it in a transaction."""

from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from devices.gateway.base import Acceptance, SendError
from devices.lane import runners
from devices.models import Device, Lane, Runner
from jobs.message.book import MessageBook
from jobs.models import Job, Recipient, SweepLook
from jobs.sending import reading, results
from jobs.sending.claims import Claimer, claims_of
from jobs.sending.exchange import Offer, exchange
from jobs.sending.outcomes import Claim, Outcome, accepted, refused
from jobs.sending.results import LiveFeed, Recorded


@contextmanager
def transaction_cursor():
    with transaction.atomic(), connection.cursor() as cursor:
        yield cursor


def ago(seconds: float) -> datetime:
    return datetime.now(tz=UTC) - timedelta(seconds=seconds)


def a_while_passes() -> None:
    """Have the next sweep look at everything again, for what time alone brings about."""
    SweepLook.objects.update(looked_at=ago(60))


def states(job: Job) -> Counter[str]:
    """How many recipients are in which state."""
    return Counter(Recipient.objects.filter(job_id=job.pk).values_list("state", flat=True))


def rows(job: Job, *fields: str) -> list[Any]:
    """The recipients in order: one field's values, or tuples of several."""
    return list(Recipient.objects.filter(job_id=job.pk).in_order().values_list(*fields, flat=len(fields) == 1))


# --- Claiming, as a runner does it ------------------------------------------------------------------------------


def refill(claimer: Claimer) -> list[dict[str, Any]]:
    """Read more for a device; return the events of the chunks taken."""
    with transaction_cursor() as cursor:
        taken = reading.refill(cursor, [claimer], timezone.now())
    with transaction_cursor() as cursor:
        told = results.chunks_taken(cursor, taken)
    if not_yet := claimer.take_not_yet():
        with transaction_cursor() as cursor:
            reading.put_off(cursor, not_yet)
    return told


def claim(claimer: Claimer, number: int) -> list[Claim]:
    """Draw and mark up to `number`, as `Settlement` does."""
    drawn = [(claimer.device_id, job, waiting) for job, waiting in claimer.draw(number, timezone.now())]
    answer = exchange(
        offer_of(
            {claimer.device_id},
            drawn=[(waiting.recipient_id, device_id, job_id) for device_id, job_id, waiting in drawn],
            limited={waiting.recipient_id: waiting.limits for _, _, waiting in drawn if waiting.limits is not None},
        )
    )
    made, _ = claims_of(drawn, answer.claimed, MessageBook())
    claimed = {claim.recipient_id for claim in made}
    for _, _, waiting in drawn:
        if waiting.recipient_id not in claimed:
            claimer.let_go(waiting.chunk_id, waiting.position)
    return made


def settle(claimer: Claimer, *outcomes: Outcome) -> None:
    """Record outcomes, and close the chunks they complete."""
    for outcome in outcomes:
        claimer.let_go(outcome.claim.chunk_id)
    through, given_back = claimer.take_closed()
    exchange(
        offer_of(
            {claimer.device_id},
            outcomes=outcomes,
            done=[(chunk.chunk_id, claimer.device_id) for chunk in through],
            freed=[(chunk.chunk_id, claimer.device_id, chunk.left_from or 0) for chunk in given_back],
        )
    )


def offer_of(device_ids: set[int], **what: Any) -> Offer:
    """An offer under the devices' leases, with whatever token they have now and whoever holds them; else "test"."""
    with transaction_cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(1)")  # one runner, whoever comes first
        runner = Runner.objects.first()
        runner_id = runner.pk if runner is not None else runners.register(cursor, "test", 100.0)
        Lane.objects.bulk_create([Lane(device_id=pk) for pk in sorted(device_ids)], ignore_conflicts=True)
        Lane.objects.filter(device_id__in=device_ids, runner=None).update(runner_id=runner_id)
        found = Lane.objects.filter(device_id__in=device_ids)
        return Offer(runner_id=runner_id, held=list(found.values_list("device_id", "token")), **what)


def give_back(claimer: Claimer) -> None:
    """Let a device go: what was read and not claimed is for others."""
    claimer.drop_all()
    settle(claimer)


# --- Claims and outcomes without a claimer -------------------------------------------------------------------------


def sending(job: Job, device: Device) -> list[Claim]:
    """Mark all of a job's recipients as being sent through a device; return their claims in order."""
    return [sending_one(recipient, device) for recipient in Recipient.objects.filter(job_id=job.pk).in_order()]


def sending_one(recipient: Recipient, device: Device) -> Claim:
    """Mark a recipient as being sent through a device; return its claim."""
    changes = {"state": "sending", "device": device, "tries": 1, "tried_at": ago(1)}
    Recipient.objects.filter(pk=recipient.pk).update(**changes)
    return Claim(
        recipient.pk, recipient.job_id, device.pk, recipient.phone, "", None, recipient.tries_left, chunk_id=None
    )


def sent(claim: Claim) -> Outcome:
    return accepted(claim, Acceptance(f"ID-{claim.recipient_id}"))


def not_sent(claim: Claim, error: SendError) -> Outcome:
    return refused(claim, error, quiet_seconds=120.0)


def record(*outcomes: Outcome, feed: LiveFeed | None = None, flush: bool = False) -> Recorded:
    """Record outcomes as a runner does: counted, and told as far as the allowance goes, in one transaction."""
    feed = LiveFeed() if feed is None else feed
    offer = offer_of({outcome.claim.device_id for outcome in outcomes}, outcomes=outcomes)
    with transaction.atomic():
        recorded = results.announce(outcomes, exchange(offer), feed, is_committed=False)
    if flush:
        recorded.events += results.tell_held(feed).events
    return recorded
