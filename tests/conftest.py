"""Fixtures for every test."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.template import Template
from django.test.utils import _TestState
from django.utils import translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests import embedded_services, prepared_database
from tests.simulator_process import Simulator, start_simulator

# How long an example takes, or is in the making, says how busy the machine is.
hypothesis_settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("any machine")

_OTHER_SESSIONS = """
    SELECT pid, application_name, state, backend_start::text, left(query, 200) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """The test database is a copy of the one that is migrated already, where there is one."""
    if embedded_services.brings_database():
        test: dict[str, Any] = connection.settings_dict["TEST"]
        test.update(TEMPLATE=prepared_database.DATABASE, MIGRATE=False)


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


@pytest.fixture(scope="session", autouse=True)
def _pages_are_rendered_as_in_production(django_test_environment: None) -> None:
    """Without Django's copy of every template's context for `response.context`: tests read what is shown."""
    Template._render = _TestState.saved_data.template_render


@pytest.fixture(autouse=True)
def _static_files_are_looked_up_when_asked_for(settings):
    """Every test client starts the middleware anew, and listing all static files each time takes 40 ms."""
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(autouse=True)
def _no_language_of_another_test():
    """Whoever asked for a page in Portuguese leaves it active in the thread."""
    translation.deactivate()


@pytest.fixture(autouse=True)
def _passwords_are_cheap(settings):
    """The real hash is slow on purpose."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
