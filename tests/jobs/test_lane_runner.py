"""The loop that sends, against the real simulator and a real database."""

from collections.abc import Iterator

import pytest

from jobs.lane_runner import LaneRunner
from jobs.models import Chunk
from jobs.states import JobStatus
from tests.factories import make_account, make_device, make_job
from tests.simulator_process import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def runner() -> Iterator[LaneRunner]:
    runner = LaneRunner()
    yield runner
    runner.close()


def test_every_recipient_is_sent_once_and_the_job_completes(simulator: Simulator, runner: LaneRunner) -> None:
    account = make_account()
    device = make_device(account, simulator.url, max_in_flight=64)
    job = make_job(account, 2500, (device,))

    runner.run_slice(20)

    job.refresh_from_db()
    assert (job.status, job.sent, job.failed) == (JobStatus.COMPLETED, 2500, 0)
    ledger = simulator.ledger()
    assert (ledger["accepted"], ledger["distinct"]) == (2500, 2500)
    assert not Chunk.objects.exists()
