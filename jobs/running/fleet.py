"""Which devices a runner takes: those with something to send that nobody holds, shared evenly with the other runners.

Devices stay where they are. They move when a runner joins, and holds less than its share; when one leaves; or dies.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from devices.lane.leases import USABLE
from jobs.sending.chunks import REACH

Cursor = Any


class Waiting(NamedTuple):
    """A device that has something to send and no runner. `window`: requests at once, 0 where a pace limits them."""

    device_id: int
    window: int


_PEOPLE = f"""(
    {REACH} - job.next_position
    + coalesce((SELECT sum("end" - "start") FROM jobs_chunk WHERE job_id = job.id AND device_id IS NULL), 0)
    + (SELECT count(*) FROM (
        SELECT FROM jobs_recipient AS recipient
        WHERE recipient.job_id = job.id AND due_at <= statement_timestamp() AND state = 'queued' LIMIT %(number)s
    ) AS due)
)"""  # noqa: S608 - constants
# Of each job under way, as many of its free devices as it has people who wait.
_WAITING = f"""
    WITH open_job AS MATERIALIZED (
        SELECT job.id, {_PEOPLE} AS people FROM jobs_job AS job
        WHERE job.status = 'processing' AND job.finished_at IS NULL
    )
    SELECT DISTINCT free.next_slot_at, free.id,
        CASE WHEN free.messages_per_minute IS NULL THEN free.max_in_flight ELSE 0 END
    FROM open_job CROSS JOIN LATERAL (
        SELECT device.id, device.max_in_flight, device.messages_per_minute, lane.next_slot_at
        FROM jobs_jobdevice AS link JOIN devices_device AS device ON device.id = link.device_id
            LEFT JOIN devices_lane AS lane ON lane.device_id = device.id
        WHERE link.job_id = open_job.id AND {USABLE} AND lane.runner_id IS NULL
            AND coalesce(lane.next_slot_at < clock_timestamp() + interval '10 seconds', true)
        LIMIT least(open_job.people, %(number)s)
    ) AS free
    ORDER BY 1 NULLS FIRST, 2 LIMIT %(number)s
"""  # noqa: S608 - a constant


def devices_with_work(cursor: Cursor, number: int) -> list[Waiting]:
    """Return up to `number` devices that have something to send, no runner and a slot soon."""
    cursor.execute(_WAITING, {"number": number})
    return [Waiting(device_id, window) for _, device_id, window in cursor.fetchall()]


def has_work(cursor: Cursor) -> bool:
    """Whether anybody waits in a job under way, whoever sends for it already."""
    cursor.execute(
        f"""
        SELECT EXISTS (
            SELECT FROM jobs_job AS job
            WHERE job.status = 'processing' AND job.finished_at IS NULL AND {_PEOPLE} > 0
        )
        """,  # noqa: S608 - constants
        {"number": 1},
    )
    return bool(cursor.fetchone()[0])


@dataclass(frozen=True, slots=True)
class Standing:
    """How one runner stands among all, before it takes any: `waiting` devices have none."""

    runners: int  # this one included
    held: int  # devices, by all of them
    mine: int
    waiting: int

    def share(self, runners: int) -> int:
        """How many of all devices with work each of so many runners is to have, at most."""
        return math.ceil((self.held + self.waiting) / max(1, runners))

    @property
    def surplus(self) -> int:
        """How many it gives up for those who have less, once nobody waits."""
        return 0 if self.waiting else max(0, self.mine - self.share(self.runners))

    def is_short(self, taken: int) -> bool:
        """Whether others have what would be its share; they give it up when they notice."""
        return self.mine + taken < (self.held + self.waiting) // max(1, self.runners)


def choose(
    waiting: Sequence[Waiting], standing: Standing, processes: int, windows_spare: int, *, were_left: bool
) -> list[int]:
    """Choose what one runner takes of the devices that wait: its share, as far as it can carry.

    Runners woken together divide the devices, instead of the first taking them all: each leaves their part to the
    others, as many as there should be `processes`. Of what `were_left` by all it takes more than its share.
    """
    runners = max(standing.runners, processes)
    number = min(len(waiting), standing.share(runners) - standing.mine)
    if number <= 0 and were_left:
        number = math.ceil(len(waiting) / runners)
    chosen = []
    for place in range(max(0, number)):
        # Evenly from among them: neighbours are often of one kind.
        device_id, window = waiting[place * len(waiting) // number]
        if window == 0 or windows_spare > 0:
            windows_spare -= window
            chosen.append(device_id)
    return chosen
