"""What becomes of a job whose sender loses the database: everything goes on from the rows."""

import threading
import time
from collections.abc import Iterator

import pytest
from django.db import connection

from jobs import sweep
from jobs.models import Chunk, Recipient
from jobs.sending import reconcile
from jobs.sending.lane_runner import LaneRunner
from tests.factories import make_account, make_device, make_job
from tests.simulator_process import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def runner(settings) -> Iterator[LaneRunner]:
    settings.QUIET_SECONDS = 0
    runner = LaneRunner()
    yield runner
    runner.close()


def end_session_of_sender() -> None:
    """Cut a runner off its database, as a restart of PostgreSQL does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(session_pid) FROM devices_lane WHERE holder <> ''")
    connection.close()


def test_a_job_whose_sender_lost_the_database_goes_on(simulator: Simulator, runner: LaneRunner) -> None:
    simulator.faults({"latency": "1:100"})
    account = make_account()
    # One chunk holds all of it: what its taker forgets, nobody else can take.
    job = make_job(account, 60, (make_device(account, simulator.url, max_in_flight=4),))
    sent_by_then: list[int] = []
    cut = threading.Timer(0.7, lambda: (sent_by_then.append(simulator.ledger()["accepted"]), end_session_of_sender()))
    cut.start()
    runner.run_slice(5)
    cut.join()
    give_up = time.monotonic() + 25
    while job.finished_at is None and time.monotonic() < give_up:
        sweep.sweep()
        reconcile.reconcile(time.monotonic() + 1)
        runner.run_slice(1)
        job.refresh_from_db()
    assert 0 < sent_by_then[0] < 60
    states = sorted(Recipient.objects.filter(job=job).values_list("state", flat=True))
    assert states == ["sent"] * 60, list(Chunk.objects.values())
    assert simulator.ledger()["duplicates"] == 0
    assert job.finished_at is not None
