"""A worker that is frozen in the middle of a transaction holds locks, and sooner or later all others wait for them.

No transaction of a worker waits for anything but the database. One that does nothing for seconds has lost its owner
(stopped, starved, cut off): PostgreSQL then ends that session, which frees its locks and its leases.
"""

from typing import Any, Final

from django.conf import settings
from django.db.backends.signals import connection_created

LONGEST_SECONDS: Final = 15.0


def limit_sessions(**_: Any) -> None:
    """Have the transactions of this process, from its next database session on, do nothing only for so long."""
    connection_created.connect(_limit, dispatch_uid="jobs.frozen")


def _limit(connection: Any, **_: Any) -> None:
    # Well before the lease runs out: whoever takes it over would wait for the lock on it.
    seconds = min(LONGEST_SECONDS, settings.LEASE_SECONDS / 2)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %s, false)", (f"{int(seconds * 1000)}ms",)
        )
