"""The states of a job and of a recipient, and every move between them.

Nothing else moves them: each statement that does takes its states from here, by `Job.move`, `recipient_move` or
`RECIPIENT_MOVES` itself, and a test reads the code for one that does not. A move names its one edge, source and target:
whoever looked a moment ago and means to start a job must not undo the pause that came in between.
"""

from collections.abc import Iterable
from typing import NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _


class JobStatus(models.TextChoices):
    PENDING = "pending", _("pending")
    PROCESSING = "processing", _("processing")
    PAUSED = "paused", _("paused")
    COMPLETED = "completed", _("completed")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


JOB_MOVES: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.PENDING: frozenset({JobStatus.PROCESSING, JobStatus.PAUSED, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.PROCESSING: frozenset({JobStatus.PAUSED, JobStatus.COMPLETED, JobStatus.CANCELLED}),
    # Not failed: it has not begun, or is under way. What is wrong with it is found when it goes on.
    JobStatus.PAUSED: frozenset({JobStatus.PENDING, JobStatus.PROCESSING, JobStatus.COMPLETED, JobStatus.CANCELLED}),
    # A retry of what failed reopens an ended job.
    JobStatus.COMPLETED: frozenset({JobStatus.PROCESSING}),
    JobStatus.FAILED: frozenset({JobStatus.PROCESSING}),
    JobStatus.CANCELLED: frozenset(),
}
JOB_ENDED = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})


def job_sources(target: JobStatus) -> list[JobStatus]:
    """The states from which a job may become `target`."""
    return [source for source, targets in JOB_MOVES.items() if target in targets]


def may_become(source: str, target: JobStatus) -> bool:
    return target in JOB_MOVES[JobStatus(source)]


class MessageKind(models.TextChoices):
    """What a campaign's messages are to those who get them."""

    COMMERCIAL = "commercial", _("commercial")  # offers, news: to be agreed to, and to be had no more of
    SERVICE = "service", _("service")  # of what somebody has ordered, booked or asked


class CanaryState(models.TextChoices):
    """How a job's canary stands: see `sending.canary`. Passed or held, a person's word on it is its end."""

    NONE = ""
    UNDER_WAY = "under_way"
    PASSED = "passed"
    HELD = "held"
    OVERRULED = "overruled"


class RecipientState(models.TextChoices):
    QUEUED = "queued", _("queued")
    SENDING = "sending", _("sending")
    AMBIGUOUS = "ambiguous", _("being looked up")
    SENT = "sent", _("sent")
    DELIVERED = "delivered", _("delivered")
    READ = "read", _("read")
    FAILED = "failed", _("failed")
    SUPPRESSED = "suppressed", _("suppressed")
    CANCELLED = "cancelled", _("cancelled")
    UNKNOWN = "unknown", _("unknown")


# While any recipient is in one of these, the job goes on.
RECIPIENT_OPEN = frozenset({RecipientState.QUEUED, RecipientState.SENDING, RecipientState.AMBIGUOUS})
# Counted as `sent` in a job's progress; every other ended state counts as `failed`, so that they sum to the total.
RECIPIENT_SENT = frozenset({RecipientState.SENT, RecipientState.DELIVERED, RecipientState.READ})
# Of whom a receipt has said so. Only receipts make them.
RECEIVED = frozenset({RecipientState.DELIVERED, RecipientState.READ})

RECIPIENT_MOVES: dict[RecipientState, frozenset[RecipientState]] = {
    RecipientState.QUEUED: frozenset(
        {
            RecipientState.SENDING,
            RecipientState.CANCELLED,
            RecipientState.SUPPRESSED,
            RecipientState.FAILED,
            RecipientState.UNKNOWN,  # in the place of those three, where an earlier try may have gone out
            *RECEIVED,  # an earlier try did go out, and nothing more does
        }
    ),
    RecipientState.SENDING: frozenset(
        {RecipientState.SENT, RecipientState.QUEUED, RecipientState.FAILED, RecipientState.AMBIGUOUS}
    ),
    RecipientState.AMBIGUOUS: frozenset(
        {RecipientState.SENT, RecipientState.QUEUED, RecipientState.FAILED, RecipientState.UNKNOWN, *RECEIVED}
    ),
    # Refused by WhatsApp after the gateway had taken it; `unknown` where an earlier try may have gone out.
    RecipientState.SENT: frozenset({*RECEIVED, RecipientState.FAILED, RecipientState.UNKNOWN}),
    RecipientState.DELIVERED: frozenset({RecipientState.READ}),
    RecipientState.READ: frozenset(),
    # A receipt that arrives after all lifts it; so it does whatever was left in doubt.
    RecipientState.FAILED: frozenset({RecipientState.SENT, RecipientState.QUEUED, *RECEIVED}),
    # Left out, or cancelled, before another try; and has the message of an earlier one, as its receipt says.
    RecipientState.SUPPRESSED: RECEIVED,
    # Queued only where the job failed for want of a device, so that a retry begins it after all.
    RecipientState.CANCELLED: frozenset({RecipientState.QUEUED, *RECEIVED}),
    # Only a person, audited, or a receipt that arrives after all.
    RecipientState.UNKNOWN: frozenset({RecipientState.QUEUED, RecipientState.SENT, RecipientState.FAILED, *RECEIVED}),
}


class Move(NamedTuple):
    """One move of a recipient, for the statement that makes it: where it must stand, what it becomes. Plain texts."""

    source: str
    target: str


def recipient_move(source: RecipientState, target: RecipientState) -> Move:
    """One of RECIPIENT_MOVES. Raises ValueError where the table has no such move."""
    if target not in RECIPIENT_MOVES[source]:
        raise ValueError(f"no recipient that is {source} may become {target}")
    return Move(source.value, target.value)


def sql_list(states: Iterable[str]) -> str:
    """States as they stand between SQL's brackets: 'delivered', 'read', 'sent'. NULL, which nothing is, for none."""
    return ", ".join(f"'{state}'" for state in sorted(states)) or "NULL"


class Wish(models.TextChoices):
    """What somebody wishes."""

    OUT = "out", _("wants no more messages")
    IN = "in", _("wants messages again")
    IN_AFTER_OUT = "in_after_out", _("wants messages again")  # where it comes soon after OUT; otherwise nothing
    NEAR_OUT = "near_out", _("perhaps wants no more messages")  # a person must read it
    NONE = "", _("none")
