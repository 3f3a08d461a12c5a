"""CPU seconds and memory of other processes, from Linux's /proc."""

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cpu:
    """User and system seconds of the three that a message costs something."""

    worker: float
    postgres: float
    simulator: float

    def __sub__(self, before: "Cpu") -> "Cpu":
        return Cpu(self.worker - before.worker, self.postgres - before.postgres, self.simulator - before.simulator)


@dataclass(frozen=True, slots=True)
class Meter:
    """Reads what a run has cost so far: the worker's process tree, the simulator, PostgreSQL but for this session."""

    worker_pids: tuple[int, ...]
    simulator_pid: int

    def read(self) -> Cpu:
        return Cpu(tree_seconds(self.worker_pids), postgres_seconds(), tree_seconds([self.simulator_pid]))


def postgres_seconds(*, with_own: bool = False) -> float:
    """CPU seconds of every PostgreSQL process, ended sessions included; the asking session's only `with_own`."""
    backend = own_backend()
    return tree_seconds([parent_of(backend)], without=() if with_own else {backend})


def own_backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def tree_seconds(roots: Iterable[int], without: Collection[int] = ()) -> float:
    """CPU seconds of processes and all their descendants, those that have ended and were waited for included."""
    return sum(_seconds(pid) for pid in tree(roots) if pid not in without)


def tree(roots: Iterable[int]) -> set[int]:
    """These processes and all their living descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := parent_of(int(entry.name))):
            children.setdefault(parent, []).append(int(entry.name))
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        found.add(pid)
        waiting += children.get(pid, [])
    return found


def parent_of(pid: int) -> int:
    """The parent's pid; 0 where the process is gone."""
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def peak_megabytes(roots: Iterable[int]) -> float:
    """The most that any of these processes and their descendants has held in memory, in MB."""
    return max(_status_kilobytes(pid, "VmHWM") for pid in tree(roots)) / 1024


def resident_kilobytes(pids: Iterable[int]) -> int:
    """What these processes, and no others, hold in memory together, in KB; shared pages count for each."""
    return sum(_status_kilobytes(pid, "VmRSS") for pid in pids)


def children_of(pid: int) -> list[int]:
    """A process's living children."""
    return sorted(child for child in tree([pid]) if parent_of(child) == pid)


def machine_seconds() -> float:
    """CPU seconds that all the machine's processes have used, and what was taken from it (steal)."""
    _name, *fields = Path("/proc/stat").read_text().splitlines()[0].split()
    user, nice, system, _idle, _waiting, *interrupts = (int(field) for field in fields[:8])
    return (user + nice + system + sum(interrupts)) / _TICK


def own_peak_megabytes() -> float:
    """The most memory this process has held since `forget_own_peak`, in MB."""
    return _status_kilobytes(os.getpid(), "VmHWM") / 1024


def forget_own_peak() -> None:
    """Count this process's peak from what it holds now."""
    Path("/proc/self/clear_refs").write_text("5")


def _seconds(pid: int) -> float:
    fields = _stat(pid)
    # utime, stime, and the same of children it has waited for
    return sum(int(field) for field in fields[11:15]) / _TICK if fields else 0.0


def _stat(pid: int) -> list[str]:
    """The fields after the process's name, which may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _status_kilobytes(pid: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)
