"""From a campaign to its run: one job for each scheduled time, whose recipients are the audience as it is then."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from accounts.models import User
from campaigns.audience import fitting
from campaigns.audience.conditions import Audience
from campaigns.audience.freezing import freeze
from campaigns.audience.refused import BadAudience, EmptyAudience, Refused
from campaigns.contacts import people
from campaigns.exclusions import hits
from campaigns.launch import media, recurrence, unfilled_texts
from campaigns.launch.unfilled_texts import texts_of
from campaigns.models import Campaign, CampaignRun
from campaigns.states import CampaignStatus
from jobs import windows
from jobs.message.rendering import variables_of
from jobs.models import Job, MessageSyntax
from jobs.sending import finishing
from jobs.states import JOB_ENDED
from jobs.wording.job_reasons import NO_RECIPIENTS

_FREEZING = 0x63616D70  # "camp": the first key of the advisory locks of freezing


class LaunchRefused(Refused):
    """The campaign cannot be launched, changed or deleted as it is."""


class AlreadyLaunched(LaunchRefused):
    """Somebody, or another worker, has launched it for this time."""

    def __init__(self) -> None:
        super().__init__("campaign_already_ran")


Note = Callable[[CampaignRun], object]


def why_not(campaign: Campaign, scheduled_at: datetime | None = None) -> LaunchRefused | None:
    """Why the campaign's state forbids a launch for this time, or (None) at once; None where it does not.

    A recurring one may be launched once all its runs before have ended, by its schedule and besides it; any other once.
    """
    if campaign.status == CampaignStatus.CANCELLED:
        return LaunchRefused("campaign_cancelled")
    if not campaign.recurrence:
        # Its row says so even when its job, and with it the run, has been deleted: nobody gets it twice for that.
        was_launched = campaign.status == CampaignStatus.RUNNING or campaign.runs.exists()
        return AlreadyLaunched() if was_launched else None
    if scheduled_at is not None and campaign.runs.filter(scheduled_at=scheduled_at).exists():
        return AlreadyLaunched()
    if campaign.status == CampaignStatus.PAUSED:
        return LaunchRefused("campaign_paused")
    is_under_way = campaign.runs.exclude(job__status__in=JOB_ENDED).exists()
    return LaunchRefused("campaign_under_way") if is_under_way else None


def trigger(campaign: Campaign, user: User | None, now: datetime, note: Note = lambda run: None) -> CampaignRun:
    """Launch a campaign at once, on a person's word. A recurring one keeps its schedule besides.

    Raises what `launch` raises.
    """
    if refused := why_not(campaign):
        raise refused
    # One that does not recur under the time it was scheduled for, so that the schedule finds it done.
    scheduled_at = now if campaign.recurrence else campaign.scheduled_at or now
    return launch(campaign, scheduled_at, user, note)


def launch(campaign: Campaign, scheduled_at: datetime, user: User | None, note: Note = lambda run: None) -> CampaignRun:
    """Make the campaign's run for this time, with its job; the caller then has its audience frozen (`freeze_run`).

    However many launch at once, one does. Raises Refused; then nothing has changed. `note` is called with
    the run in the transaction that makes it. Looks at the media over the network first: not to be called in a
    transaction.
    """
    if audience_of(campaign).is_empty:
        raise EmptyAudience
    unfilled_texts.check(campaign)
    attachment = media.checked(campaign)
    with transaction.atomic():
        locked = Campaign.unscoped.select_for_update(no_key=True).get(pk=campaign.pk)
        if refused := why_not(locked, scheduled_at):
            raise refused
        if locked.updated_at != campaign.updated_at:  # what was looked at is no longer what would be sent
            raise LaunchRefused("campaign_changed")
        job = _make_job(locked, attachment, user)
        run: CampaignRun = locked.runs.create(scheduled_at=scheduled_at, job=job)
        following = _following(locked, scheduled_at)
        target = CampaignStatus.RUNNING if following is None else CampaignStatus.PENDING
        changes = {} if following is None else {"scheduled_at": following}
        moved = Campaign.unscoped.filter(pk=campaign.pk).move(
            target, note_code="", note_details={}, missed_at=None, **changes
        )
        assert moved, f"campaign {campaign.pk} is {locked.status}, and was to be launched"  # why_not lets none through
        note(run)
    return run


def audience_of(campaign: Campaign) -> Audience:
    """Whom the campaign is for: its segment's audience, or its own. Raises BadAudience."""
    raw = campaign.segment.audience if campaign.segment is not None else campaign.audience
    return fitting.read(raw, campaign.account)


def recurrence_of(campaign: Campaign) -> recurrence.Recurrence | None:
    """When the campaign recurs; None where it does not."""
    if not campaign.recurrence:
        return None
    return recurrence.parse(campaign.recurrence, ZoneInfo(campaign.time_zone), campaign.recurs_from)


def _make_job(campaign: Campaign, attachment: dict[str, Any], user: User | None) -> Job:
    sending_window = campaign.sending_window or campaign.account.sending_window
    job: Job = Job.unscoped.create(
        account_id=campaign.account_id,
        created_by=user or campaign.sender,
        title=campaign.title,
        kind=campaign.kind,
        message=texts_of(campaign)[0],
        variants=campaign.variants,
        syntax=MessageSyntax.CAMPAIGN,
        columns=_columns(texts_of(campaign), windows.parse(sending_window)),
        media=attachment,
        sending_window=sending_window,
        devices_limit=campaign.devices_limit,
        way_out=campaign.way_out,
        canary_wanted=campaign.canary,
        requested_device_ids=campaign.requested_device_ids,
    )
    return job


def _columns(texts: Sequence[str], window: windows.Window | None) -> list[str]:
    """What the job keeps of each contact: the variables of its texts, and the time zone where its window asks."""
    columns = variables_of(*texts)
    if window is not None and window.column and window.column not in columns:
        columns.append(window.column)
    return columns


def _following(campaign: Campaign, scheduled_at: datetime) -> datetime | None:
    """When a recurring campaign runs next; None where it does not."""
    recurs = recurrence_of(campaign)
    if recurs is None:
        return None
    if campaign.scheduled_at is not None and campaign.scheduled_at > scheduled_at:
        return campaign.scheduled_at  # triggered besides its schedule
    return recurs.next_after(scheduled_at)


# --- The audience, in a worker ---------------------------------------------------------------------------


def runs_to_freeze() -> list[int]:
    """The runs whose jobs still have no recipients: their worker died, or was never told."""
    waiting = CampaignRun.objects.filter(job__imported_at=None, job__finished_at=None)
    return list(waiting.values_list("pk", flat=True)[:100])


def freeze_run(run_id: int) -> int | None:
    """Make the audience, as it is now, the recipients of the run's job; return the job's id once it may start.

    One transaction: a worker that dies leaves nothing, and the next one begins anew. None where another worker is at
    it, where it is done already or cancelled meanwhile, and where there is nobody to send to: then the job fails.
    """
    run = CampaignRun.objects.select_related("job", "campaign__segment").get(pk=run_id)
    with transaction.atomic(), connection.cursor() as cursor:
        # Not the job's row: it must stay free to be cancelled for as long as this takes.
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", (_FREEZING, run.pk & 0x7FFFFFFF))
        if not cursor.fetchone()[0]:
            return None
        run.job.refresh_from_db()
        if run.job.imported_at is not None or run.job.status in JOB_ENDED:
            return None
        people.keep_all(run.job.account_id)  # whoever is deleted later is found among the recipients
        hits.catch_up(run.job.account_id)
        try:
            counted = freeze(cursor, run.job, audience_of(run.campaign))
            sendable = counted.sendable
            CampaignRun.objects.filter(pk=run.pk).update(excluded=counted.excluded)
        except (EmptyAudience, BadAudience):  # its segment is another since
            sendable = 0
        # From here on the row is ours: was it cancelled before?
        run.job.refresh_from_db()
        if run.job.status in JOB_ENDED:
            transaction.set_rollback(True)
            return None
        if not sendable:
            # In the same transaction: a job that has its recipients may be started by anybody.
            if not finishing.fail(run.job_id, NO_RECIPIENTS):
                transaction.set_rollback(True)  # paused: asked again once it goes on
            return None
    return run.job_id
