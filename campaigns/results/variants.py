"""How the variants of a message did, side by side: what receipts say, and who replied."""

from typing import Any

from jobs.models import Job
from jobs.receipts import figures


def compared(job: Job) -> list[dict[str, Any]]:
    """The job's variants for a table, in their order: figures, and shares in percent of those sent.

    Of a large job under way how many were sent is not known yet, nor are shares: that is counted at its end.
    """
    of_variants = figures.by_variant(job)
    rates = [one.read_rate or 0.0 for one in of_variants]
    best = max(rates, default=0.0)
    return [
        {
            "number": one.number + 1,
            "result": one,
            "is_best": bool(best) and one.read_rate == best and rates.count(best) == 1,
        }
        for one in of_variants
    ]
