"""A pytest plugin: a test that leaves a database session open fails, and its error names the thread and the query.

A thread that the test starts closes what it opened, by `connection.close()`. For threads that a test does not own, such
as those of a pool in the code under test, there is the fixture `closes_sessions_of_other_threads`. A copy of the
connection (`connection.copy()`) counts on the test's own thread too. What psycopg opens without Django is seen only at
the end, by the fixture `django_db_setup`.
"""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

CLOSING_SECONDS = 10.0  # a thread that has answered may still be about to close

# Held strongly: a session whose thread has ended is open all the same.
_opened: list[tuple[BaseDatabaseWrapper, str]] = []


def _note(connection: BaseDatabaseWrapper, **_: Any) -> None:
    is_a_copy = connection.alias in connections.settings and connections[connection.alias] is not connection
    if is_a_copy or threading.current_thread() is not threading.main_thread():
        _opened.append((connection, threading.current_thread().name))


def pytest_configure() -> None:
    connection_created.connect(_note, dispatch_uid="tests.open_sessions")


def _left() -> list[tuple[BaseDatabaseWrapper, str]]:
    # A thread may have opened and closed several with the same object.
    still = {id(session): (session, thread) for session, thread in _opened if session.connection is not None}
    return list(still.values())


def close_all() -> list[str]:
    """Close the sessions of other threads, and copies; return what each was: its thread and its last query."""
    told = []
    for session, thread in _left():
        told.append(f"{thread}: {_last_query(session)}")
        session.inc_thread_sharing()
        session.close()
    _opened.clear()
    return told


def _last_query(session: BaseDatabaseWrapper) -> str:
    if session.connection.closed:  # by the server: it has no number any more
        return "a session that has ended"
    pid = session.connection.info.backend_pid
    with connection.cursor() as cursor:
        cursor.execute("SELECT state || ', ' || left(query, 200) FROM pg_stat_activity WHERE pid = %s", [pid])
        found = cursor.fetchone()
    return found[0] if found else "a session that has ended"


@pytest.fixture(autouse=True)
def _leaves_no_session_open(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    deadline = time.monotonic() + CLOSING_SECONDS
    while _left() and time.monotonic() < deadline:
        time.sleep(0.02)
    if _left():
        blocker = request.getfixturevalue("django_db_blocker")
        with blocker.unblock():
            left = close_all()
            connection.close()
        pytest.fail(f"these threads left a database session open: {left}", pytrace=False)
    _opened.clear()


@pytest.fixture
def closes_sessions_of_other_threads(transactional_db: None) -> Iterator[None]:
    """Close what threads opened that the test does not own."""
    yield
    close_all()
