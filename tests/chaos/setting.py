"""How large a run is, how the engine's times are set for it, and how its scenarios run together."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from tests.chaos.harness import Stack

T = TypeVar("T")

CANARY = 100  # of a job that asks for one
# Short, but in the same order as an installation's:
# - A request has ended after GATEWAY_CONNECT_TIMEOUT + GATEWAY_READ_TIMEOUT, ten times what the gateway takes.
# - LEASE_SECONDS is longer: whoever wakes up without its lease has no request left that could be answered.
# - QUIET_SECONDS is several times what the gateway takes, for a slow machine too: once it is over, a request that was
#   given up, or whose sender died, has done whatever it will do, and can be looked up.
SETTINGS = {
    "WORKER_PROCESSES": "10",
    "GATEWAY_CONNECT_TIMEOUT": "1",
    "GATEWAY_READ_TIMEOUT": "2",
    "LEASE_SECONDS": "6",
    "QUIET_SECONDS": "2",
    "CHUNK_SIZE": "200",
    "CANARY_SIZE": str(CANARY),
    "CANARY_ABOVE": "400",
}
LEASE_SECONDS = float(SETTINGS["LEASE_SECONDS"])


@dataclass(frozen=True)
class Size:
    is_full: bool

    def of(self, short: T, full: T) -> T:
        return full if self.is_full else short


# Does something to a stack, proves what must be true afterwards, and returns its figures; raises AssertionError.
Scenario = Callable[[Stack, Size], list[str]]


class Together:
    """Scenarios that do not disturb each other, all at once on one stack."""

    def __init__(self, stack: Stack, size: Size, scenarios: Sequence[Scenario]) -> None:
        self._stack, self._size = stack, size
        self._pool = ThreadPoolExecutor(len(scenarios))
        self._running: dict[Scenario, Future[list[str]]] = {
            scenario: self._pool.submit(scenario, stack, size) for scenario in scenarios
        }

    def __enter__(self) -> "Together":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def figures_of(self, scenario: Scenario) -> list[str]:
        """Wait for a scenario and return its figures, or raise what it raised; one that is not under way runs now."""
        running = self._running.get(scenario)
        return running.result() if running is not None else scenario(self._stack, self._size)
