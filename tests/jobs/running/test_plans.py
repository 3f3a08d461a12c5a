"""The runners' statement is planned for the tables as they are, and not as they were when the session was young."""

import pytest
from django.db import connection

from jobs.running.lane_runner import LaneRunner
from tests.factories import make_account, make_device, make_job
from tests.simulator_process import Simulator
from tests.waiting import GIVE_UP_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 2_000


def rows_read_in_whole() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot(), pg_stat_force_next_flush()")
        cursor.execute("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'jobs_recipient'")
        (read,) = cursor.fetchone()
    return int(read)


def test_a_job_that_makes_the_tables_grow_is_not_read_in_whole_for_each_order(simulator: Simulator) -> None:
    account = make_account()
    device = make_device(account, simulator.url, max_in_flight=16)
    runner = LaneRunner()
    try:
        make_job(account, 5, (device,))
        runner.run(GIVE_UP_SECONDS)  # which plans its statement for a table of five
        job = make_job(account, MANY, (device,))
        before = rows_read_in_whole()
        runner.run(GIVE_UP_SECONDS)
    finally:
        runner.close()

    job.refresh_from_db()
    assert job.sent == MANY
    # Its session has ended, and with that told what it read: each of some hundred orders read all of them once.
    assert rows_read_in_whole() - before < 10 * MANY
