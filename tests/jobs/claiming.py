"""Claim recipients as a runner does, without one."""

from django.db import connection, transaction

from devices.lane import leases, runners
from jobs.message.book import MessageBook
from jobs.sending.chunks import Waiting
from jobs.sending.claims import claims_of
from jobs.sending.exchange import Offer, exchange
from jobs.sending.outcomes import Claim


def claim(*drawn: tuple[int, int, Waiting]) -> list[Claim]:
    """Claim recipients given as (device id, job id, recipient), under leases that are given back at once."""
    with transaction.atomic(), connection.cursor() as cursor:
        runner_id = runners.register(cursor, "test", 60)
        taken = leases.take(cursor, {device_id for device_id, _, _ in drawn}, runner_id)
    answer = exchange(
        Offer(
            runner_id=runner_id,
            held=[(lease.device_id, lease.token) for lease in taken],
            released=[(lease.device_id, 0.0) for lease in taken],
            drawn=[(waiting.recipient_id, device_id, job_id) for device_id, job_id, waiting in drawn],
        )
    )
    claims, _ = claims_of(drawn, answer.claimed, MessageBook())
    return claims
