"""Where campaigns stand: their latest runs, and what became of the recipients, counted from the rows.

A person who read the message was also delivered and sent to: `sent` counts all three, so that
total = pending + sent + failed + suppressed + unknown, and sent ≥ delivered ≥ read.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from django.db import connection

from campaigns.models import Campaign, CampaignRun
from jobs.models import Job
from jobs.states import RECIPIENT_OPEN, RecipientState

NO_STATS: Final = dict.fromkeys(
    ("total", "pending", "sent", "delivered", "read", "replied", "failed", "suppressed", "unknown"), 0
)
_COUNTED_AS: Final = {
    **dict.fromkeys(RECIPIENT_OPEN, ("pending",)),
    RecipientState.SENT: ("sent",),
    RecipientState.DELIVERED: ("sent", "delivered"),
    RecipientState.READ: ("sent", "delivered", "read"),
    RecipientState.FAILED: ("failed",),
    RecipientState.CANCELLED: ("failed",),
    RecipientState.SUPPRESSED: ("suppressed",),
    RecipientState.UNKNOWN: ("unknown",),
}


def latest_runs(campaigns: Iterable[Campaign]) -> dict[int, CampaignRun]:
    """The latest run of each campaign that has one, with its job: {campaign id: run}."""
    runs = (
        CampaignRun.objects.filter(campaign__in=[campaign.pk for campaign in campaigns])
        .order_by("campaign_id", "-pk")
        .distinct("campaign_id")
        .select_related("job")
    )
    return {run.campaign_id: run for run in runs}


# Counting a million rows takes a second: of a large job under way what its row does not say is counted once a minute.
LARGE_JOB: Final = 50_000
KEPT_SECONDS: Final = 60.0
_MOST_KEPT: Final = 1_000
_kept: dict[tuple[Any, ...], tuple[float, dict[str, int]]] = {}


def delivery_stats(jobs: Collection[Job]) -> dict[int, dict[str, int]]:
    """The `delivery_stats` of the contract, by job id. Of a large job under way, who is suppressed or unknown was
    counted a minute ago, perhaps; the rest is current, and the sums hold."""
    now = time.monotonic()
    known = {job.pk: dict(kept) for job in jobs if (kept := _remembered(job, now)) is not None}
    counted = _count([job for job in jobs if job.pk not in known])
    for job in jobs:
        if job.pk in counted and _is_large(job):
            if len(_kept) >= _MOST_KEPT:
                _kept.clear()
            _kept[_key(job)] = now + KEPT_SECONDS, dict(counted[job.pk])
    stats = known | counted
    return {job.pk: _current(job, stats[job.pk]) if _is_large(job) else stats[job.pk] for job in jobs}


def _is_large(job: Job) -> bool:
    """Under way, and not counted at every look."""
    return job.total >= LARGE_JOB and "by_state" not in job.results


def _remembered(job: Job, now: float) -> dict[str, int] | None:
    expires, stats = _kept.get(_key(job), (0.0, None))
    return stats if now < expires else None


def _key(job: Job) -> tuple[Any, ...]:
    # The end is shown with the final numbers, however soon it comes.
    return job.uuid, job.status, job.total, job.finished_at


def _current(job: Job, counted: Mapping[str, int]) -> dict[str, int]:
    """What its row says now; who ended unsent is split as it was when they were counted."""
    suppressed = min(counted["suppressed"], job.failed)
    unknown = min(counted["unknown"], job.failed - suppressed)
    return {
        **counted,
        "total": job.total,
        "pending": job.total - job.sent - job.failed,
        "sent": job.sent,
        "delivered": job.delivered,
        "read": job.read,
        "replied": job.replied,
        "failed": job.failed - suppressed - unknown,
        "suppressed": suppressed,
        "unknown": unknown,
    }


def _count(jobs: Collection[Job]) -> dict[int, dict[str, int]]:
    if not jobs:
        return {}
    stats: dict[int, dict[str, int]] = defaultdict(lambda: dict(NO_STATS))
    # The results of one that has ended move with its receipts.
    settled = {job.pk: job.results["by_state"] for job in jobs if job.total >= LARGE_JOB and "by_state" in job.results}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT job_id, state, count(*) FROM jobs_recipient WHERE job_id = ANY(%s) GROUP BY job_id, state",
            ([job.pk for job in jobs if job.pk not in settled],),
        )
        rows = cursor.fetchall()
        rows += [(pk, state, number) for pk, by_state in settled.items() for state, number in by_state.items()]
        for job_id, state, number in rows:
            for name in ("total", *_COUNTED_AS[RecipientState(state)]):
                stats[job_id][name] += number
    for job in jobs:
        stats[job.pk]["replied"] = job.replied
    return {job.pk: stats[job.pk] for job in jobs}


def stats_of(run: CampaignRun | None) -> dict[str, Any]:
    """The `delivery_stats` of one campaign whose latest run this is."""
    return dict(NO_STATS) if run is None else delivery_stats([run.job])[run.job_id]


def attach(campaigns: Iterable[Campaign]) -> list[Campaign]:
    """Give each campaign its latest `run` (or None) and its `stats`, for who shows them."""
    campaigns = list(campaigns)
    runs = latest_runs(campaigns)
    stats = delivery_stats([run.job for run in runs.values()])
    for campaign in campaigns:
        run = runs.get(campaign.pk)
        campaign.run = run  # type: ignore[attr-defined]
        campaign.stats = dict(NO_STATS) if run is None else stats[run.job_id]  # type: ignore[attr-defined]
    return campaigns
