"""A program the stack runs: how it is started, when it works, how it is ended."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
# A person's PATH may lack the directories of system tools.
SYSTEM_PATH = os.pathsep.join(["/usr/bin", "/bin", "/usr/sbin", "/sbin"])


def _always_ready() -> bool:
    return True


@dataclass(frozen=True)
class Program:
    """One long-running program. `environ` is its whole environment; None means the launcher's own."""

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str] | None = None
    directory: Path = REPOSITORY
    run_under: tuple[str, ...] = ()  # a command line in front of argv which execs it
    is_ready: Callable[[], bool] = field(default=_always_ready, compare=False)
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL  # the kernel sends it when the launcher is gone
    grace_seconds: float = 20  # between stop_signal and SIGKILL
    is_shown: bool = True  # on the terminal; the log file has every program's output

    @property
    def command_line(self) -> list[str]:
        return [*self.run_under, *ending_with_launcher(self.orphan_signal), *self.argv]


class Child:
    """One life of a program, from its start to its burial."""

    def __init__(self, program: Program, output: int) -> None:
        """Start `program` with its output going to the file descriptor `output`.

        Must be called from the main thread: the kernel takes a thread's end for the parent's.
        """
        self.program = program
        self.started_at = time.monotonic()
        # A process group of its own: a terminal's Ctrl-C reaches only the launcher, which then ends
        # its children in order, and whatever a child has forked can be killed with it.
        self._process = subprocess.Popen(
            program.command_line,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=program.directory,
            env=program.environ,
            process_group=0,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def how_it_ended(self) -> str:
        return how_it_ended(self._process.returncode)

    def ask_to_stop(self) -> None:
        if self.is_alive:
            self._process.send_signal(self.program.stop_signal)

    def bury(self) -> None:
        """Kill what is left of the process group, the leader included."""
        # Nobody may be left, which macOS calls "not permitted".
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """Ask, wait for `grace_seconds`, kill. For callers without a supervisor."""
        self.ask_to_stop()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(self.program.grace_seconds)
        self.bury()


def how_it_ended(return_code: int) -> str:
    if return_code < 0:
        return f"killed by {signal.Signals(-return_code).name}"
    return f"exit code {return_code}"


def system_tool(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=SYSTEM_PATH)


@cache
def ending_with_launcher(signum: signal.Signals) -> tuple[str, ...]:
    """Return the command line in front of a program which has the kernel signal it when its parent dies.

    Empty where there is no such tool (macOS): the next launcher then ends what the dead one left.
    """
    setpriv = system_tool("setpriv")
    if setpriv is None:
        return ()
    prefix = (setpriv, "--pdeathsig", signum.name.removeprefix("SIG"))
    # Not every setpriv knows the option (BusyBox).
    attempt = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    return prefix if attempt.returncode == 0 else ()
