"""A pytest plugin: PostgreSQL and Valkey of the tests' own, in .data/test, for the time of the session.

Loaded by `-p tests.embedded_services` in pyproject.toml, before pytest-django reads the settings: by then the
environment must name the data directory. The engines start while the tests are collected. DATABASE_URL and
REDIS_URL are respected.

Under pytest-xdist each worker has engines of its own, in .data/test/gw0 and so on, and the process that hands out the
tests has none: publish/subscribe knows no database numbers, and uploads and secrets lie in the data directory.
"""

import os
import shutil
import time
from pathlib import Path

import pytest

from config.stack.errors import StackError
from config.stack.places.directories import make_data_dir, remove_socket_dir
from config.stack.places.layout import Layout
from config.stack.servers import engines, postgres
from config.stack.supervision import leftovers
from config.stack.supervision.launcher_lock import AlreadyRunningError, LauncherLock
from config.stack.supervision.leftovers import Leftover
from config.stack.supervision.programs import REPOSITORY, Child
from tests import prepared_database

SESSIONS_AT_ONCE = 8
WORKERS_AT_MOST = 4  # each is a PostgreSQL and a Valkey more
READY_SECONDS = 300  # what does not start at all ends sooner, by itself


def _claim_data_dir() -> tuple[Layout, LauncherLock]:
    """Take .data/test, or .data/test-2 and so on where another session has it; a worker takes its place in there."""
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        layout = Layout(Path(os.environ["DATA_DIR"]) / worker)
        make_data_dir(layout)
        return layout, LauncherLock(layout, "pytest").__enter__()
    for number in range(1, SESSIONS_AT_ONCE + 1):
        layout = Layout(REPOSITORY / ".data" / ("test" if number == 1 else f"test-{number}"))
        make_data_dir(layout)
        try:
            return layout, LauncherLock(layout, "pytest").__enter__()
        except AlreadyRunningError:
            continue
    raise pytest.UsageError(f"{SESSIONS_AT_ONCE} test sessions are running already")


layout, lock = _claim_data_dir()
os.environ["DATA_DIR"] = str(layout.data_dir)
children: list[Child] = []


def _log(child_name: str) -> str:
    return str(layout.log_dir / f"{child_name}.log")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist's own, which counts cores
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The workers of `-n logical`: none where they would have to share a Redis.

    One more than there are cores: the one that has the whole stacks waits for them most of the time.
    """
    return 0 if _given_redis() else min((os.cpu_count() or 1) + 1, WORKERS_AT_MOST)


def brings_database() -> bool:
    """Tell whether the engines' own PostgreSQL is used, whose database is a copy of the prepared one."""
    return not os.environ.get("DATABASE_URL", "").strip()


def _given_redis() -> str:
    return os.environ.get("REDIS_URL", "").strip()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    hands_out_tests = session.config.getoption("dist", "no") != "no"
    if hands_out_tests and _given_redis():
        pytest.exit("workers would hear each other on the Redis of REDIS_URL: run the tests without -n", returncode=4)
    if session.config.option.collectonly or hands_out_tests:
        return
    shutil.rmtree(layout.valkey_dir, ignore_errors=True)  # nothing of the last session waits in a queue
    layout.log_dir.mkdir(exist_ok=True)
    try:
        if brings_database():
            leftovers.end(lock.left_behind)
            prepared_database.give(layout)
        for engine in engines.prepare(layout, lock, os.environ, postgres.FORGETFUL):
            with open(_log(engine.name), "wb") as output:
                children.append(Child(engine, output.fileno()))
        lock.record_children([Leftover.of(child) for child in children])
    except StackError as error:
        pytest.exit(f"pregonero: {error}", returncode=1)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    deadline = time.monotonic() + READY_SECONDS
    for child in children:
        while not child.program.is_ready():
            if not child.is_alive or time.monotonic() > deadline:
                name = child.program.name
                with open(_log(name), errors="replace") as log:
                    pytest.exit(f"{name} does not start:\n{log.read()[-2000:]}", returncode=1)
            time.sleep(0.02)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    while children:
        children.pop().stop()
    remove_socket_dir(layout)
