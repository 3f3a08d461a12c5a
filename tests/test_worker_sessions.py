"""A worker and its database session."""

import pytest
from celery import signals
from django.db import DatabaseError, connection

from jobs.tasks import sweep

pytestmark = pytest.mark.django_db(transaction=True)


def ask() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid: int = cursor.fetchone()[0]
        return pid


def begin_a_task() -> None:
    signals.task_prerun.send(sender=sweep, task_id="one", task=sweep, args=(), kwargs={})


def test_a_worker_whose_session_ended_with_postgresql_goes_on_with_its_next_task() -> None:
    pid = ask()
    other = connection.copy()
    other.inc_thread_sharing()
    other.settings_dict = {**other.settings_dict, "OPTIONS": {}}
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    other.close()
    for _ in range(2):  # it would stay so
        with pytest.raises(DatabaseError):
            ask()

    begin_a_task()

    assert ask() != pid
