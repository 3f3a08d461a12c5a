"""Recording outcomes: rows/s through `exchange` by batch size, beside `save()` of each row."""

import time

from django.db import connection
from django.utils import timezone

from devices.lane import leases, runners
from jobs.models import Job, Recipient
from jobs.sending.exchange import Offer, exchange
from jobs.sending.outcomes import Claim, Outcome
from jobs.states import RecipientState
from tests.bench.cpu import postgres_seconds
from tests.bench.report import Section, number
from tests.bench.sending import BrokenRun, arrange_job, empty_tables
from tests.factories import make_account, make_device

BATCHES = (32, 64, 256, 1000)
SAVED_ROWS = 500


def measure(rows: int) -> Section:
    """Record `rows` outcomes in batches of each size; each batch is one transaction, its counters included."""
    section = Section(
        "Recording outcomes",
        ["how", "rows", "rows/s", "÷ save()", "client CPU s per 1,000", "PostgreSQL CPU s per 1,000"],
    )
    saved = _saved(SAVED_ROWS)
    section.rows.append(["save() of each row", f"{SAVED_ROWS:,}", number(saved), "1", "", ""])
    for batch in BATCHES:
        seconds, client, server = _recorded(rows, batch)
        section.rows.append(
            [
                f"exchange, batches of {batch}",
                f"{rows:,}",
                number(rows / seconds),
                number(rows / seconds / saved),
                f"{1000 * client / rows:.3f}",
                f"{1000 * server / rows:.3f}",
            ]
        )
    return section


def _saved(rows: int) -> float:
    job = _being_sent(rows)
    began = time.monotonic()
    for recipient in Recipient.objects.filter(job=job):
        recipient.state = RecipientState.SENT
        recipient.gateway_message_id = "3EB0123456789ABCDEF012"
        recipient.sent_at = timezone.now()
        recipient.save()
    seconds = time.monotonic() - began
    empty_tables()
    return rows / seconds


def _recorded(rows: int, batch: int) -> tuple[float, float, float]:
    """Seconds, CPU seconds of this process, CPU seconds of PostgreSQL with this session's."""
    job = _being_sent(rows)
    outcomes = [_sent(recipient) for recipient in Recipient.objects.filter(job=job).in_order()]
    with connection.cursor() as cursor:
        runner_id = runners.register(cursor, "bench", 600)
        (lease,) = leases.take(cursor, {outcomes[0].claim.device_id}, runner_id)
    held = [(lease.device_id, lease.token)]
    server, client, began = postgres_seconds(with_own=True), time.process_time(), time.monotonic()
    for start in range(0, rows, batch):
        exchange(Offer(runner_id, held=held, outcomes=outcomes[start : start + batch]))
    seconds, client = time.monotonic() - began, time.process_time() - client
    server = postgres_seconds(with_own=True) - server
    job.refresh_from_db()
    if job.sent != rows:
        raise BrokenRun(f"{rows} outcomes recorded, {job.sent} counted")
    empty_tables()
    return seconds, client, server


def _being_sent(rows: int) -> Job:
    device = make_device(make_account())
    job = arrange_job((device,), rows)
    Recipient.objects.filter(job=job).update(state=RecipientState.SENDING, device=device)
    return job


def _sent(recipient: Recipient) -> Outcome:
    claim = Claim(
        recipient_id=recipient.pk,
        job_id=recipient.job_id,
        device_id=recipient.device_id or 0,
        phone=recipient.phone,
        text="",
        media=None,
        tries_left=1,
        chunk_id=None,
    )
    return Outcome(claim, RecipientState.SENT, gateway_message_id=f"3EB0{recipient.pk:018X}")
