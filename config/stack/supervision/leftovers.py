"""End what a launcher that was killed could not end itself.

Where the kernel signals the children of a dead launcher (Linux) this finds them on their way out or gone.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from config.stack.supervision.programs import Child

PATIENCE_SECONDS = 15


class Leftover(NamedTuple):
    """A child as its launcher recorded it; `identity` tells it from a later process of the same number."""

    pid: int
    identity: str
    stop_signal: int

    @classmethod
    def of(cls, child: Child) -> "Leftover":
        """Describe a child for the launcher after this one."""
        return cls(child.pid, identity(child.pid), child.program.orphan_signal)

    @property
    def is_alive(self) -> bool:
        return bool(self.identity) and identity(self.pid) == self.identity


def end(leftovers: list[Leftover]) -> None:
    """Ask each to stop, wait, then kill; returns when none is left."""
    for leftover in leftovers:
        _signal(leftover, leftover.stop_signal)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(leftover.is_alive for leftover in leftovers) and time.monotonic() < deadline:
        time.sleep(0.02)
    for leftover in leftovers:
        _signal(leftover, signal.SIGKILL)


def identity(pid: int) -> str:
    """Return when this process started, in a form that differs after a reboot; empty when it is gone."""
    if sys.platform == "linux":
        try:
            # The second field is the name in brackets and may hold anything; state follows, then numbers.
            state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            return ""
        return "" if state == "Z" else f"{boot} {fields[18]}"
    listing = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listing.stdout.strip()


def _signal(leftover: Leftover, signum: int) -> None:
    if not leftover.is_alive:
        return
    with suppress(ProcessLookupError, PermissionError):
        # A child leads its process group: what it forked goes with it when it is killed.
        (os.killpg if signum == signal.SIGKILL else os.kill)(leftover.pid, signum)
