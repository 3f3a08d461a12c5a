"""What a person may do to a campaign under way: pause, resume, cancel, retry what failed. Its jobs do it; a recurring
one can also be paused between its runs, which stops the recurrence.

`note` is called once, with how many jobs or recipients changed, in the transaction that changes them:
`campaigns.actions` audits there.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from campaigns.launch import launching
from campaigns.models import Campaign
from campaigns.states import CAMPAIGN_WAITING, CampaignStatus, campaign_sources
from jobs import control
from jobs.control import Note, unnoted
from jobs.models import IllegalTransition, Job
from jobs.states import JOB_ENDED


class NotLaunched(IllegalTransition):
    """The campaign has no job yet."""


def possible(campaign: Campaign) -> set[str]:
    """What there is to offer to a person now: "pause", "resume", "cancel", "retry_failed"."""
    acts = {act for job in _open_jobs(campaign) for act in control.possible(job)}
    if campaign.status in campaign_sources(CampaignStatus.CANCELLED):
        acts.add("cancel")
    if campaign.recurrence and campaign.status == CampaignStatus.PENDING:
        acts.add("pause")
    if campaign.status == CampaignStatus.PAUSED:
        acts = acts - {"pause"} | {"resume"}
    run = campaign.latest_run
    if run is not None and campaign.status != CampaignStatus.CANCELLED:
        acts |= control.possible(run.job) & {"retry_failed"}
    return acts


def pause(campaign: Campaign, note: Note = unnoted) -> int:
    """Send no more for now, nor again where it recurs; return how much that stopped: jobs, and the recurrence."""
    with transaction.atomic():
        locked = _locked(campaign)
        stops = 0
        if locked.recurrence and locked.status == CampaignStatus.PENDING:
            stops = Campaign.unscoped.filter(pk=campaign.pk).move(CampaignStatus.PAUSED)
        return _with_jobs(locked, stops, control.pause_all, note)


def resume(campaign: Campaign, note: Note = unnoted, now: datetime | None = None) -> int:
    """Go on, where it recurs with its next time; return how much was paused: jobs, and the recurrence."""
    now = now or timezone.now()
    with transaction.atomic():
        locked = _locked(campaign)
        goes_on = 0
        if locked.status == CampaignStatus.PAUSED:
            recurs = launching.recurrence_of(locked)
            changes: dict[str, Any] = {}
            # What went by meanwhile a person had stopped: it is not made up for.
            if recurs is not None and locked.scheduled_at is not None and locked.scheduled_at <= now:
                changes = {"scheduled_at": recurs.next_after(now) or locked.scheduled_at}
            goes_on = Campaign.unscoped.filter(pk=campaign.pk).move(CampaignStatus.PENDING, **changes)
        return _with_jobs(locked, goes_on, control.resume_all, note)


def _with_jobs(campaign: Campaign, moved: int, act: Callable[..., int], note: Note) -> int:
    """Do it to the campaign's open jobs as well; one that rests between its runs has none. One act, noted once."""
    jobs = list(_open_jobs(campaign))
    rests = bool(campaign.recurrence) and campaign.status in CAMPAIGN_WAITING
    if not jobs and not rests:
        jobs = [_latest_job(campaign)]
    changed = act(jobs, note=unnoted)
    if moved or changed:
        note(changed)
    return moved + changed


def _locked(campaign: Campaign) -> Campaign:
    """The campaign as it is, which nobody launches or changes until our transaction ends."""
    locked: Campaign = Campaign.unscoped.select_for_update(no_key=True).get(pk=campaign.pk)
    return locked


def cancel(campaign: Campaign, note: Note = unnoted) -> bool:
    """End it: what is being sent, and what was still to come. True when it was not cancelled before."""
    with transaction.atomic():
        closed = Campaign.unscoped.filter(pk=campaign.pk).move(CampaignStatus.CANCELLED)
        # None of them ends by itself meanwhile.
        jobs = _open_jobs(campaign).select_for_update(no_key=True, of=("self",))
        cancelled = [job for job in jobs if control.move_to_cancelled(job)]
        if closed or cancelled:
            note(len(cancelled))
    for job in cancelled:
        control.finish_cancelled(job)
    if closed or cancelled:
        return True
    fresh: Campaign = Campaign.unscoped.get(pk=campaign.pk)
    if fresh.current_status != CampaignStatus.CANCELLED:
        raise IllegalTransition(f"a campaign that is {fresh.current_status} cannot be cancelled")
    return False


def retry_failed(campaign: Campaign, note: Note = unnoted) -> int:
    """Queue again every recipient of the latest run that failed and may be retried; return how many."""
    return control.retry_failed(_latest_job(campaign), note)


def is_under_way(campaign: Campaign) -> bool:
    """Whether any of its jobs has not ended."""
    return _open_jobs(campaign).exists()


def _open_jobs(campaign: Campaign) -> QuerySet[Job]:
    jobs: QuerySet[Job] = Job.objects.for_account(campaign.account_id).filter(campaign_run__campaign=campaign)
    return jobs.exclude(status__in=JOB_ENDED).order_by("pk")


def _latest_job(campaign: Campaign) -> Job:
    run = campaign.latest_run
    if run is None:
        raise NotLaunched(f"campaign {campaign.pk} was not launched")
    return run.job
