"""What becomes of a fleet of slow devices when the processes that drive it change, and between accounts.

Two hosts are two lanes workers that share nothing but the database and the broker. Which process sent what is seen
from outside, by the connections: nothing here depends on how the engine divides devices.
"""

import os
import signal
import statistics
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.bench import fleet
from tests.bench.arrivals import longest_gap, share_used, slowest_tenth
from tests.bench.carriers import Carriers, watching
from tests.bench.cpu import children_of
from tests.bench.fleet import Fleet, FleetRun, Times, UnderWay
from tests.bench.report import Bar, Section, number
from tests.bench.sending import wait_until

# A large account, one of half its size and a small one.
ACCOUNTS = (0.6, 0.3, 0.1)
ITS_SHARE = 0.8  # of an even one: what a newcomer sends before it counts as having its part
SHARE_WINDOW_SECONDS = 5.0
# A message that a killed process had in flight is asked about once its gateway must have settled it.
QUIET_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Killed:
    """`kill -9` of one of two processes. Seconds from the kill to each of its devices' next message; inf: never."""

    devices: int  # which it carried
    waits: Sequence[float]

    @property
    def longest(self) -> float:
        return max(self.waits, default=0.0)


@dataclass(frozen=True, slots=True)
class Joined:
    """One process more. `seconds` from its start until it sent about its part; `parts`: of each process at the end."""

    seconds: float
    parts: Sequence[float]
    longest_gap_slots: float  # between two messages of any device meanwhile


def measure_kill(of: Fleet, times: Times, environ: Mapping[str, str] | None = None) -> Killed:
    """Kill a process of a fleet in its stride, look on for a window, and prove that nobody was written to twice."""
    environment = {**(environ or os.environ), "QUIET_SECONDS": str(QUIET_SECONDS)}
    with fleet.under_way(of, times.settling + times.window, environment) as running:
        carriers = _carriers(running)
        with watching(carriers, time.time):
            running.settle(times.settling)
            wait_until(lambda: len(_senders(running, carriers)) >= 2, running.crew.lanes[0])
            victim, _ = _senders(running, carriers).most_common(1)[0]
            os.kill(victim, signal.SIGKILL)
            killed_at = time.time()
            running.rest(times.window)
        running.arrivals.look()
        killed = _after_the_kill(running, carriers, victim, killed_at)
        running.prove()
    return killed


def measure_join(of: Fleet, times: Times, joining_seconds: float) -> tuple[FleetRun, list[float], Joined]:
    """Watch a fleet on its hosts, and a process more that joins them.

    Returns what came of it before; the share of its allowance that each account's median device used; the joining.
    """
    with fleet.under_way(of, times.settling + times.window + joining_seconds) as running:
        run = fleet.observe(running, times)
        ends = time.time()
        by_account = [
            statistics.median(
                share_used(moments, of.interval, ends - times.window, ends)
                for moments in running.arrivals.times(names).values()
            )
            for names in running.names
        ]
        carriers = _carriers(running)
        with watching(carriers, time.time):
            began = time.time()
            newcomer = running.crew.join(1)
            running.rest(joining_seconds)
        running.arrivals.look()
        joined = _after_the_joining(running, carriers, newcomer.pid, began)
        running.prove()
    return run, by_account, joined


def _carriers(running: UnderWay) -> Carriers:
    return Carriers(urlsplit(running.simulator.url).port or 80, running.crew.senders)


def _senders(running: UnderWay, carriers: Carriers) -> "Counter[int]":
    """How much each process has sent so far, by pid."""
    running.arrivals.look()
    counted = Counter(carriers.of(port, at) for at, _, port in running.arrivals.all)
    counted.pop(0, None)
    return counted


def _after_the_kill(running: UnderWay, carriers: Carriers, victim: int, killed_at: float) -> Killed:
    last_before: dict[str, int] = {}
    first_after: dict[str, float] = {}
    for at, instance, port in running.arrivals.all:
        pid = carriers.of(port, at)
        if at <= killed_at:
            last_before[instance] = pid
        elif pid != victim:  # the gateway still accepts what the dead one had written
            first_after.setdefault(instance, at)
    carried = [instance for instance, pid in last_before.items() if pid == victim]
    return Killed(len(carried), [first_after.get(instance, float("inf")) - killed_at for instance in carried])


def _after_the_joining(running: UnderWay, carriers: Carriers, newcomer: int, began: float) -> Joined:
    hosts = {worker.pid: place for place, worker in enumerate(running.crew.lanes)}
    place_of = {pid: place for worker, place in hosts.items() for pid in children_of(worker)}
    sent = [(at, place_of.get(carriers.of(port, at))) for at, _, port in running.arrivals.all if at >= began]
    moments = [at for at, _ in sent]
    even = 1 / len(place_of)

    def parts(begin: float, end: float) -> list[float]:
        within = [place for _, place in sent[bisect_right(moments, begin) : bisect_right(moments, end)]]
        counted = Counter(within)
        return [counted[place] / max(1, len(within)) for place in sorted(hosts.values())]

    its = hosts[newcomer]
    ends = [at for at in moments if at >= began + SHARE_WINDOW_SECONDS]
    reached = (end for end in ends if parts(end - SHARE_WINDOW_SECONDS, end)[its] >= ITS_SHARE * even)
    names = [name for part in running.names for name in part]
    gap = max(longest_gap(times, began, moments[-1]) for times in running.arrivals.times(names).values())
    return Joined(
        seconds=next(reached, float("inf")) - began,
        parts=parts(moments[-1] - 2 * SHARE_WINDOW_SECONDS, moments[-1]),
        longest_gap_slots=gap / running.fleet.interval,
    )


# --- The group -------------------------------------------------------------------------------------------


def section(devices: int, *, quick: bool) -> Section:
    """Two hosts and three accounts, a process that joins, a process that is killed."""
    two_hosts = Fleet(devices, hosts=2, processes=1, accounts=ACCOUNTS)
    run, by_account, joined = measure_join(two_hosts, Times(8, 20) if quick else Times(10, 62), 35 if quick else 45)
    print(f"  two hosts: {statistics.median(run.shares):.1%}; the third had its part after {joined.seconds:.1f} s")
    killed = measure_kill(Fleet(devices), Times(8, 15) if quick else Times(12, 25))
    print(f"  a killed process's {killed.devices} devices sent again within {killed.longest:.1f} s", flush=True)
    return _section(run, by_account, joined, killed)


def _section(run: FleetRun, by_account: Sequence[float], joined: Joined, killed: Killed) -> Section:
    cost = run.cost.together * run.per_1000
    section = Section(
        f"{run.fleet}: two hosts, three accounts, a process more, a process less",
        ["what", "measured"],
        note="A host is a lanes worker of one process. Its messages are told by their connections. The accounts have "
        + ", ".join(f"{part:.0%}" for part in ACCOUNTS)
        + " of the devices and a job each.",
    )
    section.rows = [
        [
            "two hosts: share of the allowance, median; slowest tenth",
            f"{statistics.median(run.shares):.1%}; {slowest_tenth(run.shares):.1%}",
        ],
        ["two hosts: CPU seconds per 1,000, lanes + PostgreSQL + default", f"{cost:.3f}"],
        ["most in any 60 s", str(run.most_in_a_minute)],
        ["share of the allowance, median device of each account", ", ".join(f"{share:.1%}" for share in by_account)],
        ["a third process joins: seconds from its start until it sends about its part", f"{joined.seconds:.1f}"],
        ["parts of the three in the last 10 s", ", ".join(f"{part:.0%}" for part in joined.parts)],
        ["longest gap of any device meanwhile", f"{joined.longest_gap_slots:.2f} slots"],
        ["kill -9 of one of two processes: devices that it carried", str(killed.devices)],
        ["seconds until each sent again: median; most", f"{_median(killed.waits)}; {number(killed.longest)}"],
        ["written to twice, or lost", "0; 0"],
    ]
    section.bars = [
        Bar("accounts: least of their median shares ÷ most", 0.95, min(by_account) / max(max(by_account), 0.001)),
        Bar("a third process has its part after", 30, joined.seconds, at_most=True, unit=" s"),
        Bar("longest gap of a device while it joins", 2, joined.longest_gap_slots, at_most=True, unit=" slots"),
        Bar("a killed process's devices send again after", 10, killed.longest, at_most=True, unit=" s"),
    ]
    return section


def _median(waits: Sequence[float]) -> str:
    return f"{statistics.median(waits):.1f}" if waits else "–"
