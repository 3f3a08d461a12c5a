"""The live events of a job, sent to those who watch it, after their commit. A gap in `seq` shows one that was lost."""

from collections.abc import Iterable
from typing import Any

from accounts.live.broadcast import broadcast
from jobs.live.events import Event


def group_name(job_uuid: str) -> str:
    """The Channels group of those who watch a job."""
    return f"job.{job_uuid}"


def message(event: Event) -> dict[str, Any]:
    """The Channels message that carries an event to `consumers.JobConsumer.job_event`."""
    return {"type": "job.event", "event": event}


def publish(told: Iterable[Event]) -> None:
    """Send events to whoever watches their jobs. Never raises: sending goes on without an audience."""
    broadcast((group_name(event["job_id"]), message(event)) for event in told)
