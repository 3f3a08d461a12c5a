"""How the variants of a message did, side by side: counted from the recipients and from who replied."""

from dataclasses import dataclass
from typing import Any

from django.db import connection

from campaigns.results.figures import LARGE_JOB
from jobs.models import Job
from jobs.states import JOB_ENDED, RECIPIENT_SENT, RecipientState


@dataclass(frozen=True, slots=True)
class VariantResult:
    """One variant and what became of those who got it; delivered counts those who read it, too."""

    number: int  # from 1, in the order of the campaign
    text: str
    weight: int
    total: int = 0
    sent: int = 0
    delivered: int = 0
    read: int = 0
    replied: int = 0
    failed: int = 0

    def share(self, count: int) -> float:
        """In percent of those it was sent to."""
        return 100 * count / self.sent if self.sent else 0.0


def is_countable(job: Job) -> bool:
    """Whether counting is worth it now: a large job under way is counted when it has ended."""
    return bool(job.variants) and (job.total < LARGE_JOB or job.status in JOB_ENDED)


def compare(job: Job) -> list[VariantResult]:
    """The job's variants with their counts, of those who were to be written to."""
    counts: dict[int, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT recipient.variant, recipient.state, count(*),
                   count(*) FILTER (WHERE contact.last_replied_at >= recipient.sent_at)
            FROM jobs_recipient AS recipient LEFT JOIN campaigns_contact AS contact ON contact.id = recipient.contact_id
            WHERE recipient.job_id = %s AND recipient.variant IS NOT NULL AND recipient.state <> %s
            GROUP BY recipient.variant, recipient.state
            """,
            [job.pk, RecipientState.SUPPRESSED.value],
        )
        for variant, state, number, replied in cursor.fetchall():
            _add(counts.setdefault(variant, {}), RecipientState(state), number, replied)
    return [
        VariantResult(index + 1, variant["text"], variant["weight"], **counts.get(index, {}))
        for index, variant in enumerate(job.variants)
    ]


def _add(counts: dict[str, int], state: RecipientState, number: int, replied: int) -> None:
    names = {
        RecipientState.SENT: ("sent",),
        RecipientState.DELIVERED: ("sent", "delivered"),
        RecipientState.READ: ("sent", "delivered", "read"),
        RecipientState.FAILED: ("failed",),
        RecipientState.CANCELLED: ("failed",),
    }.get(state, ())
    for name in ("total", *names):
        counts[name] = counts.get(name, 0) + number
    if state in RECIPIENT_SENT:
        counts["replied"] = counts.get("replied", 0) + replied


def shown(results: list[VariantResult]) -> list[dict[str, Any]]:
    """The same for a table, with shares in percent."""
    best = max((result.share(result.read) for result in results), default=0.0)
    return [
        {
            "result": result,
            "delivered_share": result.share(result.delivered),
            "read_share": result.share(result.read),
            "replied_share": result.share(result.replied),
            "is_best": bool(best) and result.share(result.read) == best and len(results) > 1,
        }
        for result in results
    ]
