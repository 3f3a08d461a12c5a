"""When a job starts, and through which devices."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from devices.models import Device
from jobs import control, sweep
from jobs.live import publishing
from jobs.models import Job, Recipient
from jobs.sending import dispatch
from jobs.states import JobStatus
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import ago, states
from tests.waiting import GIVE_UP_SECONDS

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return make_account()


@pytest.fixture
def published(monkeypatch):
    """What was told to those who watch."""
    told = []
    monkeypatch.setattr(publishing, "publish", told.extend)
    return told


def pending(account, recipients=3, **fields):
    """A job that was imported and waits for its start."""
    return make_job(account, recipients, **{"status": JobStatus.PENDING, "started_at": None, **fields})


def devices_of(job):
    return set(job.job_devices.values_list("device_id", flat=True))


# --- A time that went by ---------------------------------------------------------------------------------------


def scheduled(account, late, **fields):
    """A job that was uploaded a day ago, for a time that went by so long ago."""
    job = pending(account, start_at=timezone.now() - late, **fields)
    Job.unscoped.filter(pk=job.pk).update(created_at=job.start_at - timedelta(days=1))
    return job


def test_a_job_whose_time_went_by_long_ago_waits_for_a_person_and_says_why(account, published, settings):
    make_device(account)
    job = scheduled(account, timedelta(seconds=settings.CAMPAIGN_MISFIRE_SECONDS + 60))
    for _ in range(2):
        sweep.sweep()
    job.refresh_from_db()
    assert (job.status, job.state_reason) == (JobStatus.PAUSED, "missed_its_time")
    [told] = published
    assert (told["type"], told["reason"]) == ("job_paused", "missed_its_time")
    assert "no estaba en marcha" in told["message"]

    control.resume(job)
    sweep.sweep()
    job.refresh_from_db()
    assert (job.status, job.state_reason) == (JobStatus.PROCESSING, "")


@pytest.mark.parametrize("late", [timedelta(0), timedelta(minutes=50)])
def test_within_the_misfire_window_it_is_made_up_for(account, late):
    make_device(account)
    job = scheduled(account, late)
    sweep.sweep()
    job.refresh_from_db()
    assert job.status == JobStatus.PROCESSING


def test_a_job_that_was_to_start_at_once_starts_however_late(account):
    make_device(account)
    job = pending(account)
    Job.unscoped.filter(pk=job.pk).update(created_at=ago(86_400), start_at=ago(86_398))
    sweep.sweep()
    job.refresh_from_db()
    assert job.status == JobStatus.PROCESSING


def test_a_pause_over_its_time_is_no_miss(account):
    make_device(account)
    job = scheduled(account, timedelta(hours=3), status=JobStatus.PAUSED, state_reason="paused_by_person")
    control.resume(job)
    sweep.sweep()
    job.refresh_from_db()
    assert job.status == JobStatus.PROCESSING


# --- The start --------------------------------------------------------------------------------------------------


def test_a_job_whose_time_has_come_starts_and_says_so(account, published):
    device = make_device(account)
    job = pending(account, 1000)
    assert dispatch.start(job.pk)
    job.refresh_from_db()
    assert job.status == JobStatus.PROCESSING
    assert job.started_at is not None
    assert devices_of(job) == {device.pk}
    assert published == [
        {
            "type": "job_started",
            "job_id": str(job.uuid),
            "message": "Iniciando envío masivo de 1000 mensajes",
            "seq": 1,
        }
    ]
    assert not dispatch.start(job.pk)
    assert len(published) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"start_at": timezone.now() + timedelta(hours=1)},
        {"imported_at": None},
        {"status": "paused"},
        {"status": "cancelled"},
    ],
    ids=["later", "not imported", "paused", "cancelled"],
)
def test_a_job_that_is_not_to_start_yet_does_not(account, published, fields):
    make_device(account)
    job = pending(account, **fields)
    assert not dispatch.start(job.pk)
    assert not sweep.sweep().lanes
    assert published == []


def test_without_a_device_at_the_start_the_job_fails_as_seed_000_says(account, published):
    make_device(account, enabled=False)
    job = pending(account)
    assert not dispatch.start(job.pk)
    job.refresh_from_db()
    assert (job.status, job.state_reason, job.sent, job.failed) == (JobStatus.FAILED, "no_devices", 0, 3)
    assert states(job) == {"cancelled": 3}
    assert (job.results["sent"], job.results["failed"], job.results["total"]) == (0, 3, 3)
    (event,) = published
    assert (event["type"], event["error"]) == ("job_failed", "No hay devices disponibles")
    assert event["message"]


def test_a_job_none_of_whose_recipients_can_be_sent_to_is_completed_at_once(account, published):
    make_device(account)
    job = pending(account, 2, failed=2)
    Recipient.objects.filter(job_id=job.pk).update(state="suppressed", error_code="duplicate")
    assert dispatch.start(job.pk)
    job.refresh_from_db()
    assert job.status == JobStatus.COMPLETED
    assert [event["type"] for event in published] == ["job_started", "job_completed"]


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_start_a_job_once(published):
    account = make_account()
    make_device(account)
    jobs = [pending(account) for _ in range(5)]
    failures = []

    def run():
        try:
            sweep.sweep()
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    sweeps = [threading.Thread(target=run) for _ in range(3)]
    for thread in sweeps:
        thread.start()
    for thread in sweeps:
        thread.join(GIVE_UP_SECONDS)
    assert failures == []
    started = [event["job_id"] for event in published if event["type"] == "job_started"]
    assert sorted(started) == sorted(str(job.uuid) for job in jobs)


# --- Which devices -------------------------------------------------------------------------------------------------


def test_no_more_devices_than_the_job_may_have(account):
    for _ in range(4):
        make_device(account)
    job = pending(account, devices_limit=2)
    dispatch.start(job.pk)
    assert len(devices_of(job)) == 2


def test_only_devices_that_may_send_and_only_the_accounts_own(account):
    good = make_device(account, status="connecting")
    make_device(account, enabled=False)
    make_device(account, status="disconnected")
    make_device(account, status="blocked")
    make_device(account).delete()
    make_device(make_account())
    job = pending(account)
    dispatch.start(job.pk)
    assert devices_of(job) == {good.pk}


def test_the_devices_that_were_asked_for_and_no_others(account):
    devices = [make_device(account) for _ in range(3)]
    job = pending(account, requested_device_ids=[devices[2].pk])
    dispatch.start(job.pk)
    assert devices_of(job) == {devices[2].pk}


def test_the_devices_that_were_asked_for_are_all_out(account, published):
    make_device(account)
    out = make_device(account, enabled=False)
    job = pending(account, requested_device_ids=[out.pk])
    assert not dispatch.start(job.pk)
    assert [event["type"] for event in published] == ["job_failed"]


def test_the_least_burdened_devices_come_first(account):
    busy, idle = make_device(account), make_device(account)
    for _ in range(2):
        make_job(account, 1, (busy,))
    job = pending(account, devices_limit=1)
    dispatch.start(job.pk)
    assert devices_of(job) == {idle.pk}


def test_jobs_that_have_ended_burden_nobody(account):
    first, second = make_device(account), make_device(account)
    for _ in range(3):
        make_job(account, 1, (first,), status="completed", finished_at=ago(1))
    make_job(account, 1, (second,))
    job = pending(account, devices_limit=1)
    dispatch.start(job.pk)
    assert devices_of(job) == {first.pk}


# --- Under way -----------------------------------------------------------------------------------------------------


def test_a_new_device_helps_a_job_under_way(account):
    make_device(account)
    job = pending(account, devices_limit=3)
    sweep.sweep()
    new = make_device(account)
    sweep.sweep()
    assert new.pk in devices_of(job)


def test_a_new_device_does_not_help_a_job_that_has_all_it_may_have_or_asked_for_others(account):
    old = make_device(account)
    full = pending(account, devices_limit=1)
    choosy = pending(account, requested_device_ids=[old.pk])
    sweep.sweep()
    make_device(account)
    sweep.sweep()
    assert devices_of(full) == devices_of(choosy) == {old.pk}


def test_a_device_that_went_out_is_replaced(account):
    first, second = make_device(account), make_device(account)
    job = pending(account, devices_limit=1)
    sweep.sweep()
    assert devices_of(job) == {first.pk}
    Device.unscoped.filter(pk=first.pk).update(status="disconnected")
    sweep.sweep()
    assert second.pk in devices_of(job)
