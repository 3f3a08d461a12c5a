"""How psycopg's pool comes back from a database that was away."""

from typing import Final

from psycopg_pool.base import AttemptWithBackoff

RETRY_SECONDS: Final = 1.0


def retry_steadily() -> None:
    """Have a pool try again every second.

    By itself it waits 1, 2, 4, … 32 s. A database that was away for 20 s was back for another 16 before any process
    noticed, and whoever asked meanwhile got an error after 30 s.
    """
    AttemptWithBackoff.INITIAL_DELAY = RETRY_SECONDS
    AttemptWithBackoff.DELAY_BACKOFF = 1.0
