"""What a sending worker owes the others when it is stopped or frozen.

Stopped: Celery tells only the parent of a worker's children. One byte of memory shared since before the fork tells
them too: a lane runner that sees it set finishes what is in flight and claims no more, so that a restart leaves
nothing in doubt.

Frozen in the middle of a transaction it holds locks, and sooner or later all others wait for them. No transaction of
a worker waits for anything but the database. One that does nothing for seconds has lost its owner (stopped, starved,
cut off): PostgreSQL then ends that session, which frees its locks and its leases.
"""

import mmap
from typing import Any, Final

from celery.signals import worker_shutting_down
from django.conf import settings
from django.db.backends.signals import connection_created

LONGEST_SECONDS: Final = 15.0  # a transaction may do nothing

_stopping = mmap.mmap(-1, 1)


@worker_shutting_down.connect
def _note(**_: Any) -> None:
    _stopping[0] = 1


def is_stopping() -> bool:
    return _stopping[0] == 1


def limit_sessions(**_: Any) -> None:
    """Have the transactions of this process, from its next database session on, do nothing only for so long."""
    connection_created.connect(_limit, dispatch_uid="jobs.running.worker")


def _limit(connection: Any, **_: Any) -> None:
    # Well before the lease runs out: whoever takes it over would wait for the lock on it.
    seconds = min(LONGEST_SECONDS, settings.LEASE_SECONDS / 2)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %s, false)", (f"{int(seconds * 1000)}ms",)
        )
