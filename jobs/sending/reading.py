"""What is claimed from is read here, for many devices at once: chunks of their jobs, and who is to be tried again; of
devices that may write only to people they know, or to so many strangers, who is one; and whom exclusion lists name.
"""

import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import cycle
from typing import Any

from devices.health import correspondents
from devices.phone_zones import zone_of
from jobs.exclusions import matching
from jobs.exclusions.holding import LOADS_OF
from jobs.rules import often
from jobs.rules.binding import Limits, binding_of
from jobs.sending import chunks, known_people
from jobs.sending.chunks import Waiting
from jobs.sending.claims import Claimer, Serving
from jobs.windows import hours_of

Cursor = Any

MAX_EMPTY_CHUNKS = 50  # passed over in one go: rows that ended before the start, or that wait for the morning
MOST_RETRIES_READ = 1000  # at once, of one job


def refill(cursor: Cursor, claimers: Sequence[Claimer], now: datetime) -> dict[int, list[tuple[int, int]]]:
    """Read more of every job these devices serve; return the ranges of the chunks taken, by job, for `chunks_taken`.

    What they read of jobs that are no longer being sent is dropped. Runs in a transaction of its own, under the
    devices' leases. It locks jobs one by one, as it moves on in them: to tell of them all is for another transaction.
    """
    by_device = {claimer.device_id: claimer for claimer in claimers}
    jobs = _serve(cursor, by_device)
    taken: dict[int, list[tuple[int, int]]] = {}
    for job in jobs:
        serving = [by_device[device_id] for device_id in job.device_ids]
        _read_retries(cursor, job, serving, now)
        if ranges := _read_fresh(cursor, job, serving, now):
            taken[job.job_id] = ranges
    _tell_strangers(cursor, [claimer for claimer in claimers if claimer.strangers_left is not None])
    return taken


def _tell_strangers(cursor: Cursor, claimers: Sequence[Claimer]) -> None:
    """Of devices that may write to so many strangers only: who of those that were read is one."""
    feeds = [(claimer.device_id, feed) for claimer in claimers for feed in claimer.feeds.values()]
    people = {(device_id, one.phone) for device_id, feed in feeds for one in (*feed.retries, *feed.fresh)}
    known = correspondents.known(cursor, people)
    for device_id, feed in feeds:
        for some in (feed.retries, feed.fresh):
            told = [one._replace(is_stranger=(device_id, one.phone) not in known) for one in some]
            some.clear()
            some.extend(told)


def look_for_known(cursor: Cursor, claimers: Mapping[Claimer, int], now: datetime) -> None:
    """Look for people whom these devices know, for each up to so many, and no further than a stretch at a time.

    A transaction of its own, as `put_off`.
    """
    by_device = {claimer.device_id: claimer for claimer in claimers}
    jobs = {job.job_id: job for job in _serve(cursor, by_device)}
    for claimer, wanted in claimers.items():
        missing, stretch = wanted - len(claimer), known_people.STRETCH
        for feed in claimer.feeds.values():
            began = time.monotonic()
            if missing <= 0 or stretch <= 0 or began < feed.looks_at:
                continue
            end = min(feed.reach, feed.looked_to + stretch)
            job = jobs[feed.job_id]
            rows = known_people.find(
                cursor, claimer.device_id, job.job_id, job.account_id, feed.looked_to, end, missing
            )
            to = rows[-1].position + 1 if len(rows) == missing else end
            stretch -= to - feed.looked_to
            missing -= len(rows)
            claimer.take_known(feed, _told(cursor, job, rows, now), now)
            feed.looked(to, time.monotonic() - began, time.monotonic())


def _serve(cursor: Cursor, by_device: Mapping[int, Claimer]) -> list[Serving]:
    """Have each serve its jobs; return those."""
    jobs = _served_by(cursor, list(by_device))
    for device_id, claimer in by_device.items():
        claimer.serve(job for job in jobs if device_id in job.device_ids)
    return jobs


def _served_by(cursor: Cursor, device_ids: list[int]) -> list[Serving]:
    # A canary goes ahead of strangers. Who may write to nobody else finds the people it knows behind it, too.
    cursor.execute(
        f"""
        SELECT job.id, {chunks.LISTS_OF}, job.total, job.sending_window, job.columns, serving.device_ids, job.kind,
            account.country_rules, account.frequency_cap, {LOADS_OF}
        FROM jobs_job AS job JOIN accounts_account AS account ON account.id = job.account_id CROSS JOIN LATERAL (
            SELECT array_agg(device_id ORDER BY device_id) AS device_ids FROM jobs_jobdevice
            WHERE job_id = job.id AND device_id = ANY(%s)
        ) AS serving
        WHERE job.status = 'processing' AND job.finished_at IS NULL AND serving.device_ids IS NOT NULL
        ORDER BY job.id
        """,  # noqa: S608 - constants
        (device_ids,),
    )
    rows = cursor.fetchall()
    loads = {load.load_id: load for load in matching.loads_of({load_id for row in rows for load_id in row[-1]})}
    jobs: list[Serving] = []
    for job_id, account_id, reach, window, columns, devices, kind, country_rules, cap, load_ids in rows:
        binding = binding_of(kind, _json(country_rules), _json(cap))
        hours = hours_of(_json(window), columns, binding.rules)
        heeded = [loads[load_id] for load_id in load_ids if load_id in loads]
        jobs.append(Serving(job_id, account_id, reach, hours, devices, heeded, binding))
    return jobs


def _told(cursor: Cursor, job: Serving, rows: list[Waiting], now: datetime) -> list[Waiting]:
    """These recipients of a job, told who of them is not to be written to, or only so often."""
    return _limited(cursor, job, _told_excluded(cursor, job, rows), now)


def _told_excluded(cursor: Cursor, job: Serving, rows: list[Waiting]) -> list[Waiting]:
    """These recipients of a job, told who of them is named by an exclusion list that it heeds.

    Whatever was known of the lists before, here everybody is looked for, by every spelling of their number.
    """
    if not rows or not job.loads:
        return rows
    named = matching.named(cursor, job.loads, [waiting.phone for waiting in rows])
    return [waiting._replace(is_excluded=waiting.phone in named) for waiting in rows]


def _read_retries(cursor: Cursor, job: Serving, serving: Sequence[Claimer], now: datetime) -> None:
    """Deal out those who are to be tried again, one to each device in turn."""
    wanted = {claimer: number for claimer in serving if (number := claimer.retries_wanted(job.job_id))}
    limit = min(sum(wanted.values()), MOST_RETRIES_READ)
    rows = chunks.read_retries(cursor, job.job_id, job.account_id, limit) if limit else []
    rows = _told(cursor, job, rows, now)
    for waiting, claimer in zip(rows, cycle(wanted)):
        claimer.take_retry(job.job_id, waiting, now)


def _read_fresh(cursor: Cursor, job: Serving, serving: Sequence[Claimer], now: datetime) -> list[tuple[int, int]]:
    """Take a chunk for each device that has too little, and read it; return the ranges in which somebody waited."""
    ranges: list[tuple[int, int]] = []
    for _ in range(MAX_EMPTY_CHUNKS):
        wants = [claimer.want() for claimer in serving if claimer.wants(job.job_id)]
        taken = chunks.take(cursor, job.job_id, wants) if wants else []
        if not taken:
            break
        rows: dict[int | None, list[Waiting]] = {}
        read = chunks.read(cursor, job.job_id, job.account_id, taken)
        for waiting in _told(cursor, job, read, now):
            rows.setdefault(waiting.chunk_id, []).append(waiting)
        of_device = {claimer.device_id: claimer for claimer in serving}
        for chunk in taken:
            of_device[chunk.device_id].take(chunk, job.job_id, rows.get(chunk.chunk_id, []), now)
            if chunk.chunk_id in rows:
                ranges.append((chunk.start, chunk.end))
        # Only those whose chunk was empty, rows that ended before the start or that wait for the morning, take another.
        serving = [claimer for claimer in serving if not claimer.feeds[job.job_id].fresh]
    return ranges


def _limited(cursor: Cursor, job: Serving, rows: list[Waiting], now: datetime) -> list[Waiting]:
    """Note of those who may be written to so often how often, and who was already."""
    if not rows or job.account_id is None or not job.binding.limits_somebody:
        return rows
    told = [one._replace(limits=_limits_of(job, one, now)) for one in rows]
    people = [(one.recipient_id, one.phone, one.limits) for one in told if one.limits is not None]
    over = often.over(cursor, job.account_id, people)
    return [one._replace(is_over=one.recipient_id in over) for one in told] if over else told


def _limits_of(job: Serving, one: Waiting, now: datetime) -> Limits | None:
    clock = zone_of(one.phone) if job.hours is None else job.hours.clock_of(one.phone, one.values)
    return job.binding.limits_of(one.phone, clock, now)


def put_off(cursor: Cursor, not_yet: Sequence[tuple[int, datetime]]) -> None:
    """Leave those who may not be written to yet, (recipient id, when), to their due time.

    A transaction of its own, after that of the refill, which holds jobs: recipients are locked before jobs.
    """
    cursor.execute(
        """
        UPDATE jobs_recipient AS recipient SET due_at = later.due_at
        FROM unnest(%s::bigint[], %s::timestamptz[]) AS later (id, due_at)
        WHERE recipient.id = later.id AND recipient.state = 'queued'
        """,
        ([recipient_id for recipient_id, _ in not_yet], [opening for _, opening in not_yet]),
    )


def _json(raw: Any) -> Any:
    """A JSON column of a plain statement: text or, by the connection's settings, the object itself."""
    return json.loads(raw) if isinstance(raw, str) else raw
