"""Fixtures for every test."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.simulator_process import Simulator, start_simulator

# Tests that start a whole stack each, or share one: one worker has them all, so no two of them run at once, and the
# stack of a package goes up once whatever the order.
WITH_A_WHOLE_STACK = ("stack", "bench", "browser", "chaos")
_HERE = Path(__file__).parent

_OTHER_SESSIONS = """
    SELECT pid, application_name, state, backend_start::text, left(query, 200) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


def _package(item: pytest.Item) -> str:
    return item.path.relative_to(_HERE).parts[0]


def pytest_itemcollected(item: pytest.Item) -> None:
    if _package(item) in WITH_A_WHOLE_STACK:
        item.add_marker(pytest.mark.xdist_group("whole-stack"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep those packages together, and first: they take longest, and the other workers do the rest meanwhile."""
    ranks = {package: rank for rank, package in enumerate(WITH_A_WHOLE_STACK)}
    items.sort(key=lambda item: ranks.get(_package(item), len(ranks)))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The test database; at the end it says who is still there, which dropping it would only count."""
    yield
    with django_db_blocker.unblock():
        connection.close()
        connection.close_pool()
        left: list[Any] = []
        for _ in range(50):
            with connection.cursor() as cursor:
                cursor.execute(_OTHER_SESSIONS)
                left = cursor.fetchall()
            if not left:
                return
            time.sleep(0.1)
        raise AssertionError(f"these sessions were not closed: {left}")


@pytest.fixture(scope="session")
def _simulator() -> Iterator[Simulator]:
    with start_simulator("demo-1", "demo-2", "demo-3") as simulator:
        yield simulator


@pytest.fixture
def simulator(_simulator: Simulator) -> Simulator:
    """The gateway simulator, as new: nothing in its ledger, no faults, instances open."""
    _simulator.reset()
    _simulator.faults({})
    for instance in ("demo-1", "demo-2", "demo-3"):
        _simulator.set_state(instance, "open")
    return _simulator


@pytest.fixture(autouse=True)
def _static_files_are_looked_up_when_asked_for(settings):
    """Every test client starts the middleware anew, and listing all static files each time takes 40 ms."""
    settings.WHITENOISE_AUTOREFRESH = True
