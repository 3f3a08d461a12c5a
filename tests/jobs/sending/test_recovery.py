"""What becomes of a job whose sender loses the database: everything goes on from the rows."""

import time

import pytest
from django.db import connection

from jobs import sweep
from jobs.models import Chunk, Recipient
from jobs.running.lane_runner import LaneRunner
from jobs.sending import reconcile
from tests.factories import make_account, make_device, make_job
from tests.simulator_process import Simulator
from tests.waiting import GIVE_UP_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nobody_is_waited_for(settings) -> None:
    settings.QUIET_SECONDS = 0


def end_session_of_sender() -> None:
    """Cut a runner off its database, as a restart of PostgreSQL does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(session_pid) FROM devices_runner")
    connection.close()


def test_a_job_whose_sender_lost_the_database_goes_on(simulator: Simulator, runner: LaneRunner) -> None:
    simulator.faults({"latency": "1:100"})
    account = make_account()
    # One chunk holds all of it: what its taker forgets, nobody else can take.
    job = make_job(account, 60, (make_device(account, simulator.url, max_in_flight=4),))
    sent_by_then: list[int] = []

    def cut_on_the_way() -> bool:
        if not sent_by_then and (accepted := simulator.ledger()["accepted"]) >= 10:
            sent_by_then.append(accepted)
            end_session_of_sender()
        return False

    give_up = time.monotonic() + GIVE_UP_SECONDS
    while not sent_by_then and time.monotonic() < give_up:
        runner.run(3, cut_on_the_way)
    while job.finished_at is None and time.monotonic() < give_up:
        sweep.sweep()
        reconcile.reconcile(time.monotonic() + 1)
        runner.run(1)
        job.refresh_from_db()
    assert 0 < sent_by_then[0] < 60
    states = sorted(Recipient.objects.filter(job=job).values_list("state", flat=True))
    assert states == ["sent"] * 60, list(Chunk.objects.values())
    assert simulator.ledger()["duplicates"] == 0
    assert job.finished_at is not None
