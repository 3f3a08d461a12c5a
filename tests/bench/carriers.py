"""Which process sent what: the gateway knows the port that a message came from, /proc whose it is (Linux)."""

import os
import threading
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOOK_SECONDS = 0.5
_ESTABLISHED = "01"  # as the third column has it


class Carriers:
    """Looks again and again whose connections lead to a server's port; `of` says who had one."""

    def __init__(self, server_port: int, pids: Callable[[], Collection[int]]) -> None:
        self._server_port = server_port
        self._pids = pids
        self._seen: dict[int, list[tuple[float, int]]] = defaultdict(list)  # client's port: since when, pid

    def of(self, port: int, at: float) -> int:
        """The pid that had the port then, or the first to have it later; 0 where nobody was seen."""
        seen = self._seen.get(port)
        if not seen:
            return 0
        return seen[max(0, bisect_right(seen, (at + LOOK_SECONDS, 0)) - 1)][1]

    def look(self, now: float) -> None:
        """Note who has which connection at this moment (seconds since the epoch)."""
        ports = _client_ports(self._server_port)
        for pid in self._pids():
            for inode in _sockets(pid):
                if (port := ports.get(inode)) is not None and (not self._seen[port] or self._seen[port][-1][1] != pid):
                    self._seen[port].append((now, pid))


@contextmanager
def watching(carriers: Carriers, clock: Callable[[], float]) -> Iterator[None]:
    """Have a thread look for the time of a block."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(LOOK_SECONDS):
            carriers.look(clock())

    thread = threading.Thread(target=watch, name="carriers")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _client_ports(server_port: int) -> dict[str, int]:
    """The client's port of each connection to a server on this machine, by the inode of its socket."""
    found = {}
    mark = f":{server_port:04X} {_ESTABLISHED} "
    for line in Path("/proc/net/tcp").read_text().splitlines():
        if mark in line:
            fields = line.split()
            found[fields[9]] = int(fields[1].rpartition(":")[2], 16)
    return found


def _sockets(pid: int) -> Iterator[str]:
    """The inodes of a process's sockets; none of one that has ended."""
    directory = f"/proc/{pid}/fd"
    with suppress(OSError):
        for descriptor in os.listdir(directory):
            with suppress(OSError):
                target = os.readlink(f"{directory}/{descriptor}")
                if target.startswith("socket:["):
                    yield target[8:-1]
