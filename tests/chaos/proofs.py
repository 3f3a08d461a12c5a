"""What must be true afterwards: rows against the gateway's own ledger, invariants in snapshots, pace, events."""

import threading
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
from channels.layers import get_channel_layer
from redis import RedisError

from jobs.invariants import INVARIANTS
from jobs.live.publishing import group_name
from jobs.states import RECIPIENT_OPEN, RECIPIENT_SENT
from tests.chaos.harness import GIVE_UP_SECONDS, Row, SentJob, Stack
from tests.simulator_process import Simulator

SHOWN = 15


# --- Nobody lost, nobody twice ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """Rows held against the ledger. Each entry says who, what the row says and what the gateway has."""

    states: Counter[str]
    lost: list[str] = field(default_factory=list)  # said to be sent, or nothing said at all, and never sent
    doubled: list[str] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)  # said to be unsent, and yet sent

    def assert_clean(self) -> None:
        told = {"lost": self.lost, "doubled": self.doubled, "said unsent but sent": self.denied}
        assert not any(told.values()), "\n".join(
            f"{len(cases)} {name}:\n  " + "\n  ".join(cases[:SHOWN]) for name, cases in told.items() if cases
        )


def judge(job: SentJob, simulator: Simulator) -> Verdict:
    """Hold the rows of a job that has ended against the ledger of the only gateway it was sent through."""
    accepted = accepted_of(simulator, job)
    rows = job.rows()
    verdict = Verdict(Counter(folded(row.state) for row in rows))
    if len(rows) < job.total:
        verdict.lost.append(f"{job.total - len(rows)} rows of the file are no recipients")
    for row in rows:
        entry = accepted.get(row.phone)
        count = entry["count"] if entry else 0
        if count > 1:
            verdict.doubled.append(_case(job, row, entry))
        if row.state in RECIPIENT_OPEN or (row.state in RECIPIENT_SENT and count == 0):
            verdict.lost.append(_case(job, row, entry))
        if row.state in {"failed", "cancelled", "suppressed"} and count:
            verdict.denied.append(_case(job, row, entry))
    return verdict


def folded(state: str) -> str:
    """A recipient's state, whatever receipts have made of one that was sent by now."""
    return "sent" if state in RECIPIENT_SENT else state


def accepted_of(simulator: Simulator, job: SentJob) -> dict[str, dict[str, Any]]:
    """The ledger's entries of a job, by number: each of its texts names it."""
    found: dict[str, dict[str, Any]] = {}
    offset = 0
    while entries := simulator.entries(offset):
        offset += len(entries)
        found |= {entry["number"]: entry for entry in entries if f" {job.title} " in entry["text"]}
    return found


def _case(job: SentJob, row: Row, entry: dict[str, Any] | None) -> str:
    """Who, what the row says, what the gateway has, and the whole story."""
    said = (
        f"{row.phone}: {row.state} {row.error_code or '-'}, {row.tries} tries of which {row.unsent_tries} unsent and"
        f" {row.accepted_risks} risked"
    )
    had = "never accepted"
    if entry is not None:
        first, last = _clock(entry["first_at"]), _clock(entry["last_at"])
        had = f"accepted {entry['count']} times, first {first} by {entry['instance']}, last {last}"
    return f"{said}; {had}\n      {job.life(row.phone)}"


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, tz=UTC).strftime("%H:%M:%S.%f")[:-3]


# --- Snapshots during the run ------------------------------------------------------------------------


@dataclass
class Watch:
    """Snapshots taken so far. `broken` holds what any of them found wrong; `states` each state's highest count."""

    snapshots: int = 0
    broken: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)

    def assert_held(self, at_least: int) -> None:
        assert not self.broken, f"{len(self.broken)} broken in {self.snapshots} snapshots:\n  " + "\n  ".join(
            self.broken[:SHOWN]
        )
        assert self.snapshots >= at_least, f"only {self.snapshots} snapshots were taken, not {at_least}"


@contextmanager
def watching(stack: Stack, pause_seconds: float) -> Iterator[Watch]:
    """Ask every invariant of one snapshot after another, as `manage.py check_invariants` does."""
    watch, stop = Watch(), threading.Event()
    thread = threading.Thread(target=_watch, args=(stack, watch, stop, pause_seconds), name="invariants")
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join()


def _watch(stack: Stack, watch: Watch, stop: threading.Event, pause_seconds: float) -> None:
    while not stop.wait(pause_seconds):
        with suppress(psycopg.OperationalError):  # the database is down just now
            snapshot(stack, watch)


def snapshot(stack: Stack, watch: Watch) -> None:
    timeouts = ("LEASE_SECONDS", "GATEWAY_CONNECT_TIMEOUT", "GATEWAY_READ_TIMEOUT")
    # As check_invariants has it, without its minute of mercy: here the sweep comes every two seconds.
    stuck = sum(float(stack.settings[name]) for name in timeouts) + 20
    with stack.database() as database, database.transaction():
        database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for invariant in INVARIANTS:
            found = database.execute(invariant.sql, {"stuck": stuck}).fetchmany(SHOWN)
            watch.broken += [f"{invariant.name}: job {job}: {detail} ({invariant.promise})" for job, detail in found]
        counted = database.execute("SELECT state, count(*) FROM jobs_recipient GROUP BY state").fetchall()
    for state, number in counted:
        watch.states[state] = max(watch.states[state], number)
    watch.snapshots += 1


# --- Pace ----------------------------------------------------------------------------------------------


def most_in_any(seconds: float, times: Sequence[float]) -> int:
    """The most messages that any sliding window of so many seconds holds (its end excluded)."""
    ordered = sorted(times)
    return max((bisect_left(ordered, first + seconds) - place for place, first in enumerate(ordered)), default=0)


def share_used(times: Sequence[float], per_minute: int, start: float, end: float) -> float:
    """What part of its allowance a device used between two moments."""
    return sum(start <= moment < end for moment in times) / ((end - start) * per_minute / 60)


# --- Events ----------------------------------------------------------------------------------------------


class Listener:
    """Hears every event that the engine publishes of some jobs, as the consumers do."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._events: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="events")
        self._is_there = threading.Event()

    def __enter__(self) -> "Listener":
        self._thread.start()
        assert self._is_there.wait(GIVE_UP_SECONDS), "could not subscribe to the broker"
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def of(self, job: SentJob) -> list[dict[str, Any]]:
        return list(self._events[job.uuid])

    def _listen(self) -> None:
        layer = get_channel_layer()
        with self._stack.broker() as broker, broker.pubsub(ignore_subscribe_messages=True) as feed:
            feed.psubscribe(f"*{group_name('*')}")
            self._is_there.set()
            while not self._stop.is_set():
                with suppress(RedisError):
                    if message := feed.get_message(timeout=0.1):
                        event = layer.deserialize(message["data"])["event"]
                        self._events[event["job_id"]].append(event)


def assert_told_once(job: SentJob, events: Sequence[dict[str, Any]], last_seq: int) -> None:
    """One start, one end, every number up to the end exactly once, and nothing after that but receipts.

    `last_seq`: the job's last number, as its row had it before the events were taken.
    """
    kinds = Counter(event["type"] for event in events)
    about = f"job {job.title}: {dict(kinds)}"
    assert kinds["job_started"] == 1, about
    endings = [event for event in events if event["type"] in {"job_completed", "job_failed", "job_cancelled"}]
    assert len(endings) == 1, about
    numbers = sorted(event["seq"] for event in events)
    twice = [number for number, count in Counter(numbers).items() if count > 1]
    missing = sorted(set(range(1, last_seq + 1)) - set(numbers))
    assert not twice, f"{about}: told twice: seq {twice[:SHOWN]}"
    assert not missing, f"{about}: never told: seq {missing[:SHOWN]} of {last_seq}"
    later = {event["type"] for event in events if event["seq"] > endings[0]["seq"]}
    assert later <= {"receipt"}, (
        f"{about}: after the ending, number {endings[0]['seq']} of {last_seq}, {later} were told"
    )
