import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.stack.places.layout import Layout
from config.stack.supervision.leftovers import identity
from config.stack.supervision.programs import REPOSITORY
from tests.waiting import GIVE_UP_SECONDS


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A path with spaces, and far longer than a unix socket's may be."""
    directory = tmp_path / "a data directory" / ("long " * 30).strip()
    directory.mkdir(parents=True)
    return directory


@pytest.fixture
def environ(data_dir: Path) -> dict[str, str]:
    """The environment of a person who has set nothing but DATA_DIR."""
    ours = {"DATABASE_URL", "REDIS_URL", "PORT", "PG_BIN_DIR", "VALKEY_SERVER", "WORKER_PROCESSES"}
    kept = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("PG")}
    return {**kept, "DATA_DIR": str(data_dir)}


@pytest.fixture
def layout(data_dir: Path) -> Layout:
    return Layout(data_dir)


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(environ: dict[str, str]) -> Iterator[Start]:
    """Start `python -m MODULE ARGUMENTS…` with its output in pipes; what still runs at the end is stopped."""
    started = []

    def _start(module: str, *arguments: str, **more: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=REPOSITORY,
            env={**environ, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        started.append(process)
        return process

    yield _start
    for process in started:
        process.terminate()  # a launcher ends what it has started
        try:
            process.communicate(timeout=GIVE_UP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def is_alive(pid: int) -> bool:
    return bool(identity(pid))
