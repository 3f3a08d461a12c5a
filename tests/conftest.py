"""Fixtures for every test."""

from collections.abc import Iterator

import pytest

from tests.simulator_process import Simulator, start_simulator


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
