"""Chaos in two sizes: a short one with every `make test`, the full one by `make chaos`. One stack serves all of it."""

import fcntl
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.stack.places.layout import Layout
from config.stack.supervision.programs import REPOSITORY
from tests import prepared_database
from tests.chaos.harness import Stack
from tests.chaos.setting import SETTINGS, Size

RUNS_AT_ONCE = 8


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chaos-full", action="store_true", help="the full size of tests/chaos: some ten minutes")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "chaos_full: only in the full size, by `make chaos`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--chaos-full", default=False):
        return
    left = [item for item in items if item.get_closest_marker("chaos_full") is not None]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]


@pytest.fixture(scope="session")
def size(request: pytest.FixtureRequest) -> Size:
    return Size(is_full=bool(request.config.getoption("--chaos-full", default=False)))


@pytest.fixture(scope="package")  # or it would stand there, and sweep, while its worker does other tests
def stack() -> Iterator[Stack]:
    with _own_data_dir() as data_dir:
        layout = Layout(data_dir)
        prepared_database.give(layout)
        with Stack(layout, **SETTINGS) as stack:
            yield stack


@contextmanager
def _own_data_dir() -> Iterator[Path]:
    """A directory that no other run has, empty; it stays afterwards, for its logs, until the next."""
    for number in range(1, RUNS_AT_ONCE + 1):
        data_dir = REPOSITORY / ".data" / f"test-chaos-{number}"
        data_dir.parent.mkdir(exist_ok=True)
        with data_dir.with_suffix(".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(data_dir, ignore_errors=True)
            data_dir.mkdir()
            yield data_dir
            return
    raise RuntimeError(f"{RUNS_AT_ONCE} runs of chaos are under way")


@pytest.fixture
def say(size: Size, capsys: pytest.CaptureFixture[str]) -> Iterator[list[str]]:
    """Lines to show on the terminal: the figures of a full run are wanted even where all is well."""
    lines: list[str] = []
    yield lines
    if size.is_full:
        with capsys.disabled():
            sys.stdout.write("".join(f"\n    {line}" for line in lines) + "\n")
