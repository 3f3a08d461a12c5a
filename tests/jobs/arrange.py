"""Arranges what the engine works on: recipients in a state, claims, and steps of it in a transaction."""

from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from devices.gateway.base import Acceptance, SendError
from devices.models import Device
from jobs import results
from jobs.claims import Claimer, Waiting, mark_sending, settle_chunks
from jobs.messages import MessageBook
from jobs.models import Job, Recipient
from jobs.outcomes import Claim, Outcome, accepted, refused
from jobs.results import LiveFeed, Recorded


@contextmanager
def transaction_cursor():
    with transaction.atomic(), connection.cursor() as cursor:
        yield cursor


def ago(seconds: float) -> datetime:
    return datetime.now(tz=UTC) - timedelta(seconds=seconds)


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
        return claimer.refill(cursor)


def claim(claimer: Claimer, number: int) -> list[Claim]:
    """Draw and mark up to `number`, as `Settlement` does."""
    drawn: list[tuple[int, int, Waiting]] = [(claimer.device_id, job, waiting) for job, waiting in claimer.draw(number)]
    with transaction_cursor() as cursor:
        claims = mark_sending(cursor, drawn, MessageBook())
    claimed = {claim.recipient_id for claim in claims}
    for _, _, waiting in drawn:
        if waiting.recipient_id not in claimed:
            claimer.settle(waiting.chunk_id, waiting.position)
    return claims


def settle(claimer: Claimer, *outcomes: Outcome) -> None:
    """Record outcomes, and close the chunks they complete."""
    with transaction_cursor() as cursor:
        results.record(cursor, outcomes, LiveFeed())
        settle_chunks(cursor, {claimer.device_id: claimer}, outcomes)


def give_back(claimer: Claimer) -> None:
    """End a device's slice: what was read and not claimed is for others."""
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
    with transaction_cursor() as cursor:
        return results.record(cursor, outcomes, LiveFeed() if feed is None else feed, flush=flush)
