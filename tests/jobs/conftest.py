from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.running.lane_runner import LaneRunner
from jobs.tasks import import_job
from tests.jobs.uploads import Sender


@pytest.fixture(autouse=True)
def own_upload_directories(settings, tmp_path: Path) -> None:
    settings.UPLOAD_DIR = tmp_path / "uploads"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"
    settings.UPLOAD_DIR.mkdir()
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()


@pytest.fixture
def sender(db: None) -> Sender:
    return Sender()


@pytest.fixture
def import_nudges(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of the jobs that somebody asked to be imported."""
    nudges: list[int] = []
    monkeypatch.setattr(import_job, "delay", nudges.append)
    return nudges


@pytest.fixture
def runner() -> Iterator[LaneRunner]:
    """A sending process's own loop, in the test's."""
    runner = LaneRunner()
    yield runner
    runner.close()
