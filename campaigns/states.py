"""The states of a campaign, as seed 003 and the contract name them."""

from django.db import models
from django.utils.translation import pgettext_lazy

from jobs.states import JobStatus


class CampaignStatus(models.TextChoices):
    # A campaign is of another gender than a job.
    PENDING = "pending", pgettext_lazy("campaign", "pending")
    RUNNING = "running", pgettext_lazy("campaign", "running")
    PAUSED = "paused", pgettext_lazy("campaign", "paused")
    COMPLETED = "completed", pgettext_lazy("campaign", "completed")
    FAILED = "failed", pgettext_lazy("campaign", "failed")
    CANCELLED = "cancelled", pgettext_lazy("campaign", "cancelled")


# No run will follow; a failed one may be mended and launched after all.
CAMPAIGN_CLOSED = frozenset({CampaignStatus.FAILED, CampaignStatus.CANCELLED})

# A launched campaign is what its job is.
STATUS_OF_JOB: dict[str, CampaignStatus] = {
    JobStatus.PENDING: CampaignStatus.RUNNING,
    JobStatus.PROCESSING: CampaignStatus.RUNNING,
    JobStatus.PAUSED: CampaignStatus.PAUSED,
    JobStatus.COMPLETED: CampaignStatus.COMPLETED,
    JobStatus.FAILED: CampaignStatus.FAILED,
    JobStatus.CANCELLED: CampaignStatus.CANCELLED,
}
