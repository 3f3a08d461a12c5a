"""The suite itself: a session that a test leaves open is found at that test."""

import threading

import pytest
from django.db import connection

from tests import open_sessions

pytestmark = pytest.mark.django_db(transaction=True)


def ask(*, closes: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'left open'")
    if closes:
        connection.close()


def in_a_thread(*, closes: bool) -> None:
    thread = threading.Thread(target=ask, kwargs={"closes": closes}, name="forgetful")
    thread.start()
    thread.join()


def test_a_thread_that_leaves_a_session_open_is_named_with_its_query() -> None:
    in_a_thread(closes=False)
    assert open_sessions.close_all() == ["forgetful: idle, SELECT 'left open'"]
    assert open_sessions.close_all() == []


def test_a_thread_that_closes_its_session_is_not() -> None:
    in_a_thread(closes=True)
    assert open_sessions.close_all() == []


def test_a_copy_of_the_connection_is_named_on_the_tests_own_thread_too() -> None:
    copy = connection.copy()
    copy.settings_dict = {**copy.settings_dict, "OPTIONS": {}}  # past the pool
    with copy.cursor() as cursor:
        cursor.execute("SELECT 'copied'")
    assert open_sessions.close_all() == ["MainThread: idle, SELECT 'copied'"]
    assert copy.connection is None


def test_what_other_threads_opened_is_closed_by_the_fixture(closes_sessions_of_other_threads: None) -> None:
    in_a_thread(closes=False)  # the check at the end of each test would fail this one


class TestAtTheEndOfATest:
    @pytest.fixture(autouse=True)
    def _fails(self, request: pytest.FixtureRequest):
        """Run the check by hand, within the test: it is a fixture, whose end is its verdict."""
        check = open_sessions._leaves_no_session_open.__wrapped__(request)
        next(check)
        yield
        with pytest.raises(pytest.fail.Exception, match=r"left a database session open.*forgetful"):
            next(check)

    def test_the_check_fails_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(open_sessions, "CLOSING_SECONDS", 0.0)
        in_a_thread(closes=False)
