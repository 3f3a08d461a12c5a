"""The suite itself: each row of whole stacks is one worker's work, and nobody else's."""

import os
from pathlib import Path

import pytest

from tests import distribution, embedded_services

TESTS = Path(distribution.__file__).parent


@pytest.mark.parametrize(("redis", "workers"), [("", (os.cpu_count() or 1) + 1), ("redis://elsewhere", 0)])
def test_there_is_a_worker_more_than_cores_or_none(
    redis: str, workers: int, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked as `-n logical` asks: pytest-xdist has an answer of its own."""
    monkeypatch.setenv("REDIS_URL", redis)
    asked = pytestconfig.hook.pytest_xdist_auto_num_workers(config=pytestconfig)
    assert asked == min(workers, embedded_services.WORKERS_AT_MOST)


@pytest.mark.parametrize("row", distribution.ROWS)
def test_all_of_a_row_that_start_a_whole_stack_go_to_one_worker(row: tuple[str, ...]) -> None:
    starting = {path for package in row for path in (TESTS / package).glob("test_*.py")}
    assert len(starting) > len(row)
    of = {distribution.unit_of(f"{path.relative_to(TESTS.parent)}::Test::test_a[b::c/d]") for path in starting}
    assert of == {distribution.WITH_A_WHOLE_STACK[row[0]]}


def test_no_row_is_torn_unless_two_workers_had_a_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distribution, "_workers_of", {"a + b": {"gw0", "gw2"}, "c": {"gw1"}, "d": set()})
    assert distribution.torn() == ["a + b ran on ['gw0', 'gw2']"]


@pytest.mark.parametrize("nodeid", ["tests/test_translations.py::test_a", "tests/jobs/live/test_x.py::test_b[stack/y]"])
def test_every_other_test_goes_alone(nodeid: str) -> None:
    assert distribution.unit_of(nodeid) == nodeid
