"""A pytest plugin: which worker of `make test` has which tests.

Tests that start a whole stack each, or share one, make two rows, and each row is one worker's: no more than two stacks
run at once, and the stack of a package goes up once. They come first, because they take longest, either row about as
long as the other; the other workers do the rest meanwhile, one by one.

pytest-xdist's own groups would do, but it writes them into the names of the tests, which pytest 9.2 does not read
any more: nothing was grouped, and nothing said so. A run in which it happens again fails.
"""

from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

ROWS = (("stack", "bench", "chaos"), ("browser",))
WITH_A_WHOLE_STACK = {package: " + ".join(row) for row in ROWS for package in row}
_HERE = Path(__file__).parent

_workers_of: dict[str, set[str]] = {row: set() for row in WITH_A_WHOLE_STACK.values()}


class Distribution(LoadScopeScheduling):
    """Each row of whole stacks to one worker, every other test to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def unit_of(nodeid: str) -> str:
    """The name of what goes to one worker: the test's own, or that of its row of those that start a whole stack."""
    _, package, *_ = (*nodeid.split("::")[0].split("/"), "")
    return WITH_A_WHOLE_STACK.get(package, nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Distribution:
    return Distribution(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the packages together, and first, without workers too."""
    ranks = {package: rank for rank, package in enumerate(WITH_A_WHOLE_STACK)}
    items.sort(key=lambda item: ranks.get(item.path.relative_to(_HERE).parts[0], len(ranks)))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    row = unit_of(report.nodeid)
    if row in _workers_of:
        _workers_of[row].add(getattr(report, "worker_id", ""))


def torn() -> list[str]:
    """The rows that several workers had a part of."""
    return [f"{row} ran on {sorted(workers)}" for row, workers in _workers_of.items() if len(workers) > 1]


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if torn():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for row in torn():
        terminalreporter.write_line(f"whole stacks ran on several workers: {row}", red=True)
