"""The states of a campaign, as seed 003 and the contract name them, those of an import, and every move between them.

Nothing else moves them: `CampaignQuerySet.move` and `ContactImportQuerySet.move` ask these tables, and a test reads the
code for an update that does not.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from jobs.states import JobStatus


class Basis(models.TextChoices):
    """On what somebody may be written to."""

    CONSENT = "consent", _("consent")
    LEGITIMATE_INTEREST = "legitimate_interest", _("legitimate interest")
    CONTRACT = "contract", _("contract")


class Channel(models.TextChoices):
    """Through what somebody said that they want messages, or none."""

    FILE = "file", _("file")
    API = "api", _("API")
    ADMIN = "admin", _("admin")
    REPLY = "reply", _("WhatsApp")
    FORM = "form", _("form")
    PHONE = "phone", _("telephone")
    IN_PERSON = "in_person", _("in person")
    OTHER = "other", _("another way")


class CampaignStatus(models.TextChoices):
    # A campaign is of another gender than a job.
    PENDING = "pending", pgettext_lazy("campaign", "pending")
    RUNNING = "running", pgettext_lazy("campaign", "running")
    PAUSED = "paused", pgettext_lazy("campaign", "paused")
    COMPLETED = "completed", pgettext_lazy("campaign", "completed")
    FAILED = "failed", pgettext_lazy("campaign", "failed")
    CANCELLED = "cancelled", pgettext_lazy("campaign", "cancelled")


# Of the column, which says only what no run can: completed is never in it, and paused is one whose recurrence rests.
CAMPAIGN_MOVES: dict[CampaignStatus, frozenset[CampaignStatus]] = {
    # To itself when it is changed, or launched and comes again.
    CampaignStatus.PENDING: frozenset(
        {
            CampaignStatus.PENDING,
            CampaignStatus.RUNNING,
            CampaignStatus.PAUSED,
            CampaignStatus.FAILED,
            CampaignStatus.CANCELLED,
        }
    ),
    # Launched once more, where it recurred; or changed and launched where its run was deleted with the job.
    CampaignStatus.RUNNING: frozenset({CampaignStatus.PENDING, CampaignStatus.RUNNING}),
    # To itself when it is changed: it goes on by a person alone.
    CampaignStatus.PAUSED: frozenset({CampaignStatus.PENDING, CampaignStatus.PAUSED, CampaignStatus.CANCELLED}),
    CampaignStatus.COMPLETED: frozenset(),
    CampaignStatus.FAILED: frozenset({CampaignStatus.PENDING, CampaignStatus.RUNNING, CampaignStatus.CANCELLED}),
    CampaignStatus.CANCELLED: frozenset(),
}

# A run may follow by itself or once a person has it go on: what it needs must be there.
CAMPAIGN_WAITING = frozenset({CampaignStatus.PENDING, CampaignStatus.PAUSED})

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


def campaign_sources(target: CampaignStatus) -> list[CampaignStatus]:
    """The states from which a campaign may become `target`."""
    return [source for source, targets in CAMPAIGN_MOVES.items() if target in targets]


class ImportKind(models.TextChoices):
    """What a file is of."""

    CONTACTS = "contacts", _("contacts")
    SUPPRESSIONS = "suppressions", _("suppressed numbers")
    EXCLUSIONS = "exclusions", _("exclusion list")


class ImportStatus(models.TextChoices):
    CHECKING = "checking", _("being checked")
    READY = "ready", _("checked, waiting for your word")
    RUNNING = "running", _("being imported")
    COMPLETED = "completed", pgettext_lazy("contact import", "completed")
    FAILED = "failed", pgettext_lazy("contact import", "failed")


# While it is in one of these, a worker should be at it.
IMPORT_OPEN = frozenset({ImportStatus.CHECKING, ImportStatus.RUNNING})

IMPORT_MOVES: dict[ImportStatus, frozenset[ImportStatus]] = {
    # To itself, and back to it, when a person reads the file otherwise.
    ImportStatus.CHECKING: frozenset({ImportStatus.CHECKING, ImportStatus.READY, ImportStatus.FAILED}),
    # Given up where it names somebody who was erased meanwhile.
    ImportStatus.READY: frozenset({ImportStatus.CHECKING, ImportStatus.RUNNING, ImportStatus.FAILED}),
    ImportStatus.RUNNING: frozenset({ImportStatus.COMPLETED, ImportStatus.FAILED}),
    ImportStatus.COMPLETED: frozenset(),
    ImportStatus.FAILED: frozenset(),
}


def import_sources(target: ImportStatus) -> list[ImportStatus]:
    """The states from which an import may become `target`."""
    return [source for source, targets in IMPORT_MOVES.items() if target in targets]
