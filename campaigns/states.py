"""The states of a campaign, as seed 003 and the contract name them."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from jobs.states import JobStatus


class CampaignStatus(models.TextChoices):
    PENDING = "pending", _("pending")
    RUNNING = "running", _("running")
    PAUSED = "paused", _("paused")
    COMPLETED = "completed", _("completed")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


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
