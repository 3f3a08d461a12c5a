"""Celery's side of imports of contacts: wake-ups that run one domain function. Lost or doubled, no harm."""

import time
from datetime import timedelta

from celery import shared_task

from campaigns import contact_import, contact_importing

SLICE_SECONDS = 8.0  # short: sweeps and the imports of jobs wait in the same queue
# Wake-ups that nobody heard in time are forgotten: the next ones are on their way.
STALE_AFTER_SECONDS = 10


@shared_task
def import_contacts(import_id: int) -> None:
    """Check or import a file of contacts, a slice at a time."""
    if contact_importing.advance(import_id, time.monotonic() + SLICE_SECONDS):
        import_contacts.delay(import_id)


@shared_task
def wake_contact_imports() -> None:
    """Go on with imports whose worker died, and with those whose wake-up was lost."""
    for import_id in contact_importing.unfinished():
        import_contacts.apply_async((import_id,), expires=STALE_AFTER_SECONDS)


@shared_task
def tidy_contact_files() -> None:
    """Delete what crashes left on disk."""
    contact_import.remove_orphans(older_than=timedelta(days=1))
