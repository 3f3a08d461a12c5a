"""PostgreSQL and Valkey of the benchmark's own, new each time and as durable as in production.

Never those of DATABASE_URL or REDIS_URL: the benchmark empties tables.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.stack.places.directories import make_data_dir, remove_socket_dir
from config.stack.places.layout import Layout
from config.stack.servers import engines
from config.stack.supervision import leftovers
from config.stack.supervision.launcher_lock import LauncherLock
from config.stack.supervision.leftovers import Leftover
from config.stack.supervision.programs import Child, Program

READY_SECONDS = 60
# What a person's environment may say of the servers and the engine; here everything is as it comes.
_NOT_OURS = ("DATABASE_URL", "REDIS_URL", "CHUNK_SIZE", "LEASE_SECONDS", "WORKER_PROCESSES", "LOG_FORMAT")


@contextmanager
def own_engines(data_dir: Path) -> Iterator[None]:
    """Start both in `data_dir`, point this process and its children at them, and leave nothing behind."""
    layout = Layout(data_dir)
    make_data_dir(layout)
    for name in _NOT_OURS:
        os.environ.pop(name, None)
    # Django's settings and every child read it.
    os.environ["DATA_DIR"] = str(data_dir)
    os.environ["EGRESS_ALLOWED_CIDRS"] = "127.0.0.0/8"
    os.environ["CANARY_SIZE"] = "0"  # the engine is measured, and not a wait
    children: list[Child] = []
    with LauncherLock(layout, "make bench") as lock:
        leftovers.end(lock.left_behind)
        for directory in (layout.postgres_dir, layout.valkey_dir):
            shutil.rmtree(directory, ignore_errors=True)
        layout.log_dir.mkdir(exist_ok=True)
        try:
            children.extend(start(engine, layout.log_dir) for engine in engines.prepare(layout, lock, os.environ))
            lock.record_children([Leftover.of(child) for child in children])
            for child in children:
                wait_until_ready(child)
            yield
        finally:
            for child in reversed(children):
                child.stop()
            for directory in (layout.postgres_dir, layout.valkey_dir, data_dir / "uploads", data_dir / "incoming"):
                shutil.rmtree(directory, ignore_errors=True)
            remove_socket_dir(layout)


def start(program: Program, log_dir: Path) -> Child:
    """Start a program with its output going to a file of its name."""
    with (log_dir / f"{program.name}.log").open("wb") as output:
        return Child(program, output.fileno())


def wait_until_ready(child: Child) -> None:
    """Raises RuntimeError where it dies or takes too long."""
    deadline = time.monotonic() + READY_SECONDS
    while not child.program.is_ready():
        if not child.is_alive or time.monotonic() > deadline:
            raise RuntimeError(f"{child.program.name} does not start")
        time.sleep(0.02)
