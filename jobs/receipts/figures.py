"""What became of a job's messages, for who shows it: by device and by variant.

Receipts are read from the parts, without a scan. How many there were is known from there once the job has ended;
before, the rows of a small job are counted, and those of a large one are not: then it is None.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.db.models import Max, Min, Sum

from devices.models import Device
from jobs.models import Job
from jobs.sending.parts import FAILED, NOBODY
from jobs.states import RECIPIENT_SENT, RecipientState, sql_list

COUNTED_BELOW: Final = 50_000  # recipients: some hundredths of a second


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one device, or of one variant. `failed`: or cancelled; nobody who is suppressed is counted."""

    number: int  # the device's id, or the variant's place from 0
    name: str  # the device's, or the variant's text
    total: int | None = None
    sent: int | None = None
    failed: int | None = None
    delivered: int = 0
    read: int = 0
    played: int = 0
    failed_after: int = 0
    replied: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None

    @property
    def delivered_rate(self) -> float | None:
        return rate(self.delivered, self.sent)

    @property
    def replied_rate(self) -> float | None:
        return rate(self.replied, self.sent)

    @property
    def read_rate(self) -> float | None:
        return rate(self.read, self.sent)


def rate(number: int, sent: int | None) -> float | None:
    """In percent of those sent, with one decimal; None where nobody was, or nobody knows."""
    return round(100 * number / sent, 1) if sent else None


def by_device(job: Job) -> list[Figures]:
    """Of each device that sent, or tried; deleted ones too."""
    found = _by(job, "device_id")
    found.pop(NOBODY, None)
    names = dict(Device.unscoped.filter(pk__in=found, account_id=job.account_id).values_list("pk", "name"))
    return sorted(
        (Figures(pk, names.get(pk, ""), **counters) for pk, counters in found.items()),
        key=lambda figures: (figures.name, figures.number),
    )


def by_variant(job: Job) -> list[Figures]:
    """Of each variant, in their order; none where the job has but one text."""
    found = _by(job, "variant") if job.variants else {}
    nobody = dict.fromkeys(_AT_THE_END, 0)
    return [
        Figures(place, variant["text"], **found.get(place, nobody if _is_counted(job) else {}))
        for place, variant in enumerate(job.variants)
    ]


_RECEIPTS: Final = ("delivered", "read", "played", "failed_after", "replied")
_AT_THE_END: Final = ("total", "sent", "failed")

Counters = dict[str, Any]


def _by(job: Job, column: str) -> dict[int, Counters]:
    ended = job.finished_at is not None
    rows = (
        job.parts.values(column)
        .annotate(
            **{f"sum_{name}": Sum(name) for name in (*_RECEIPTS, *(_AT_THE_END if ended else ()))},
            first_at=Min("first_receipt_at"),
            last_at=Max("last_receipt_at"),
        )
        .order_by()
    )
    found: dict[int, Counters] = {
        row.pop(column): {name.removeprefix("sum_"): value for name, value in row.items()} for row in rows
    }
    if not ended and _is_counted(job):
        for key, counters in _count(job, column).items():
            found.setdefault(key, {}).update(counters)
    return found


def _is_counted(job: Job) -> bool:
    return job.finished_at is not None or job.total < COUNTED_BELOW


def _count(job: Job, column: str) -> Mapping[int, Counters]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT coalesce({column}, 0), count(*), count(*) FILTER (WHERE state IN ({sql_list(RECIPIENT_SENT)})),
                   count(*) FILTER (WHERE state IN ({sql_list(FAILED)}))
            FROM jobs_recipient WHERE job_id = %s AND state <> '{RecipientState.SUPPRESSED}' GROUP BY 1
            """,  # noqa: S608 - constants
            (job.pk,),
        )
        return {key: dict(zip(_AT_THE_END, counts, strict=True)) for key, *counts in cursor.fetchall()}
