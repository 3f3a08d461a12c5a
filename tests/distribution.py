"""A pytest plugin: which worker of `make test` has which tests.

Tests that start a whole stack each, or share one, are one worker's: no two of them run at once, and the stack of a
package goes up once. They come first, because they take longest; the other workers do the rest meanwhile, one by one.

pytest-xdist's own groups would do, but it writes them into the names of the tests, which pytest 9.2 does not read
any more: nothing was grouped, and nothing said so. A run in which it happens again fails.
"""

from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

WITH_A_WHOLE_STACK = ("stack", "bench", "browser", "chaos")
TOGETHER = "whole stack"
_HERE = Path(__file__).parent

_workers_with_stacks: set[str] = set()


class Distribution(LoadScopeScheduling):
    """Whole stacks to one worker, every other test to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def unit_of(nodeid: str) -> str:
    """The name of what goes to one worker: the test's own, or that of all that start a whole stack."""
    _, package, *_ = (*nodeid.split("::")[0].split("/"), "")
    return TOGETHER if package in WITH_A_WHOLE_STACK else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Distribution:
    return Distribution(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the packages together, and first, without workers too."""
    ranks = {package: rank for rank, package in enumerate(WITH_A_WHOLE_STACK)}
    items.sort(key=lambda item: ranks.get(item.path.relative_to(_HERE).parts[0], len(ranks)))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if unit_of(report.nodeid) == TOGETHER:
        _workers_with_stacks.add(getattr(report, "worker_id", ""))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if len(_workers_with_stacks) > 1:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if len(_workers_with_stacks) > 1:
        terminalreporter.write_line(f"whole stacks ran on several workers: {sorted(_workers_with_stacks)}", red=True)
