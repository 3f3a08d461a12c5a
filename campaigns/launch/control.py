"""What a person may do to a campaign under way: pause, resume, cancel, retry what failed. Its jobs do it.

`note` is called once, in the transaction of the first change: `campaigns.actions` audits there.
"""

from django.db import transaction
from django.db.models.functions import Now

from campaigns.models import Campaign
from campaigns.states import CampaignStatus
from jobs import control
from jobs.control import Note, unnoted
from jobs.models import IllegalTransition, Job
from jobs.states import JOB_ENDED


class NotLaunched(IllegalTransition):
    """The campaign has no job yet."""


def pause(campaign: Campaign, note: Note = unnoted) -> int:
    """Send no more for now; return how many jobs that stopped."""
    note = _once(note)
    return sum(control.pause(job, note=note) for job in _open_jobs(campaign) or [_latest_job(campaign)])


def resume(campaign: Campaign, note: Note = unnoted) -> int:
    """Go on; return how many jobs were paused."""
    note = _once(note)
    return sum(control.resume(job, note) for job in _open_jobs(campaign) or [_latest_job(campaign)])


def cancel(campaign: Campaign, note: Note = unnoted) -> bool:
    """End it: what is being sent, and what was still to come. True when it was not cancelled before."""
    waiting = Campaign.unscoped.filter(pk=campaign.pk, status__in=[CampaignStatus.PENDING, CampaignStatus.FAILED])
    note = _once(note)
    with transaction.atomic():
        closed = waiting.update(status=CampaignStatus.CANCELLED, updated_at=Now())
        if closed:
            note(1)
    cancelled = [control.cancel(job, note) for job in _open_jobs(campaign)]
    if closed or any(cancelled):
        return True
    fresh: Campaign = Campaign.unscoped.get(pk=campaign.pk)
    if fresh.current_status != CampaignStatus.CANCELLED:
        raise IllegalTransition(f"a campaign that is {fresh.current_status} cannot be cancelled")
    return False


def retry_failed(campaign: Campaign, note: Note = unnoted) -> int:
    """Queue again every recipient of the latest run that failed and may be retried; return how many."""
    return control.retry_failed(_latest_job(campaign), note)


def _once(note: Note) -> Note:
    """What is done to several jobs is one act."""
    noted: list[int] = []

    def first(changed: int) -> None:
        if not noted:
            note(changed)
        noted.append(changed)

    return first


def is_under_way(campaign: Campaign) -> bool:
    """Whether any of its jobs has not ended."""
    return bool(_open_jobs(campaign))


def _open_jobs(campaign: Campaign) -> list[Job]:
    jobs = Job.objects.for_account(campaign.account_id).filter(campaign_run__campaign=campaign)
    return list(jobs.exclude(status__in=JOB_ENDED))


def _latest_job(campaign: Campaign) -> Job:
    run = campaign.latest_run
    if run is None:
        raise NotLaunched(f"campaign {campaign.pk} was not launched")
    return run.job
