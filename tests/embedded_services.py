"""A pytest plugin: PostgreSQL and Valkey of the tests' own, in .data/test, for the time of the session.

Loaded by `-p tests.embedded_services` in pyproject.toml, before pytest-django reads the settings: by then the
environment must name the data directory. The engines start while the tests are collected. DATABASE_URL and
REDIS_URL are respected.
"""

import os
import shutil
import time

import pytest

from config.stack.errors import StackError
from config.stack.places.directories import make_data_dir, remove_socket_dir
from config.stack.places.layout import Layout
from config.stack.servers import engines, postgres
from config.stack.supervision.launcher_lock import AlreadyRunningError, LauncherLock
from config.stack.supervision.leftovers import Leftover
from config.stack.supervision.programs import REPOSITORY, Child

SESSIONS_AT_ONCE = 8
READY_SECONDS = 60


def _claim_data_dir() -> tuple[Layout, LauncherLock]:
    """Take .data/test, or .data/test-2 and so on where another session has it."""
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


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    if session.config.option.collectonly:
        return
    shutil.rmtree(layout.valkey_dir, ignore_errors=True)  # nothing of the last session waits in a queue
    layout.log_dir.mkdir(exist_ok=True)
    try:
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
