"""Celery's side of sending: each task is a wake-up that runs one domain function. Lost or doubled, no harm."""

import time
from datetime import timedelta
from typing import Any

from celery import current_app, shared_task
from celery.signals import worker_process_init
from django.conf import settings
from kombu.exceptions import ChannelError

from devices.endpoints.caller import Caller
from jobs import invariants
from jobs import sweep as sweeping
from jobs.intake import accepting, importing
from jobs.receipts import parking, sent_messages
from jobs.receipts import work as receipts
from jobs.rules import often
from jobs.running import worker
from jobs.running.lane_runner import LaneRunner
from jobs.sending import dispatch, reconcile

LANES = "lanes"  # the queue of those that send
SLICE_SECONDS = 25.0
SOON_SECONDS = 5.0  # a longer wait is a row's: the sweep wakes it
RECEIPTS_SLICE_SECONDS = 4.0  # they are of no hurry, and others are
CALLING_SECONDS = 60.0  # beat's wake-ups wait meanwhile
IMPORT_SLICE_SECONDS = 8.0  # short: sweeps and other jobs' imports wait in the same queue
# Wake-ups that nobody heard in time are forgotten: the next sweep brings new ones.
STALE_AFTER_SECONDS = 10

worker_process_init.connect(worker.limit_sessions)

# One for each worker process: its connections, to the gateways and to the database, outlive a job.
_runner: LaneRunner | None = None
_caller: Caller | None = None


@shared_task
def import_job(job_id: int) -> None:
    """Import a job's file as recipients."""
    if importing.import_slice(job_id, time.monotonic() + IMPORT_SLICE_SECONDS):
        import_job.delay(job_id)
    elif (wait := dispatch.seconds_to_start(job_id)) is not None and wait <= SOON_SECONDS:
        start_job.apply_async((job_id,), countdown=wait)


@shared_task
def start_job(job_id: int) -> None:
    """Start a job whose time has come."""
    if dispatch.start(job_id):
        _wake_lanes(settings.WORKER_PROCESSES)


@shared_task
def run_lanes() -> None:
    """Send through this process's share of the devices, as long as any of them has something to send."""
    global _runner
    _runner = _runner or LaneRunner()
    try:
        _runner.run(should_stop=worker.is_stopping)
    except BaseException:
        # Whatever it was doing is in the rows: end its session, and the next to come takes over from there.
        _runner.close()
        _runner = None
        raise


@shared_task(ignore_result=True)
def call_endpoints() -> None:
    """Tell customers' own systems what happened. In a process of its own: whoever is slow to answer delays nobody."""
    global _caller
    _caller = _caller or Caller()
    try:
        _caller.run(CALLING_SECONDS, worker.is_stopping)
    except BaseException:
        # What was in flight is due again in a minute.
        _caller.close()
        _caller = None
        raise


@shared_task
def look_up_doubtful() -> None:
    """Ask the gateways about messages that may or may not have been sent."""
    if reconcile.reconcile(time.monotonic() + SLICE_SECONDS):
        look_up_doubtful.delay()


@shared_task
def work_receipts() -> None:
    """Make of the recipients what their gateways told of them."""
    if receipts.work(time.monotonic() + RECEIPTS_SLICE_SECONDS):
        work_receipts.delay()


@shared_task
def tidy() -> None:
    """Delete what crashes left on disk, and what nobody asks for any more."""
    accepting.remove_orphan_uploads(older_than=timedelta(days=1))
    parking.give_up()
    sent_messages.turn()
    often.forget_old()


@shared_task
def watch_invariants() -> None:
    """Check every promise against the rows."""
    invariants.watch()


@shared_task
def sweep() -> None:
    """Wake what is due or stranded."""
    due = sweeping.sweep()
    for job_id in due.imports:
        import_job.apply_async((job_id,), expires=STALE_AFTER_SECONDS)
    if due.lanes and not _is_called(LANES):
        _wake_lanes(1)  # any process, of any host, that does not send yet
    if due.look_ups:
        look_up_doubtful.apply_async(expires=STALE_AFTER_SECONDS)


def sweep_now() -> None:
    """Have a sweep find at once what a device that is there again is for. Raises what the broker raises."""
    sweep.apply_async(expires=STALE_AFTER_SECONDS, retry=False)


def work_receipts_now() -> None:
    """Have the inbox worked before beat would. Raises what the broker raises."""
    work_receipts.apply_async(expires=STALE_AFTER_SECONDS, retry=False)


def _wake_lanes(number: int) -> None:
    for _ in range(number):
        run_lanes.apply_async(expires=STALE_AFTER_SECONDS)


def _is_called(queue: str) -> bool:
    """Whether a wake-up waits there. While all processes send, nobody takes any out, for days: one is enough."""
    with current_app.connection_for_write() as broker:
        channel: Any = broker.default_channel
        try:
            return bool(channel.queue_declare(queue, passive=True).message_count)
        except ChannelError:  # an empty queue is none
            return False
