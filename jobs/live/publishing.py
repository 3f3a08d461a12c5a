"""From the engine to the browsers: events go out through Redis publish/subscribe, after their commit.

The engine is synchronous and Channels' `group_send` is not: bridging each event costs 4 ms of CPU, a plain
PUBLISH of the same bytes 0.07 ms. A lost event harms nothing: `seq` shows the gap and a snapshot closes it.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import structlog
from channels.layers import get_channel_layer
from django.conf import settings
from redis import Redis, RedisError

from jobs.live.events import Event

log = structlog.get_logger(__name__)


def group_name(job_uuid: str) -> str:
    """The Channels group of those who watch a job."""
    return f"job.{job_uuid}"


def message(event: Event) -> dict[str, Any]:
    """The Channels message that carries an event to `consumers.JobConsumer.job_event`."""
    return {"type": "job.event", "event": event}


@lru_cache(maxsize=1)
def _redis() -> "Redis":
    return Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=5)


def publish(events: Iterable[Event]) -> None:
    """Send events to whoever watches their jobs. Never raises: sending goes on without an audience."""
    layer = get_channel_layer()
    pipeline = _redis().pipeline(transaction=False)
    count = 0
    for event in events:
        pipeline.publish(
            f"{settings.CHANNEL_PREFIX}__group__{group_name(event['job_id'])}", layer.serialize(message(event))
        )
        count += 1
    if not count:
        return
    try:
        pipeline.execute()
    except RedisError as error:
        log.warning("events not published", count=count, error=str(error))
