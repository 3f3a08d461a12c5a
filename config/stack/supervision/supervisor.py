"""Keep programs running: start, restart what dies, end all of them in order.

One thread and one loop: the kernel takes the end of the thread that started a child for the end of its
parent, and a loop that sleeps until a child speaks or dies costs nothing while all is well.
"""

import os
import selectors
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import FrameType

from config.stack.errors import FailedError, StackError, StoppedError
from config.stack.supervision.console import Console
from config.stack.supervision.leftovers import Leftover
from config.stack.supervision.pipe import Pipe
from config.stack.supervision.programs import REPOSITORY, Child, Program, ending_with_launcher, how_it_ended

LOOK_AGAIN_SECONDS = 0.03  # while something is awaited that tells nobody when it happens
SAME_SIGNAL_SECONDS = 1.0  # a terminal, make and a harness may each deliver the one wish to stop


@dataclass(frozen=True)
class Patience:
    """How often a program may die before the whole stack is ended, and what counts as having lived."""

    deaths: int = 5
    lived_seconds: float = 10  # whoever lived this long starts with a clean slate
    first_wait_seconds: float = 0.25  # doubled with each death
    ready_seconds: float = 90


@dataclass
class _Post:
    """A program's place in the stack, held by one child after another."""

    program: Program
    child: Child | None = None
    pipe: Pipe | None = None
    deaths: int = 0
    restart_at: float = 0.0


class Supervisor:
    """Use as a context: leaving it ends everything it started, the last group first."""

    def __init__(
        self,
        console: Console,
        *,
        patience: Patience | None = None,
        record_children: Callable[[list[Leftover]], None] = lambda children: None,
    ) -> None:
        self._console = console
        self._patience = patience or Patience()
        self._record_children = record_children
        self._groups: list[list[_Post]] = []
        self._selector = selectors.DefaultSelector()
        self._stop_signal: int | None = None
        self._stop_asked_at = 0.0
        self._is_stopping = False
        self._is_impatient = False

    def __enter__(self) -> "Supervisor":
        # A signal rings the bell, and the loop wakes up.
        self._bell, self._clapper = socket.socketpair()
        self._bell.setblocking(False)
        self._clapper.setblocking(False)
        self._old_clapper = signal.set_wakeup_fd(self._clapper.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._bell, selectors.EVENT_READ, self._silence_bell)
        self._old_handlers = {
            signum: signal.signal(signum, self._note_stop_signal)
            for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
            # Under nohup a hang-up stays ignored.
            if signum != signal.SIGHUP or signal.getsignal(signum) != signal.SIG_IGN
        }
        self._old_handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _only_ring_the_bell)
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self._stop_all()
        finally:
            for signum, handler in self._old_handlers.items():
                signal.signal(signum, handler)
            signal.set_wakeup_fd(self._old_clapper)
            self._selector.close()
            self._bell.close()
            self._clapper.close()

    # --- What a launcher asks for ---------------------------------------------------------------

    def start(self, *programs: Program) -> None:
        """Start programs side by side, as one group; groups are ended in the opposite order."""
        posts = [_Post(program) for program in programs]
        self._groups.append(posts)
        for post in posts:
            self._start_child(post)

    def wait_until_ready(self) -> None:
        """Return when every program answers. Raises FailedError or StoppedError."""
        deadline = time.monotonic() + self._patience.ready_seconds
        waiting = list(self._posts())
        while waiting := [post for post in waiting if not (post.child and post.program.is_ready())]:
            if time.monotonic() > deadline:
                name = waiting[0].program.name
                raise FailedError(f"{name} does not answer", self._console.last_lines(name))
            self._turn(LOOK_AGAIN_SECONDS)

    def run_setup(self, name: str, argv: Sequence[str], environ: Mapping[str, str], feed: str = "") -> str:
        """Run a command, which reads `feed`, to its end and return its output; its errors are logged.

        Raises FailedError when it fails.
        """
        output: list[bytes] = []
        log = partial(self._console.write, name)
        with (
            self._listening(output.append) as stdout,
            self._listening(log) as stderr,
            tempfile.TemporaryFile() as stdin,
        ):
            stdin.write(feed.encode())
            stdin.seek(0)
            process = subprocess.Popen(
                [*ending_with_launcher(signal.SIGKILL), *argv],
                stdin=stdin,
                stdout=stdout.writer,
                stderr=stderr.writer,
                cwd=REPOSITORY,
                env=environ,
                process_group=0,
            )
            stdout.keep_reader_only()
            stderr.keep_reader_only()
            try:
                while process.poll() is None:
                    self._turn(None)
            finally:
                process.kill()
                process.wait()
        if process.returncode != 0:
            for line in output:
                log(line)
            how = how_it_ended(process.returncode)
            raise FailedError(f"{name} failed ({how})", self._console.last_lines(name))
        return b"\n".join(output).decode(errors="replace")

    def run_in_front(self, argv: Sequence[str], environ: Mapping[str, str] | None = None) -> int:
        """Run a command that has the terminal, keeping the programs running; return its exit code."""
        try:
            process = subprocess.Popen([*ending_with_launcher(signal.SIGTERM), *argv], env=environ)
        except OSError as error:
            raise StackError(f"{argv[0]}: {error.strerror}") from None
        try:
            while process.poll() is None:
                self._turn(None)
        except StoppedError as stop:
            # A terminal's Ctrl-C has reached the command by itself: it shares the launcher's process group.
            if stop.signum != signal.SIGINT or not _is_in_front_of_terminal():
                process.send_signal(stop.signum)
            self._wait_for(process, seconds=10)
            raise
        finally:
            if process.poll() is None:
                process.terminate()
                self._wait_for(process, seconds=5)
                process.kill()
                process.wait()
        return process.returncode if process.returncode >= 0 else 128 - process.returncode

    def serve(self) -> None:
        """Keep everything running. Raises StoppedError or, when something keeps dying, FailedError."""
        while True:
            self._turn(None)

    # --- The loop -----------------------------------------------------------------------------------

    def _turn(self, seconds: float | None) -> None:
        """Sleep until something happens, at most `seconds`; then do what it asks for."""
        now = time.monotonic()
        waits = [max(0.0, post.restart_at - now) for post in self._posts() if not post.child and not self._is_stopping]
        if seconds is not None:
            waits.append(seconds)
        for key, _ in self._selector.select(min(waits, default=None)):
            key.data()
        self._notice_deaths()
        if self._is_stopping:
            return
        if self._stop_signal is not None:
            self._is_stopping = True
            raise StoppedError(self._stop_signal)
        for post in self._posts():
            if not post.child and time.monotonic() >= post.restart_at:
                self._start_child(post)

    def _notice_deaths(self) -> None:
        for post in self._posts():
            child = post.child
            if child is None or child.is_alive:
                continue
            child.bury()
            self._hang_up(post)
            post.child = None
            if not self._is_stopping:
                self._plan_restart(post, child)

    def _plan_restart(self, post: _Post, child: Child) -> None:
        name = post.program.name
        now = time.monotonic()
        post.deaths = 1 if now - child.started_at >= self._patience.lived_seconds else post.deaths + 1
        if post.deaths >= self._patience.deaths:
            self._is_stopping = True
            raise FailedError(f"{name} keeps dying ({child.how_it_ended})", self._console.last_lines(name))
        wait = self._patience.first_wait_seconds * 2 ** (post.deaths - 1)
        post.restart_at = now + wait
        self._console.note(f"{name} died ({child.how_it_ended}): restarted in {wait:g} s")

    def _start_child(self, post: _Post) -> None:
        pipe = Pipe(partial(self._console.write, post.program.name, is_shown=post.program.is_shown))
        try:
            post.child = Child(post.program, pipe.writer)
        except OSError as error:
            raise StackError(f"{post.program.name} cannot be started: {error}") from None
        finally:
            pipe.keep_reader_only()
        self._listen(pipe)
        post.pipe = pipe
        self._record_children([Leftover.of(other.child) for other in self._posts() if other.child])

    def _posts(self) -> list[_Post]:
        return [post for group in self._groups for post in group]

    # --- The end --------------------------------------------------------------------------------------

    def _stop_all(self) -> None:
        """End the groups, last first: ask, wait for the grace, kill. A second Ctrl-C takes the grace away."""
        self._is_stopping = True
        if self._stop_signal is not None:
            self._console.note("Stopping.")
        for group in reversed(self._groups):
            for post in group:
                if post.child:
                    post.child.ask_to_stop()
            asked_at = time.monotonic()
            while living := [post.child for post in group if post.child]:
                waited = time.monotonic() - asked_at
                for child in living:
                    if waited >= child.program.grace_seconds or self._is_impatient:
                        self._console.note(f"{child.program.name} is killed: it did not stop")
                        child.bury()
                self._turn(0.2)

    def _wait_for(self, process: subprocess.Popen[bytes], *, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        self._is_stopping = True
        while process.poll() is None and time.monotonic() < deadline and not self._is_impatient:
            self._turn(0.2)

    # --- Signals and output -----------------------------------------------------------------------------

    def _note_stop_signal(self, signum: int, frame: FrameType | None) -> None:
        if self._stop_signal is None:
            self._stop_signal = signum
            self._stop_asked_at = time.monotonic()
        elif time.monotonic() - self._stop_asked_at > SAME_SIGNAL_SECONDS:
            self._is_impatient = True

    def _silence_bell(self) -> None:
        self._bell.recv(4096)

    @contextmanager
    def _listening(self, take_line: Callable[[bytes], None]) -> Iterator[Pipe]:
        pipe = Pipe(take_line)
        self._listen(pipe)
        try:
            yield pipe
        finally:
            self._stop_listening(pipe)
            pipe.close()

    def _listen(self, pipe: Pipe) -> None:
        def hear() -> None:
            if not pipe.read():
                self._stop_listening(pipe)

        self._selector.register(pipe.reader, selectors.EVENT_READ, hear)

    def _stop_listening(self, pipe: Pipe) -> None:
        if pipe.reader in self._selector.get_map():
            self._selector.unregister(pipe.reader)

    def _hang_up(self, post: _Post) -> None:
        if post.pipe:
            self._stop_listening(post.pipe)
            post.pipe.close()  # its last words
            post.pipe = None


def _only_ring_the_bell(signum: int, frame: FrameType | None) -> None:
    """A signal without a handler does not wake the loop."""


def _is_in_front_of_terminal() -> bool:
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False
