"""How the variants of a message did, side by side: what receipts say, and who replied."""

from typing import Any

from django.db import connection

from jobs.models import Job
from jobs.receipts import figures
from jobs.states import RECIPIENT_SENT, sql_list


def compared(job: Job) -> list[dict[str, Any]]:
    """The job's variants for a table, in their order: figures, and shares in percent of those sent.

    Of a large job under way how many were sent is not known yet, nor are shares: that is counted at its end.
    """
    of_variants = figures.by_variant(job)
    replied = _replied(job) if of_variants else {}
    rates = [one.read_rate or 0.0 for one in of_variants]
    best = max(rates, default=0.0)
    return [
        {
            "number": one.number + 1,
            "result": one,
            "replied": replied.get(one.number, 0),
            "replied_rate": figures.rate(replied.get(one.number, 0), one.sent),
            "is_best": bool(best) and one.read_rate == best and rates.count(best) == 1,
        }
        for one in of_variants
    ]


def _replied(job: Job) -> dict[int, int]:
    """How many of those who got each variant wrote after it: from the side of the contacts who ever did, mostly few."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT recipient.variant, count(*)
            FROM jobs_recipient AS recipient JOIN campaigns_contact AS contact ON contact.id = recipient.contact_id
            WHERE recipient.job_id = %s AND recipient.variant IS NOT NULL
              AND recipient.state IN ({sql_list(RECIPIENT_SENT)}) AND contact.last_replied_at >= recipient.sent_at
            GROUP BY recipient.variant
            """,  # noqa: S608 - constants
            (job.pk,),
        )
        return dict(cursor.fetchall())
