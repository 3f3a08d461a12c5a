"""Sessions of their own, as every process that sends has one; and runners in them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from devices.lane import leases, runners
from devices.lane.leases import Lease

LONG = 100.0


@contextmanager
def session() -> Iterator[Any]:
    """A database session of its own, as every worker process has one."""
    wrapper = connection.copy()
    wrapper.inc_thread_sharing()
    wrapper.settings_dict = {**wrapper.settings_dict, "OPTIONS": {}}  # without the pool: closed is closed
    try:
        wrapper.ensure_connection()
        yield wrapper
    finally:
        wrapper.close()


def pid_of(wrapper: Any) -> int:
    return int(wrapper.connection.info.backend_pid)


def kill(wrapper: Any) -> None:
    """End a session as PostgreSQL sees it when its process dies."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid_of(wrapper)])


@contextmanager
def cursor_of(using: Any = connection) -> Iterator[Any]:
    """A cursor in a transaction, of this session or another."""
    if using is connection:
        with transaction.atomic(), connection.cursor() as cursor:
            yield cursor
        return
    using.set_autocommit(False)
    try:
        with using.cursor() as cursor:
            yield cursor
        using.commit()
    finally:
        if using.connection is not None and not using.connection.closed:
            using.rollback()
            using.set_autocommit(True)


def register(name: str = "me", seconds: float = LONG, using: Any = connection) -> int:
    with cursor_of(using) as cursor:
        return runners.register(cursor, name, seconds)


def take(device_ids: list[int], runner_id: int, using: Any = connection) -> list[Lease]:
    with cursor_of(using) as cursor:
        return leases.take(cursor, device_ids, runner_id)


def bury() -> list[int]:
    with cursor_of() as cursor:
        return runners.bury(cursor)
