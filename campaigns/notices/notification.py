"""Telling the sender that a campaign has ended: once, in the admin, and by e-mail where that is configured."""

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from campaigns.models import CampaignRun, Notification
from campaigns.notices import inbox, mailing
from campaigns.results import figures
from campaigns.wording import campaign_notes
from jobs.states import JOB_ENDED

BATCH_RUNS = 100


def notify_ended() -> int:
    """Notify the senders of runs whose jobs have ended since; return how many.

    Asked for every few seconds: jobs know nothing of campaigns, so nobody calls when one ends.
    """
    ended = CampaignRun.objects.filter(
        notified_at=None, job__finished_at__isnull=False, job__status__in=JOB_ENDED
    ).select_related("job__created_by", "campaign__account")
    return sum(_notify(run) for run in ended.order_by("pk")[:BATCH_RUNS])


def _notify(run: CampaignRun) -> bool:
    stats = figures.stats_of(run)
    sender = run.job.created_by
    with transaction.atomic():
        # Whoever sets it tells. Of two workers one does.
        if not CampaignRun.objects.filter(pk=run.pk, notified_at=None).update(notified_at=timezone.now()):
            return False
        if sender is not None:
            told = Notification.unscoped.create(
                account=run.campaign.account,
                user=sender,
                campaign=run.campaign,
                code=campaign_notes.ENDED_OF[run.job.status],
                details=campaign_notes.ended_details(run.campaign.title, run.job.state_reason, stats),
            )
    if sender is not None:
        inbox.tell_live(told)
        mailing.mail(told, reverse("admin:campaigns_campaign_page", args=[run.campaign_id]))
    return True
