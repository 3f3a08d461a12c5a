"""Celery's side of campaigns and contacts: each task wakes one domain function. Lost or doubled, no harm."""

import time
from datetime import timedelta

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from campaigns.erasing import erasure
from campaigns.exclusions import hits, loads
from campaigns.imports import upload, work
from campaigns.launch import launching, schedule
from campaigns.live import changes
from campaigns.notices import canary_notices, device_notices, inbox, notification
from campaigns.results import stamping
from jobs.sending import dispatch
from jobs.tasks import SOON_SECONDS, start_job

# Wake-ups that nobody heard in time are forgotten: the next round brings new ones.
STALE_AFTER_SECONDS = 15
SLICE_SECONDS = 5.0
IMPORT_SLICE_SECONDS = 8.0  # short too: sweeps and the imports of jobs wait in the same queue


@shared_task
def launch_due_campaigns() -> None:
    """Launch what is due, and have frozen what a dead worker left."""
    for campaign_id in schedule.due_campaigns(timezone.now()):
        launch_due_campaign.apply_async((campaign_id,), expires=STALE_AFTER_SECONDS)
    for run_id in launching.runs_to_freeze():
        freeze_audience.apply_async((run_id,), expires=STALE_AFTER_SECONDS)


@shared_task
def launch_due_campaign(campaign_id: int) -> None:
    """Launch one campaign whose time has come."""
    run = schedule.launch_due(campaign_id, timezone.now())
    if run is not None:
        freeze_audience.delay(run.pk)


@shared_task
def freeze_audience(run_id: int) -> None:
    """Make a campaign's audience the recipients of its job, and have that started."""
    job_id = launching.freeze_run(run_id)
    if job_id is not None and (wait := dispatch.seconds_to_start(job_id)) is not None and wait <= SOON_SECONDS:
        start_job.apply_async((job_id,), countdown=wait)


@shared_task
def notify_ended_campaigns() -> None:
    """Tell senders what became of their campaigns."""
    notification.notify_ended()


@shared_task
def notify_held_jobs() -> None:
    """Tell whoever began a job that it waits for a person after its first few."""
    canary_notices.notify_held()


@shared_task
def notify_device_incidents() -> None:
    """Tell administrators of devices that are out and look well."""
    device_notices.notify_incidents()


@shared_task
def stamp_contacts() -> None:
    """Note on contacts when they were last written to."""
    if stamping.stamp(time.monotonic() + SLICE_SECONDS):
        stamp_contacts.apply_async(expires=STALE_AFTER_SECONDS)


@shared_task
def tell_changes() -> None:
    """Tell whoever watches an account what changed in it."""
    changes.tell_changes(timezone.now())


@shared_task
def import_contacts(import_id: int) -> None:
    """Check or import a file of contacts, a slice at a time."""
    if work.advance(import_id, time.monotonic() + IMPORT_SLICE_SECONDS):
        import_contacts.delay(import_id)


def wake_import(import_id: int) -> None:
    """Have a worker go on with a file, after the commit."""
    # Only a nudge: without a broker the answer is the same, and the schedule wakes the import.
    transaction.on_commit(lambda: import_contacts.delay(import_id), robust=True)


@shared_task
def wake_contact_imports() -> None:
    """Go on with imports whose worker died, and with those whose wake-up was lost."""
    for import_id in work.unfinished():
        import_contacts.apply_async((import_id,), expires=STALE_AFTER_SECONDS)


@shared_task
def erase_person(erasure_id: int) -> None:
    """Forget what can be forgotten now of somebody who is to be."""
    erasure.advance(erasure_id)


@shared_task
def wake_erasures() -> None:
    """Go on with erasures that had to wait, or whose worker died."""
    for erasure_id in erasure.under_way():
        erase_person.apply_async((erasure_id,), expires=STALE_AFTER_SECONDS)


@shared_task
def keep_exclusion_lists() -> None:
    """Look for new contacts in the lists, and delete the numbers of files that hold no more."""
    hits.catch_up_all()
    loads.sweep()


@shared_task
def tidy_contact_files() -> None:
    """Delete what crashes left on disk."""
    upload.remove_orphans(older_than=timedelta(days=1))


@shared_task
def tidy_notifications() -> None:
    """Delete notifications that were read long ago."""
    inbox.delete_old(timezone.now())
