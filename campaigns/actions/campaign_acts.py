"""What a person does to campaigns: one function an act, with its one audit entry (see `jobs.actions`)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction

from accounts import audit
from accounts.audit import Actor
from campaigns.launch import control, drafting, launching, media, test_message
from campaigns.live import changes
from campaigns.models import Campaign, CampaignRun
from campaigns.tasks import freeze_audience
from jobs.models import Job
from jobs.tasks import start_job

NamedFile = tuple[str, "UploadedFile[Any]", str]  # its kind ("image"), itself, and the name it is sent with


class SegmentGone(Exception):
    """The segment that the campaign is to have was deleted this very moment."""


# --- Before its launch -----------------------------------------------------------------------------------


def create(actor: Actor, fields: dict[str, Any], now: datetime, file: NamedFile | None = None) -> Campaign:
    """Make a campaign of valid fields. Raises SegmentGone."""
    with _kept_file(file) as kept, _kept_segment():
        campaign = drafting.create(actor.account, actor.user, fields, now)
        if kept is not None:
            drafting.attach_file(campaign, kept)
        _record(actor, "created", campaign)
    _tell(campaign)
    return campaign


def change(
    actor: Actor, campaign: Campaign, fields: dict[str, Any], now: datetime, file: NamedFile | None = None
) -> None:
    """Change a campaign that was not launched. Raises LaunchRefused and SegmentGone."""
    with _kept_file(file) as kept, _kept_segment():
        changed = drafting.change(campaign, fields, now)
        if kept is not None:
            drafting.attach_file(campaign, kept)
            changed = sorted({*changed, "multimedia"})
        if changed:
            _record(actor, "changed", campaign, fields=changed)
    _tell(campaign)


def attach_file(actor: Actor, campaign: Campaign, file: NamedFile) -> None:
    """Keep an uploaded file as the campaign's multimedia, instead of any other. Raises LaunchRefused."""
    with media.kept(*file) as kept, transaction.atomic():
        drafting.attach_file(campaign, kept)
        _record(actor, "changed", campaign, fields=["multimedia"])
    _tell(campaign)


def delete(actor: Actor, campaign: Campaign) -> None:
    """Delete a campaign and its file; its jobs stay. Raises LaunchRefused."""
    with transaction.atomic():
        _record(actor, "deleted", campaign)
        drafting.delete(campaign)


def send_test(actor: Actor, campaign: Campaign, phones: Sequence[str]) -> Job:
    """Send the message to a few numbers at once; return the job that does. Raises MediaRefused."""

    def note(job: Job) -> None:
        _record(actor, "tested", campaign, job=str(job.uuid), phones=len(phones))

    job = test_message.send_test(campaign, phones, actor.user, note)
    transaction.on_commit(lambda: start_job.delay(job.pk), robust=True)
    return job


# --- Launch and control ------------------------------------------------------------------------------------


def launch(actor: Actor, campaign: Campaign, now: datetime) -> CampaignRun:
    """Send it now, whatever it was scheduled for. Raises Refused."""

    def note(run: CampaignRun) -> None:
        _record(actor, "launched", campaign, job=str(run.job.uuid))

    run = launching.trigger(campaign, actor.user, now, note)
    # Only a nudge: without a broker the answer is the same, and the schedule's next minute does it.
    transaction.on_commit(lambda: freeze_audience.delay(run.pk), robust=True)
    _tell(campaign)
    return run


def pause(actor: Actor, campaign: Campaign) -> int:
    """Return how much that stopped. Raises NotLaunched and IllegalTransition."""
    return _control(actor, campaign, "pause", control.pause)


def resume(actor: Actor, campaign: Campaign) -> int:
    """Return how much goes on. Raises NotLaunched and IllegalTransition."""
    return _control(actor, campaign, "resume", control.resume)


def cancel(actor: Actor, campaign: Campaign) -> int:
    """Return whether it was not cancelled before. Raises IllegalTransition."""
    return _control(actor, campaign, "cancel", control.cancel)


def retry_failed(actor: Actor, campaign: Campaign) -> int:
    """Return how many recipients are tried again. Raises NotLaunched and IllegalTransition."""
    return _control(actor, campaign, "retry_failed", control.retry_failed)


# By the name that the API's addresses and the page's buttons have.
CONTROLS: Final[dict[str, Callable[[Actor, Campaign], int]]] = {
    "pause": pause,
    "resume": resume,
    "cancel": cancel,
    "retry_failed": retry_failed,
}


def exported(actor: Actor, campaign: Campaign) -> None:
    """Note that somebody takes the campaign's outcome away as a file. Called before its first line."""
    _record(actor, "exported", campaign)


def _control(actor: Actor, campaign: Campaign, verb: str, act: Callable[..., int]) -> int:
    changed = act(campaign, note=lambda number: _record(actor, verb, campaign, recipients=number))
    if changed:
        _tell(campaign)
    return changed


def _record(actor: Actor, verb: str, campaign: Campaign, **details: Any) -> None:
    audit.record(actor, f"campaign.{verb}", campaign, id=campaign.pk, **details)


def _tell(campaign: Campaign) -> None:
    transaction.on_commit(lambda: changes.campaign_changed(campaign), robust=True)


def _kept_file(file: NamedFile | None) -> AbstractContextManager[media.KeptFile | None]:
    return nullcontext() if file is None else media.kept(*file)


@contextmanager
def _kept_segment() -> Iterator[None]:
    """A transaction, refused where the campaign's segment is deleted before its end."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if "segment_id" not in str(error):
            raise
        raise SegmentGone from None
