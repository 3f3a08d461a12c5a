"""Pause, resume, cancel, retry: over HTTP, against rows, and with the runner and the simulator."""

import pytest
from rest_framework.test import APIClient

from accounts.models import ApiToken, AuditEntry, Membership, Role
from devices.models import Device
from devices.states import DeviceStatus
from jobs import control, sweep
from jobs.models import Chunk, IllegalTransition, Job, Recipient
from jobs.pages import job_pages
from jobs.running.lane_runner import LaneRunner
from jobs.states import JobStatus, RecipientState
from tests.factories import make_device, make_job, make_member
from tests.simulator_process import Simulator
from tests.waiting import GIVE_UP_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def admin() -> Membership:
    return make_member()


@pytest.fixture
def client(admin: Membership) -> APIClient:
    _, plain = ApiToken.issue(admin, "test")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plain}")
    return client


def states(job: Job) -> dict[str, int]:
    counted: dict[str, int] = {}
    for state in Recipient.objects.filter(job=job).values_list("state", flat=True):
        counted[state] = counted.get(state, 0) + 1
    return counted


def test_a_paused_job_sends_nothing_until_it_is_resumed(
    client: APIClient, admin: Membership, simulator: Simulator, runner: LaneRunner
) -> None:
    job = make_job(admin.account, 30, (make_device(admin.account, simulator.url),))
    assert client.post(f"/jobs/{job.uuid}/pause").json()["status"] == "paused"
    runner.run(1)
    assert simulator.ledger()["accepted"] == 0
    assert client.post(f"/jobs/{job.uuid}/resume/").json()["status"] == "processing"
    runner.run(GIVE_UP_SECONDS)
    job.refresh_from_db()
    assert (job.status, job.sent) == (JobStatus.COMPLETED, 30)


@pytest.mark.parametrize("action", ["pause", "cancel", "retry_failed"])
def test_asking_twice_changes_nothing_the_second_time(client: APIClient, admin: Membership, action: str) -> None:
    job = make_job(admin.account, 3)
    first = client.post(f"/jobs/{job.uuid}/{action}")
    job.refresh_from_db()
    seq = job.event_seq
    second = client.post(f"/jobs/{job.uuid}/{action}")
    job.refresh_from_db()
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["status"] == second.json()["status"]
    assert job.event_seq == seq


@pytest.mark.parametrize(
    ("status", "action"),
    [
        ("completed", "pause"),
        ("completed", "resume"),
        ("completed", "cancel"),
        ("failed", "cancel"),
        ("cancelled", "pause"),
        ("cancelled", "resume"),
        ("cancelled", "retry_failed"),
    ],
)
def test_an_impossible_move_is_refused_and_changes_nothing(
    client: APIClient, admin: Membership, status: str, action: str
) -> None:
    job = make_job(admin.account, 3, status=status)
    answer = client.post(f"/jobs/{job.uuid}/{action}")
    assert (answer.status_code, answer.json()["code"]) == (409, "impossible_move")
    job.refresh_from_db()
    assert job.status == status
    assert states(job) == {"queued": 3}


def test_a_cancelled_job_ends_with_its_states_summing_to_the_total(
    client: APIClient, admin: Membership, simulator: Simulator, runner: LaneRunner
) -> None:
    device = make_device(admin.account, simulator.url, messages_per_minute=600, max_in_flight=4)
    job = make_job(admin.account, 1000, (device,))
    runner.run(GIVE_UP_SECONDS, lambda: simulator.ledger()["accepted"] > 5)

    answer = client.post(f"/jobs/{job.uuid}/cancel").json()

    sent_by_then = simulator.ledger()["accepted"]
    runner.run(2)
    assert simulator.ledger()["accepted"] == sent_by_then > 0
    assert answer["status"] == "cancelled"
    assert answer["results"]["by_state"]["sent"] + answer["results"]["by_state"]["cancelled"] == 1000
    assert (answer["progress"]["sent"], answer["progress"]["percentage"]) == (sent_by_then, 100.0)
    sweep.sweep()
    assert not Chunk.objects.exists()


def test_what_failed_and_may_be_retried_is_queued_again_and_sent_once(
    client: APIClient, admin: Membership, simulator: Simulator, runner: LaneRunner
) -> None:
    job = make_job(
        admin.account, 4, (make_device(admin.account, simulator.url),), status="completed", failed=4, next_position=4
    )
    Job.unscoped.filter(pk=job.pk).update(finished_at=job.created_at)
    for position, (state, code) in enumerate(
        [("failed", "ConnectionError"), ("failed", "not_on_whatsapp"), ("unknown", "worker_died"), ("suppressed", "")]
    ):
        Recipient.objects.filter(job=job, position=position).update(state=state, error_code=code)

    answer = client.post(f"/jobs/{job.uuid}/retry_failed").json()

    assert (answer["status"], answer["results"]) == ("processing", {})
    runner.run(GIVE_UP_SECONDS)
    job.refresh_from_db()
    assert (job.status, job.sent, job.failed) == (JobStatus.COMPLETED, 1, 3)
    assert states(job) == {"sent": 1, "failed": 1, "unknown": 1, "suppressed": 1}
    assert simulator.ledger()["accepted"] == 1


@pytest.mark.parametrize(
    ("action", "state", "sent"), [("count_as_sent", "sent", 2), ("give_up", "failed", 1), ("resend", "queued", 1)]
)
def test_an_administrator_settles_what_is_unknown(
    client: APIClient, admin: Membership, action: str, state: str, sent: int
) -> None:
    job = make_job(admin.account, 2, status="completed", sent=1, failed=1)
    Job.unscoped.filter(pk=job.pk).update(finished_at=job.created_at)
    Recipient.objects.filter(job=job, position=0).update(state="sent")
    Recipient.objects.filter(job=job, position=1).update(state="unknown", error_code="worker_died")

    answer = client.post(f"/jobs/{job.uuid}/resolve_unknown", {"action": action, "positions": [0, 1]}, format="json")

    assert answer.status_code == 200
    assert Recipient.objects.get(job=job, position=1).state == state
    assert Recipient.objects.get(job=job, position=0).state == RecipientState.SENT
    job.refresh_from_db()
    assert job.sent == sent
    entry = AuditEntry.unscoped.get()
    assert (entry.action, entry.details["recipients"]) == (f"job.unknown_{action}", 1)


def test_an_agent_may_pause_but_not_settle_what_is_unknown() -> None:
    agent = make_member(role=Role.AGENT)
    _, plain = ApiToken.issue(agent, "test")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plain}")
    job = make_job(agent.account, 2)
    assert client.post(f"/jobs/{job.uuid}/resolve_unknown", {"action": "give_up"}, format="json").status_code == 403
    assert client.post(f"/jobs/{job.uuid}/pause").status_code == 200


def test_another_accounts_job_does_not_exist(client: APIClient) -> None:
    other = make_job(make_member().account, 2)
    assert client.post(f"/jobs/{other.uuid}/cancel").status_code == 404
    other.refresh_from_db()
    assert other.status == JobStatus.PROCESSING


def test_a_job_without_a_device_left_pauses_and_goes_on_when_one_returns(admin: Membership) -> None:
    device = make_device(admin.account)
    job = make_job(admin.account, 3, (device,))
    Device.unscoped.filter(pk=device.pk).update(status=DeviceStatus.DISCONNECTED)
    sweep.sweep()
    job.refresh_from_db()
    assert (job.status, job.state_reason) == (JobStatus.PAUSED, "no_devices_left")
    Device.unscoped.filter(pk=device.pk).update(status=DeviceStatus.CONNECTED)
    sweep.sweep()
    job.refresh_from_db()
    assert (job.status, job.state_reason) == (JobStatus.PROCESSING, "")


def test_a_persons_pause_is_not_lifted_by_a_device_that_returns(client: APIClient, admin: Membership) -> None:
    device = make_device(admin.account, status=DeviceStatus.DISCONNECTED)
    job = make_job(admin.account, 3, (device,))
    sweep.sweep()
    told = job_seq(job)
    for _ in range(2):
        client.post(f"/jobs/{job.uuid}/pause")
    Device.unscoped.filter(pk=device.pk).update(status=DeviceStatus.CONNECTED)
    sweep.sweep()
    job.refresh_from_db()
    assert (job.status, job.state_reason, job.event_seq) == (JobStatus.PAUSED, "paused_by_person", told + 1)
    assert AuditEntry.unscoped.filter(action="job.pause").count() == 1


def test_of_a_job_that_waits_for_a_device_the_page_offers_to_pause_it_for_good(admin: Membership) -> None:
    for reason, is_offered in (("no_devices_left", True), ("paused_by_person", False)):
        job = make_job(admin.account, 3, status=JobStatus.PAUSED, state_reason=reason)
        assert ("pause" in job_pages.live(job)["possible"]) is is_offered


def job_seq(job: Job) -> int:
    return Job.unscoped.get(pk=job.pk).event_seq


@pytest.mark.parametrize("act", ["pause", "resume", "cancel"])
@pytest.mark.parametrize("status", JobStatus.values)
def test_what_is_offered_is_what_changes_something(admin: Membership, status: str, act: str) -> None:
    job = make_job(admin.account, 1, status=status)
    offered = act in control.possible(job)
    try:
        changed = getattr(control, act)(job)
    except IllegalTransition:
        changed = False
    assert offered == changed


@pytest.mark.parametrize("status", JobStatus.values)
def test_a_retry_is_offered_once_the_job_has_ended_with_failures(admin: Membership, status: str) -> None:
    job = make_job(admin.account, 1, status=status)
    assert "retry_failed" not in control.possible(job)
    job.failed = 1
    assert ("retry_failed" in control.possible(job)) == (status in {"completed", "failed"})
