"""What a person may do to a campaign under way: pause, resume, cancel, retry what failed. Its jobs do it.

`note` is called once, with how many jobs or recipients changed, in the transaction that changes them:
`campaigns.actions` audits there.
"""

from django.db import transaction
from django.db.models import QuerySet

from campaigns.models import Campaign
from campaigns.states import CampaignStatus, campaign_sources
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
    run = campaign.latest_run
    if run is not None and campaign.status != CampaignStatus.CANCELLED:
        acts |= control.possible(run.job) & {"retry_failed"}
    return acts


def pause(campaign: Campaign, note: Note = unnoted) -> int:
    """Send no more for now; return how many jobs that stopped."""
    return control.pause_all(list(_open_jobs(campaign)) or [_latest_job(campaign)], note=note)


def resume(campaign: Campaign, note: Note = unnoted) -> int:
    """Go on; return how many jobs were paused."""
    return control.resume_all(list(_open_jobs(campaign)) or [_latest_job(campaign)], note)


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
