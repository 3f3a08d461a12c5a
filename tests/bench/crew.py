"""Everything that works in production while messages go out: lanes workers on one or more hosts, the default worker,
beat. And what each of them costs."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace

from django.conf import settings
from redis import Redis

from config.stack.places.layout import Layout
from config.stack.supervision import processes
from config.stack.supervision.programs import Child, Program
from tests.bench import own_engines
from tests.bench.cpu import children_of, machine_seconds, postgres_seconds, tree_seconds
from tests.bench.sending import BrokenRun


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds, user and system, of each part; `machine`: of everything that ran on it, what is none of ours too."""

    lanes: float
    postgres: float
    default: float
    others: float  # beat and Valkey
    simulator: float
    machine: float

    def __sub__(self, before: "Cost") -> "Cost":
        return Cost(*(getattr(self, part.name) - getattr(before, part.name) for part in fields(self)))

    @property
    def together(self) -> float:
        """What sending costs: all of ours but for the gateway and beat's and Valkey's constant ticking."""
        return self.lanes + self.postgres + self.default

    @property
    def elsewhere(self) -> float:
        """What else the machine was busy with."""
        return max(0.0, self.machine - self.together - self.others - self.simulator)


@dataclass(slots=True)
class Crew:
    """Celery workers as `config.stack` starts them; each host has a lanes worker of its own."""

    environ: Mapping[str, str]
    lanes: list[Child] = field(default_factory=list)
    default: Child | None = None
    beat: Child | None = None

    def join(self, processes_of_it: int) -> Child:
        """Start the lanes worker of one more host."""
        host = len(self.lanes) + 1
        program = processes.workers({**self.environ, "WORKER_PROCESSES": str(processes_of_it)})[0]
        argv = tuple(part.replace("lanes@", f"lanes{host}@") for part in program.argv)
        self.lanes.append(self._start(replace(program, name=f"lanes-{host}", argv=argv)))
        return self.lanes[-1]

    def start_the_rest(self) -> None:
        self.default = self._start(processes.workers(self.environ)[1])
        self.beat = self._start(processes.beat(self.environ))

    def senders(self) -> list[int]:
        """The pids of the processes that send, the pool's children."""
        return [pid for worker in self.lanes for pid in children_of(worker.pid)]

    def check(self) -> None:
        """Raises BrokenRun where one of the programs has died."""
        for child in self._all():
            if not child.is_alive:
                raise BrokenRun(f"{child.program.name} died: {child.how_it_ended}")

    def cost(self, simulator_pid: int) -> Cost:
        """What all has cost so far."""
        with Redis.from_url(settings.REDIS_URL) as redis:
            valkey = int(redis.info("server")["process_id"])
        beat = [self.beat.pid] if self.beat else []
        return Cost(
            lanes=tree_seconds([worker.pid for worker in self.lanes]),
            postgres=postgres_seconds(),
            default=tree_seconds([self.default.pid] if self.default else []),
            others=tree_seconds([*beat, valkey]),
            simulator=tree_seconds([simulator_pid]),
            machine=machine_seconds(),
        )

    def stop(self) -> None:
        for child in self._all():
            child.ask_to_stop()
        for child in self._all():
            child.stop()

    def _start(self, program: Program) -> Child:
        return own_engines.start(program, Layout(settings.DATA_DIR).log_dir)

    def _all(self) -> list[Child]:
        return [child for child in (self.beat, *self.lanes, self.default) if child is not None]


@contextmanager
def crew(hosts: int, processes_each: int, environ: Mapping[str, str] | None = None) -> Iterator[Crew]:
    """So many hosts with a lanes worker of so many processes each, one default worker and beat."""
    environment = {**(environ or os.environ), "WORKER_PROCESSES": str(hosts * processes_each)}
    Layout(settings.DATA_DIR).log_dir.mkdir(exist_ok=True)
    working = Crew(environment)
    try:
        for _ in range(hosts):
            working.join(processes_each)
        working.start_the_rest()
        yield working
    finally:
        working.stop()
