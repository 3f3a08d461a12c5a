"""What is done to a stack: real signals to real processes, a broker that forgets, a database that drops dead.

storm = Storm(stack, seed=1)
storm.rage({RUNNER: 30, WORKER: 8, FLUSH: 5, BROKER: 5, DATABASE: 3, FREEZE: 1}, pause_seconds=2)
storm.blows                  # what was done, when, and how much was in flight then
"""

import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from random import Random

import psycopg
from redis import RedisError

from config.stack.servers import valkey
from tests.chaos.harness import Process, Stack, eventually
from tests.chaos.setting import LEASE_SECONDS

RUNNER = "kill -9 of a pool child that is sending"
CHILD = "kill -9 of a pool child that does everything else"
WORKER = "kill -9 of the lanes worker"
OTHER_WORKER = "kill -9 of the default worker"
FLUSH = "FLUSHALL"
BROKER = "kill -9 of the broker"
DATABASE = "kill -9 of the database"
FREEZE = "SIGSTOP of a pool child that is sending"

KILLS_OF_WORKERS = (RUNNER, CHILD, WORKER, OTHER_WORKER)
# The supervisor ends a stack one of whose programs keeps dying: who lived for 10 s starts with a clean slate.
REST_SECONDS = 11.0
_RESTS = {WORKER: "lanes", OTHER_WORKER: "default", BROKER: "valkey", DATABASE: "postgres"}
SETTLED_SECONDS = 6.0
BACK_SECONDS = 300
FIND_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Blow:
    what: str
    pid: int
    in_flight: int  # recipients marked `sending` just then: those of a killed or frozen child, else all


class Storm:
    """Deals blows one after another, in an order that `seed` chooses."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self.blows: list[Blow] = []
        self.thawed: list[Process] = []
        self._stack = stack
        self._chance = Random(seed)
        self._frozen: tuple[Process, float] | None = None
        self._died_at: dict[str, float] = {}
        self._act = {
            RUNNER: lambda: self.kill_runner(),
            CHILD: lambda: self.kill_child(),
            WORKER: lambda: self._kill(WORKER, self._stack.worker("lanes")),
            OTHER_WORKER: lambda: self._kill(OTHER_WORKER, self._stack.worker("default")),
            FLUSH: self.flush,
            BROKER: self.kill_broker,
            DATABASE: self.kill_database,
            FREEZE: self.freeze_runner,
        }

    def count(self) -> "Counter[str]":
        return Counter(blow.what for blow in self.blows)

    def rage(self, plan: Mapping[str, int], pause_seconds: float) -> None:
        """Deal so many blows of each kind, in a random order, and return when all frozen are thawed."""
        waiting = [what for what, number in plan.items() for _ in range(number)]
        self._chance.shuffle(waiting)
        while waiting or self._frozen:
            self._thaw_if_due()
            ready = next((what for what in waiting if self._may_strike(what)), None)
            if ready is None:
                time.sleep(0.1)
                continue
            waiting.remove(ready)
            self._act[ready]()
            until = time.monotonic() + pause_seconds * self._chance.uniform(0.5, 1.5)
            while time.monotonic() < until:
                self._thaw_if_due()
                time.sleep(0.02)

    def _may_strike(self, what: str) -> bool:
        if what in {WORKER, FREEZE} and self._frozen:
            return False  # with its worker a frozen child would die instead of waking up
        return time.monotonic() - self._died_at.get(_RESTS.get(what, ""), -REST_SECONDS) >= REST_SECONDS

    # --- One blow ------------------------------------------------------------------------------------

    def kill_runner(self) -> int:
        """Kill a child that holds devices; return how many of its messages were in flight, exactly.

        It is stopped first: what it had with the database is through or never will be when they are counted.
        """
        child = self._runner()
        child.signal(signal.SIGSTOP)
        time.sleep(0.15)
        in_flight = self._in_flight_of(child)
        child.signal(signal.SIGKILL)
        self.blows.append(Blow(RUNNER, child.pid, in_flight))
        return in_flight

    def kill_child(self) -> None:
        """Kill a child of the default worker's pool: it imports, sweeps or looks up."""
        pool = eventually(self._settled_pool, FIND_SECONDS, lambda: "the default worker has children")
        self._kill(CHILD, self._chance.choice(pool))

    def _settled_pool(self) -> list[Process]:
        # Celery ends a worker one of whose first children dies before it listens: that would be another blow.
        return self._stack.pool("default") if self._stack.worker("default").age_seconds > SETTLED_SECONDS else []

    def flush(self) -> None:
        with suppress(RedisError), self._stack.broker() as broker:
            broker.flushall()
            self.blows.append(Blow(FLUSH, 0, self._in_flight()))

    def kill_broker(self) -> None:
        self._kill(BROKER, self._stack.program("valkey-server"))
        layout = self._stack.layout
        eventually(lambda: valkey.answers(layout.valkey_socket), BACK_SECONDS, lambda: "the broker answers again")

    def kill_database(self) -> None:
        """Kill the postmaster; its backends find out and end, and the supervisor starts it anew."""
        self._kill(DATABASE, self._stack.program("/postgres -D"))
        eventually(self._answers_anew, BACK_SECONDS, lambda: "the database answers again")

    def freeze_runner(self) -> None:
        """Freeze a child that holds devices for twice its lease; `rage` thaws it."""
        child = self._runner()
        child.signal(signal.SIGSTOP)
        time.sleep(0.15)
        self.blows.append(Blow(FREEZE, child.pid, self._in_flight_of(child)))
        self._frozen = child, time.monotonic() + 2 * LEASE_SECONDS

    @contextmanager
    def frozen_in_a_transaction(self) -> Iterator[Process]:
        """Freeze a child that sends while it holds locks in the database; thawed at the end of the block."""
        child = eventually(self._caught_in_a_transaction, FIND_SECONDS, lambda: "a child is caught in a transaction")
        self.blows.append(Blow(FREEZE, child.pid, self._in_flight_of(child)))
        try:
            yield child
        finally:
            child.signal(signal.SIGCONT)

    def _caught_in_a_transaction(self) -> Process | None:
        child = self._runner()
        child.signal(signal.SIGSTOP)
        time.sleep(0.05)
        doing = self._stack.values(
            "SELECT session.state FROM pg_stat_activity AS session JOIN devices_runner AS runner"
            " ON runner.session_pid = session.pid WHERE runner.name LIKE %s",
            f"%:{child.pid}",
        )
        if "idle in transaction" in doing:
            return child
        child.signal(signal.SIGCONT)
        return None

    def _thaw_if_due(self) -> None:
        if self._frozen is not None and time.monotonic() >= self._frozen[1]:
            child, _ = self._frozen
            assert child.signal(signal.SIGCONT), f"the frozen child {child.pid} did not live to be thawed"
            self.thawed.append(child)
            self._frozen = None

    def _kill(self, what: str, process: Process) -> None:
        in_flight = self._in_flight()
        process.signal(signal.SIGKILL)
        self._died_at[_RESTS.get(what, what)] = time.monotonic()
        self.blows.append(Blow(what, process.pid, in_flight))

    # --- Finding ---------------------------------------------------------------------------------------

    def _runner(self) -> Process:
        """A child that holds a lease with something in flight; after a while any that holds one."""
        return eventually(self._some_runner, FIND_SECONDS, lambda: f"a child is sending; lanes: {self._holders()}")

    def _some_runner(self) -> Process | None:
        holders = self._holders()
        frozen = self._frozen[0].pid if self._frozen else 0
        candidates = [child for child in self._stack.pool("lanes") if child.pid in holders - {frozen}]
        return self._chance.choice(candidates) if candidates else None

    def _holders(self) -> set[int]:
        """The pids that hold devices through which something is in flight."""
        found = self._stack.values(
            "SELECT DISTINCT runner.name FROM devices_runner AS runner"
            " JOIN devices_lane AS lane ON lane.runner_id = runner.id"
            " JOIN jobs_recipient AS recipient ON recipient.device_id = lane.device_id AND recipient.state = 'sending'"
        )
        return {int(name.rpartition(":")[2]) for name in found}

    def _in_flight_of(self, child: Process) -> int:
        try:
            return int(
                self._stack.value(
                    "SELECT count(*) FROM jobs_recipient WHERE state = 'sending' AND device_id IN"
                    " (SELECT device_id FROM devices_lane AS lane JOIN devices_runner AS runner"
                    " ON runner.id = lane.runner_id WHERE runner.name LIKE %s)",
                    f"%:{child.pid}",
                )
            )
        except psycopg.OperationalError:
            return 0

    def _in_flight(self) -> int:
        try:
            return int(self._stack.value("SELECT count(*) FROM jobs_recipient WHERE state = 'sending'"))
        except psycopg.OperationalError:
            return 0

    def _answers_anew(self) -> bool:
        with self._stack.connect():  # an old session may outlive the postmaster for a moment
            return True
