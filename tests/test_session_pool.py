"""A database that was away is noticed within a second or so of its return, however long it was away."""

import time

from psycopg_pool import ConnectionPool
from psycopg_pool.base import AttemptWithBackoff

from config.session_pool import RETRY_SECONDS
from config.stack.places.ports import free_port


def test_a_pool_tries_again_every_second() -> None:
    attempt = AttemptWithBackoff(timeout=300)
    waits = []
    for second in range(40):
        attempt.update_delay(float(second))
        waits.append(attempt.delay)
    assert max(waits) <= RETRY_SECONDS * (1 + AttemptWithBackoff.DELAY_JITTER)


def test_the_pools_of_this_project_do_so() -> None:
    tries = []

    class Counted(ConnectionPool):
        def _connect(self, timeout=None):
            tries.append(time.monotonic())
            return super()._connect(timeout)

    with Counted(f"host=127.0.0.1 port={free_port()} connect_timeout=1", min_size=1, open=True):
        until = time.monotonic() + 60
        while len(tries) < 5:
            assert time.monotonic() < until, tries
            time.sleep(0.05)
    # By itself the fifth would come 15 s after the first.
    assert tries[4] - tries[0] < 12
