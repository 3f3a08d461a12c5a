"""Telling whoever began a large job that it is held after its first few, and waits for a person: once."""

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, Role
from campaigns.models import CampaignRun, Notification
from campaigns.notices import inbox, mailing
from campaigns.wording import campaign_notes
from jobs.models import Job
from jobs.states import CanaryState, JobStatus

BATCH = 100


def notify_held() -> int:
    """Tell of what is held since; return how many notifications that were."""
    # Of the index of open jobs: few.
    held = Job.unscoped.filter(
        finished_at=None, status=JobStatus.PAUSED, canary_state=CanaryState.HELD, canary_told_at=None
    )
    return sum(_tell(job) for job in held.order_by("pk")[:BATCH])


def _tell(job: Job) -> int:
    with transaction.atomic():
        # Whoever sets it tells. Of two workers one does.
        if not Job.unscoped.filter(pk=job.pk, canary_told_at=None).update(canary_told_at=timezone.now()):
            return 0
        run = CampaignRun.objects.filter(job=job).first()
        made = [
            Notification.unscoped.create(
                account_id=job.account_id,
                user_id=user_id,
                campaign_id=run.campaign_id if run is not None else None,
                code=campaign_notes.JOB_HELD,
                details=campaign_notes.held_details(str(job.uuid), str(job), job.state_reason),
            )
            for user_id in _whom(job)
        ]
    for told in made:
        inbox.tell_live(told)
        mailing.mail(told, reverse("admin:jobs_job_live", args=[job.uuid]))
    return len(made)


def _whom(job: Job) -> list[int]:
    """Who began it, where they may still decide; else the account's administrators."""
    members = Membership.objects.for_account(job.account_id).filter(user__is_active=True).order_by("pk")
    began = members.filter(user=job.created_by_id).exclude(role=Role.VIEWER)
    whom = began if began.exists() else members.filter(role=Role.ADMINISTRATOR)
    return list(whom.values_list("user_id", flat=True))
