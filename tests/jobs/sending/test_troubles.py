"""Trouble that names no recipient: the device is out after a few, people keep their tries, and it is tried again.

A medium that cannot be fetched is everybody's: the job rests.
"""

import time
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from devices.gateway.base import NotSent, Scope
from devices.gateway.evolution import EvolutionGateway
from devices.health import rounds
from devices.models import Device, Lane
from jobs import control, invariants, sweep
from jobs.models import Job, Recipient
from jobs.sending import dispatch, resting
from jobs.states import JobStatus
from jobs.wording.job_reasons import MEDIA_UNREACHABLE
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import a_while_passes, ago, rows, states
from tests.jobs.to_the_end import send_until_it_ends

pytestmark = pytest.mark.django_db(transaction=True)
GIVE_UP_SECONDS = 60


@pytest.fixture(autouse=True)
def _short_times(settings):
    settings.QUIET_SECONDS = 0.5


@pytest.fixture
def account():
    return make_account()


def well_now(device: Device) -> None:
    """Let a health check find the device well."""
    Device.unscoped.filter(pk=device.pk).update(next_check_at=None)
    rounds.check_due(timezone.now())


def send_until_it_is_out(runner, device):
    is_out = Device.unscoped.filter(pk=device.pk, status="disconnected")
    runner.run(GIVE_UP_SECONDS, is_out.exists)
    device.refresh_from_db()
    assert device.status == "disconnected"


BURSTS = {
    "429": "rate_limited",
    "500-before-send": "number_look_up_failed",
    "403": "gateway_error",
    "502": "gateway_error",
    "html-body": "unexpected_answer",
    "connection-closed": "connection_closed",
    "reset-before-accept": "unreachable",
}


@pytest.mark.parametrize(("fault", "reason"), BURSTS.items())
def test_a_burst_of_one_answer_takes_the_device_out_and_costs_people_nothing(simulator, runner, account, fault, reason):
    device = make_device(account, simulator.url, max_in_flight=2, last_well_at=Now())
    job = make_job(account, 30, (device,))
    simulator.post("/message/sendText/demo-1", {"number": "51911111111", "text": "by which it is seen to keep them"})
    simulator.faults({fault: 1})
    send_until_it_is_out(runner, device)
    assert device.status_reason == reason
    assert Recipient.objects.filter(job=job, tries=0).count() >= 20  # the others were not even tried
    assert sum(3 - left for left in rows(job, "tries_left")) <= 1
    # It waits for the device, and is not paused.
    sweep.sweep()
    job.refresh_from_db()
    assert job.status == JobStatus.PROCESSING

    simulator.faults({})
    well_now(device)
    send_until_it_ends(job, runner, GIVE_UP_SECONDS)
    assert states(job) == {"sent": 30}
    assert simulator.ledger()["duplicates"] == 0
    assert invariants.check() == []
    device.refresh_from_db()
    assert (device.status, device.trouble_count) == ("connected", 0)


def test_a_device_that_comes_back_sends_one_message_first_and_is_out_for_longer_each_time(simulator, runner, account):
    device = make_device(account, simulator.url, max_in_flight=8, last_well_at=Now())
    job = make_job(account, 30, (device,))
    simulator.faults({"500-before-send": 1})
    send_until_it_is_out(runner, device)
    for troubles in (2, 3, 4):
        tried = sum(rows(job, "tries"))
        well_now(device)
        send_until_it_is_out(runner, device)
        assert sum(rows(job, "tries")) == tried + 1
        assert device.trouble_count == troubles
        Recipient.objects.filter(job=job, due_at__isnull=False).update(due_at=ago(0))
    assert states(job) == {"queued": 30}


def test_what_the_gateway_says_of_one_number_costs_that_one_its_tries(simulator, runner, account):
    """As long as others are accepted, it is no trouble of the device."""
    device = make_device(account, simulator.url, max_in_flight=1)
    job = make_job(account, 12, (device,))
    simulator.faults({"500-before-send": "1x1"})
    is_through = Recipient.objects.filter(job=job, state="sent")
    runner.run(GIVE_UP_SECONDS, lambda: is_through.count() == 11)
    assert rows(job, "state", "tries_left", "error_code")[0] == ("queued", 2, "number_look_up_failed")
    device.refresh_from_db()
    assert device.status == "connected"


def test_what_a_device_that_is_taken_out_has_not_begun_goes_back(simulator, runner, account):
    """At 12 a minute the next claims wait for their slots."""
    device = make_device(account, simulator.url, max_in_flight=16, messages_per_minute=6000)
    job = make_job(account, 100, (device,))
    simulator.faults({"connection-closed": 1})
    send_until_it_is_out(runner, device)
    assert states(job) == {"queued": 100}
    assert invariants.check() == []


# --- A day's limit counts what went out or may have ------------------------------------------------------------------


def send_for_a_day(simulator, runner, account):
    """Send through a device of seven a day until it rests; return how many the gateway took, and the count kept."""
    device = make_device(account, simulator.url, daily_limit=7, max_in_flight=1, last_well_at=Now())
    job = make_job(account, 30, (device,))
    rests = Lane.objects.filter(device=device, runner=None, day_count__gte=7)
    until = time.monotonic() + GIVE_UP_SECONDS
    while not rests.exists():
        assert time.monotonic() < until, f"the device does not rest: {states(job)}"
        runner.run(0.3)
        Recipient.objects.filter(job=job, state="queued", due_at__isnull=False).update(due_at=ago(0))
        well_now(device)
    return job, simulator.ledger()["accepted"], Lane.objects.get(device=device).day_count


@pytest.mark.parametrize("fault", ["not-on-whatsapp", "500-before-send", "connection-closed", "429"])
def test_a_days_limit_does_not_count_what_was_refused(simulator, runner, account, fault):
    simulator.faults({fault: "1:1x5"})
    job, accepted, counted = send_for_a_day(simulator, runner, account)
    assert (states(job)["sent"], accepted, counted) == (7, 7, 7)


def test_a_days_limit_counts_what_may_have_gone_out(simulator, runner, account):
    simulator.faults({"accept-then-502": "1x2"})
    job, accepted, counted = send_for_a_day(simulator, runner, account)
    assert (states(job)["sent"], states(job)["ambiguous"], accepted, counted) == (5, 2, 7, 7)


# --- A start waits for a device that is out for what passes -----------------------------------------------------------


def out(account, **fields):
    return make_device(
        account,
        status="disconnected",
        **{"status_reason": "connection_closed", "last_well_at": Now(), **fields},
    )


def due_job(account, devices=()):
    return make_job(account, 3, devices, status="pending", imported_at=Now(), start_at=ago(1), started_at=None)


def test_a_job_whose_devices_reconnect_at_its_start_waits_for_them(account):
    device = out(account)
    job = due_job(account)
    assert dispatch.start(job.pk) is False
    job.refresh_from_db()
    assert job.status == JobStatus.PENDING
    Device.unscoped.filter(pk=device.pk).update(status="connected")
    assert dispatch.start(job.pk) is True


@pytest.mark.parametrize(
    "fields", [{"status_reason": "instance_closed"}, {"last_well_at": None}, {"enabled": False}], ids=str
)
def test_one_whose_devices_will_not_be_back_by_themselves_fails_as_the_seed_says(account, fields):
    out(account, **fields)
    job = due_job(account)
    assert dispatch.start(job.pk) is False
    job.refresh_from_db()
    assert (job.status, job.state_reason) == (JobStatus.FAILED, "no_devices")


def test_a_job_does_not_fail_at_its_start_on_an_old_word(account, simulator):
    """Somebody scanned its code since; it was asked a while ago, as devices are that wait for a person."""
    device = out(account, base_url=simulator.url, status_reason="instance_closed", last_well_at=ago(3600))
    Device.unscoped.filter(pk=device.pk).update(status_checked_at=ago(200), next_check_at=ago(-100))
    job = due_job(account)
    assert dispatch.start(job.pk) is False
    job.refresh_from_db()
    assert job.status == JobStatus.PENDING
    assert rounds.check_due(timezone.now()) == 1  # it is due at once
    assert dispatch.start(job.pk) is True


@pytest.mark.parametrize("late", [False, True], ids=["it still is", "nobody answers the question"])
def test_it_fails_where_they_were_asked_or_cannot_be(account, simulator, late):
    device = out(account, base_url=simulator.url, status_reason="instance_closed", last_well_at=ago(3600))
    Device.unscoped.filter(pk=device.pk).update(status_checked_at=ago(200), next_check_at=ago(-100))
    simulator.set_state("demo-1", "close")
    job = due_job(account)
    if late:
        Job.unscoped.filter(pk=job.pk).update(start_at=ago(200))
    else:
        dispatch.start(job.pk)
        rounds.check_due(timezone.now())
    dispatch.start(job.pk)
    job.refresh_from_db()
    assert (job.status, job.state_reason) == (JobStatus.FAILED, "no_devices")


def test_one_that_asked_for_other_devices_does_not_wait_for_these(account):
    out(account)
    asked_for = make_device(account, status="blocked")
    job = due_job(account)
    Job.unscoped.filter(pk=job.pk).update(requested_device_ids=[asked_for.pk])
    dispatch.start(job.pk)
    job.refresh_from_db()
    assert job.status == JobStatus.FAILED


def test_a_job_whose_devices_stay_away_is_paused_in_the_end_and_resumes_with_them(account):
    device = out(account)
    job = make_job(account, 3, (device,))
    sweep.sweep()
    job.refresh_from_db()
    assert job.status == JobStatus.PROCESSING
    Device.unscoped.filter(pk=device.pk).update(last_well_at=ago(3600))
    a_while_passes()
    sweep.sweep()
    job.refresh_from_db()
    assert (job.status, job.state_reason) == (JobStatus.PAUSED, "no_devices_left")
    Device.unscoped.filter(pk=device.pk).update(status="connected")
    sweep.sweep()
    job.refresh_from_db()
    assert job.status == JobStatus.PROCESSING


# --- A medium that cannot be fetched ----------------------------------------------------------------------------------

MEDIA = {"type": "image", "url": "https://example.com/a.jpg", "filename": "a.jpg"}


def test_a_job_whose_medium_cannot_be_fetched_rests_and_goes_on_by_itself(simulator, runner, account):
    device = make_device(account, simulator.url, max_in_flight=4)
    job = make_job(account, 40, (device,), media=MEDIA)
    simulator.faults({"media-failed": 1})
    rests = Job.unscoped.filter(pk=job.pk, status="paused")
    runner.run(GIVE_UP_SECONDS, rests.exists)
    job.refresh_from_db()
    assert (job.status, job.state_reason, job.rests) == (JobStatus.PAUSED, MEDIA_UNREACHABLE, 1)
    assert 20 < (job.resume_at - timezone.now()).total_seconds() <= 30
    device.refresh_from_db()
    assert device.status == "connected"  # its trouble it is not
    assert states(job) == {"queued": 40}
    assert set(rows(job, "tries_left")) == {3}
    sweep.sweep()
    assert rests.exists()  # not before its time

    simulator.faults({})
    rests.update(resume_at=ago(0))
    send_until_it_ends(job, runner, GIVE_UP_SECONDS)
    assert states(job) == {"sent": 40}
    assert invariants.check() == []


def test_a_text_whose_gateway_speaks_of_a_medium_is_in_doubt_and_its_job_goes_on(
    simulator, runner, account, monkeypatch
):
    """It was tried again every second, at no cost and for ever, and its job said that a file could not be fetched."""

    def no_connection(answer):
        raise NotSent("media_unreachable", scope=Scope.MESSAGE)

    device = make_device(account, simulator.url, max_in_flight=1)
    job = make_job(account, 3, (device,))
    monkeypatch.setattr(EvolutionGateway, "read_answer", staticmethod(no_connection))
    send_until_it_is_out(runner, device)
    assert rows(job, "state", "error_code") == [("ambiguous", "gateway_error")] * 3
    job.refresh_from_db()
    assert (job.status, device.status_reason) == (JobStatus.PROCESSING, "gateway_error")


def test_each_rest_is_longer(account):
    job = make_job(account, 3)
    waits = []
    for _ in range(5):
        assert resting.rest(job.pk, MEDIA_UNREACHABLE)
        assert not resting.rest(job.pk, MEDIA_UNREACHABLE)  # it rests already
        job.refresh_from_db()
        waits.append(round((job.resume_at - timezone.now()) / timedelta(seconds=1)))
        control.resume(job)
    assert waits == [30, 60, 120, 300, 300]


def test_a_person_who_pauses_a_resting_job_is_not_overruled(account):
    job = make_job(account, 3)
    resting.rest(job.pk, MEDIA_UNREACHABLE)
    job.refresh_from_db()
    control.pause(job)
    Job.unscoped.filter(pk=job.pk).update(resume_at=ago(0))
    sweep.sweep()
    job.refresh_from_db()
    assert job.status == JobStatus.PAUSED


def test_who_failed_for_a_medium_may_be_retried(account):
    job = make_job(account, 1, failed=1)
    Recipient.objects.filter(job=job).update(state="failed", error_code="media_unusable", tries=1, unsent_tries=1)
    assert control.retry_failed(job) == 1
