"""Who was in doubt, or was given up, and has the message after all: its receipt settles it, and no gateway is asked."""

from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.db.models.functions import Now

from devices.models import Device
from jobs import control, invariants
from jobs.models import Job, Recipient
from jobs.running.lane_runner import LaneRunner
from jobs.sending import reconcile
from tests.devices.webhooks.served import door, have_it_tell
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import rows, states
from tests.jobs.receipts.arrange import counters, ids, sent_job, tell, worked
from tests.simulator_process import Simulator
from tests.waiting import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("closes_sessions_of_other_threads")]


@pytest.fixture(autouse=True)
def _promises_hold() -> Iterator[None]:
    yield
    assert invariants.check() == []


@pytest.fixture
def device(simulator: Simulator) -> Iterator[Device]:
    """A device whose receipts come to us."""
    device = make_device(make_account(), simulator.url, instance_name="demo-1", messages_per_minute=None)
    with door() as address:
        have_it_tell(simulator, device, address)
        yield device
        simulator.renew()


def test_who_is_in_doubt_and_has_an_earlier_message_is_never_looked_up(
    simulator: Simulator, runner: LaneRunner, device: Device, settings: LazySettings
) -> None:
    settings.TIME_LOCK_ERRORS = 0  # whoever was refused is written to again
    job = make_job(device.account, 3, (device,))
    simulator.faults({"error-463": 1})
    eventually(lambda: sends(runner) or states(job) == {"failed": 3})
    first_messages = list(Recipient.objects.filter(job=job).in_order().values_list("gateway_message_id", flat=True))
    simulator.faults({"accept-then-reset": 1, "zombie": 1})
    assert control.retry_failed(job) == 3
    eventually(lambda: sends(runner) or states(job) == {"ambiguous": 3})

    for message_id in first_messages[:2]:
        simulator.receipt("demo-1", message_id, "DELIVERY_ACK")
    eventually(lambda: worked() or states(job)["delivered"] == 2)
    Recipient.objects.filter(job=job, state="ambiguous").update(due_at=Now())
    simulator.reset()
    eventually(lambda: not reconcile.reconcile(float("inf")))

    assert rows(job, "state")[:2] == ["delivered", "delivered"]
    asked = str([one["body"] for one in simulator.last_requests(50) if "findMessages" in one["path"]])
    assert [phone.removeprefix("+") in asked for phone in rows(job, "phone")] == [False, False, True]


def sends(runner: LaneRunner) -> None:
    runner.run(0.3)
    worked()


@pytest.mark.parametrize("state", ["cancelled", "suppressed"])
def test_who_was_cancelled_before_another_try_and_has_the_first_message_has_it(state: str) -> None:
    job, device = sent_job(2)
    first, second = ids(job)
    tell(device, (first, "ERROR"), (second, "READ"))
    worked()
    assert control.retry_failed(job) == 1
    if state == "cancelled":
        assert control.cancel(job)
    else:
        left_out(job)
    assert rows(job, "state") == [state, "read"]
    job.refresh_from_db()
    assert (job.sent, job.failed) == (1, 1)

    tell(device, (first, "DELIVERY_ACK"))
    worked()

    assert rows(job, "state", "error_code") == [("delivered", ""), ("read", "")]
    assert counters(job) == {"sent": 2, "failed": 0, "delivered": 2, "read": 1, "played": 0, "failed_after": 0}
    if state == "cancelled":
        job.refresh_from_db()
        assert (job.results["sent"], job.results["failed"], job.results["by_error"]) == (2, 0, {})
        assert (job.results["by_state"]["cancelled"], job.results["by_state"]["delivered"]) == (0, 1)


def left_out(job: Job) -> None:
    """Its number was put on the list before the second try."""
    Recipient.objects.filter(job=job, state="queued").update(state="suppressed", error_code="opted_out", due_at=None)
    Job.unscoped.filter(pk=job.pk).update(failed=1)
