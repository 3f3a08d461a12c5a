"""What the sweep costs where nothing changed, and that it misses nothing all the same."""

import threading

import pytest
from django.db import connection
from django.utils import timezone

from devices import needs
from devices.models import Device, Lane
from jobs import control, sweep
from jobs.models import Chunk, Job, Recipient, SweepLook
from jobs.running import fleet
from jobs.sending import chunks, dispatch
from jobs.states import JobStatus
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import a_while_passes, ago, states
from tests.statements import analyze, rows_read, statements_of
from tests.waiting import GIVE_UP_SECONDS

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return make_account()


@pytest.fixture
def looks(monkeypatch):
    """Each look at everything leaves one entry."""
    taken = []
    stranded = dispatch.jobs_without_devices
    monkeypatch.setattr(dispatch, "jobs_without_devices", lambda *args: (taken.append(1), stranded(*args))[1])
    return taken


def connected(account, number):
    return [make_device(account) for _ in range(number)]


# --- Who is asked how they are --------------------------------------------------------------------------------------


def test_devices_of_a_job_that_begins_are_asked_soon_where_they_are_not_heard_from(account):
    """Without work they were asked every five minutes."""
    idle = {"status_checked_at": ago(120), "last_well_at": ago(120), "next_check_at": ago(-180)}
    working, resting, heard, soon = (make_device(account, **idle) for _ in range(4))
    Device.unscoped.filter(pk=heard.pk).update(last_well_at=ago(10))
    Device.unscoped.filter(pk=soon.pk).update(next_check_at=ago(-20))
    job = make_job(account, 2, (working, heard, soon), devices_limit=3)
    make_job(account, 2, (resting,), status=JobStatus.PAUSED, devices_limit=1)
    before = {device.pk: device.next_check_at for device in Device.unscoped.all()}
    sweep.sweep()
    moved = [device for device in Device.unscoped.all() if device.next_check_at != before[device.pk]]
    assert moved == [working]
    assert 25 < (moved[0].next_check_at - timezone.now()).total_seconds() <= 60
    assert dispatch.devices_at_work() == {working.pk, heard.pk, soon.pk}
    assert dispatch.devices_at_work([working.pk, resting.pk]) == {working.pk}
    Job.unscoped.filter(pk=job.pk).update(status=JobStatus.CANCELLED, finished_at=timezone.now())
    assert dispatch.devices_at_work() == set()


def test_devices_whose_people_all_sleep_are_not_at_work(account):
    device = make_device(account)
    job = make_job(account, 2, (device,))
    Job.unscoped.filter(pk=job.pk).update(next_position=2)
    sleepers = Recipient.objects.filter(job_id=job.pk)
    sleepers.update(due_at=ago(-3600))
    assert dispatch.devices_at_work() == set()
    sleepers.update(due_at=ago(-30))
    assert dispatch.devices_at_work() == {device.pk}
    sleepers.update(due_at=None)
    Chunk.objects.create(job=job, start=0, end=2, device=device)
    assert dispatch.devices_at_work() == {device.pk}


def test_a_job_that_waits_for_a_device_has_all_asked_that_it_may_use(account):
    linked, other, off = make_device(account), make_device(account), make_device(account, enabled=False)
    make_device(make_account())
    fields = {"status": JobStatus.PAUSED, "state_reason": "no_devices_left"}
    job = make_job(account, 2, (linked, off), **fields)
    assert dispatch.devices_at_work() == {linked.pk, other.pk}
    Job.unscoped.filter(pk=job.pk).update(requested_device_ids=[other.pk])
    assert dispatch.devices_at_work([linked.pk, other.pk]) == {other.pk}


def test_the_checks_ask_the_jobs_who_is_at_work(account):
    device = make_device(account)
    make_device(account)
    make_job(account, 2, (device,))
    assert needs.at_work(list(Device.unscoped.values_list("pk", flat=True))) == {device.pk}


# --- Where nothing changed -----------------------------------------------------------------------------------------


def test_it_asks_no_more_of_fifty_jobs_and_devices_than_of_three(account):
    def swept(number):
        for device in connected(account, number):
            make_job(account, 2, (device,), devices_limit=1000)
        while len(statements_of(sweep.sweep)) > 5:
            pass  # the jobs share their devices out
        return statements_of(sweep.sweep)

    few, many = swept(3), swept(47)
    assert len(few) == len(many) == 5
    assert Job.unscoped.filter(status=JobStatus.PROCESSING).count() == 50


def test_it_looks_at_everything_once_and_again_after_a_while(account, looks):
    make_job(account, 2, (make_device(account),))
    for _ in range(3):
        sweep.sweep()
    assert len(looks) == 1
    a_while_passes()
    for _ in range(3):
        sweep.sweep()
    assert len(looks) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda job, device: make_device(job.account),
        lambda job, device: Device.unscoped.filter(pk=device.pk).update(status="disconnected"),
        lambda job, device: Device.unscoped.filter(pk=device.pk).update(enabled=False),
        lambda job, device: device.delete(),
        lambda job, device: Job.unscoped.filter(pk=job.pk).update(status="paused"),
        lambda job, device: make_job(job.account, 1),
    ],
    ids=["a new device", "one is out", "one is off", "one is deleted", "a job rests", "a job more"],
)
def test_it_looks_at_once_where_a_device_or_a_job_came_or_went(account, looks, change):
    device = make_device(account)
    job = make_job(account, 2, (device, make_device(account)))
    sweep.sweep()
    sweep.sweep()
    assert len(looks) == 1
    change(job, device)
    sweep.sweep()
    sweep.sweep()
    assert len(looks) == 2


def test_what_a_device_sends_and_when_it_was_checked_is_no_change(account, looks):
    device = make_device(account)
    job = make_job(account, 2, (device,))
    Lane.objects.create(device=device)
    sweep.sweep()
    Device.unscoped.update(status="connecting", status_checked_at=timezone.now(), next_check_at=timezone.now())
    Lane.objects.update(next_slot_at=timezone.now(), token=7)
    Job.unscoped.filter(pk=job.pk).update(sent=1, next_position=1)
    sweep.sweep()
    assert len(looks) == 1


@pytest.mark.django_db(transaction=True)
def test_of_several_sweeps_at_once_one_looks(looks):
    account = make_account()
    make_job(account, 2, (make_device(account),))
    ready = threading.Barrier(4)

    def run():
        try:
            ready.wait(GIVE_UP_SECONDS)
            sweep.sweep()
        finally:
            connection.close()

    sweeps = [threading.Thread(target=run) for _ in range(4)]
    for thread in sweeps:
        thread.start()
    for thread in sweeps:
        thread.join(GIVE_UP_SECONDS)
    assert len(looks) == 1
    assert SweepLook.objects.count() == 1


def test_those_who_sleep_until_the_morning_are_not_read(account):
    job = make_job(account, 5_000, (make_device(account),), next_position=5_000)
    Recipient.objects.filter(job_id=job.pk).update(due_at=ago(-3600))
    analyze("jobs_recipient", "jobs_job")
    sweep.sweep()
    for ask in (
        sweep.sweep,
        lambda: fleet.devices_with_work(connection.cursor(), 100),
        lambda: chunks.read_retries(connection.cursor(), job.pk, account.pk, 100),
    ):
        for sql in statements_of(ask):
            assert rows_read(sql, "jobs_recipient") == 0, sql


def test_jobs_that_ended_are_not_read(account):
    Job.unscoped.bulk_create(
        [Job(account=account, message="", status="completed", finished_at=ago(60)) for _ in range(2_000)]
    )
    make_job(account, 2, (make_device(account),))
    analyze("jobs_job", "devices_device", "jobs_jobdevice")
    sweep.sweep()
    for sql in statements_of(sweep.sweep):
        assert rows_read(sql, "jobs_job") <= 4


# --- What it must look at all devices for ----------------------------------------------------------------------------


def test_a_job_needs_as_many_statements_for_fifty_devices_as_for_three(account):
    few = make_job(account, 1, devices_limit=3)
    many = make_job(account, 1, devices_limit=50)
    connected(account, 50)
    asked = [len(statements_of(lambda job=job: dispatch.choose_devices(job))) for job in (few, many)]
    assert asked[0] == asked[1] <= 2
    assert [few.job_devices.count(), many.job_devices.count()] == [3, 50]


def test_a_device_that_whatsapp_limits_is_chosen_last(account):
    locked, free, busy = connected(account, 3)
    Device.unscoped.filter(pk=locked.pk).update(only_known_until=ago(-3600))
    make_job(account, 1, (busy,))
    job = make_job(account, 1, devices_limit=2)
    dispatch.choose_devices(job)
    assert set(job.devices.all()) == {free, busy}
    job = make_job(account, 1, devices_limit=3)
    dispatch.choose_devices(job)
    assert job.devices.count() == 3


def test_to_start_it_does_too(account):
    connected(account, 50)
    few, many = (
        make_job(account, 1, status="pending", started_at=None, devices_limit=limit, start_at=ago(1))
        for limit in (3, 50)
    )
    asked = [len(statements_of(lambda job=job: dispatch.start(job.pk))) for job in (few, many)]
    assert asked[0] == asked[1]
    assert [few.job_devices.count(), many.job_devices.count()] == [3, 50]


def short_of_devices():
    with connection.cursor() as cursor:
        return set(dispatch.jobs_short_of_devices(cursor))


def test_which_jobs_lack_devices_is_told_by_numbers(account):
    first, second, third = connected(account, 3)
    make_device(account, status="blocked")
    make_device(make_account())
    full = make_job(account, 1, (first, second), devices_limit=2)
    all_there_are = make_job(account, 1, (first, second, third), devices_limit=1000)
    lacks_one = make_job(account, 1, (first, second), devices_limit=1000)
    lacks_all = make_job(account, 1, devices_limit=1)
    choosy = make_job(account, 1, (first,), devices_limit=5, requested_device_ids=[first.pk])
    choosy_lacks = make_job(account, 1, (first,), devices_limit=5, requested_device_ids=[first.pk, third.pk])
    paused = make_job(account, 1, status="paused")
    assert short_of_devices() == {lacks_one.pk, lacks_all.pk, choosy_lacks.pk}
    for job in (full, all_there_are, lacks_one, lacks_all, choosy, choosy_lacks, paused):
        before = job.job_devices.count()
        dispatch.choose_devices(job)
        assert (job.job_devices.count() > before) == (job not in (full, all_there_are, choosy))
    Device.unscoped.filter(pk=first.pk).update(status="disconnected")
    assert full.pk in short_of_devices()
    assert all_there_are.pk not in short_of_devices()


# --- What is due -----------------------------------------------------------------------------------------------------


def test_a_job_with_which_something_is_wrong_holds_up_no_other(account, monkeypatch):
    make_device(account)
    wrong, well = (make_job(account, 1, status="pending", started_at=None, start_at=ago(1)) for _ in range(2))
    start = dispatch.start

    def start_most(job_id):
        if job_id == wrong.pk:
            raise ValueError("unforeseen")
        return start(job_id)

    monkeypatch.setattr(dispatch, "start", start_most)
    sweep.sweep()
    well.refresh_from_db()
    assert well.status == JobStatus.PROCESSING


def test_an_account_with_many_jobs_that_are_due_holds_up_no_other(account, monkeypatch):
    monkeypatch.setattr(sweep, "STEPS_AT_ONCE", 2)
    for _ in range(3):
        make_job(account, 1, status="pending", started_at=None, start_at=ago(1))
    other = make_job(make_account(), 1, status="pending", started_at=None, start_at=ago(1))
    make_device(account)
    make_device(other.account)
    sweep.sweep()
    started = Job.unscoped.filter(status=JobStatus.PROCESSING).values_list("account_id", flat=True)
    assert sorted(started) == [account.pk, account.pk, other.account_id]


def test_a_job_that_waits_for_a_device_is_left_alone_until_one_may_send(account, monkeypatch):
    device = make_device(account, status="disconnected")
    make_device(make_account())
    job = make_job(account, 1, (device,), status="paused", state_reason="no_devices_left")
    choosy = make_job(account, 1, status="paused", state_reason="no_devices_left", requested_device_ids=[device.pk])
    asked = []
    choose = dispatch.choose_devices
    monkeypatch.setattr(dispatch, "choose_devices", lambda job: (asked.append(job.pk), choose(job))[1])
    sweep.sweep()
    assert asked == []
    make_device(account)
    sweep.sweep()
    assert asked == [job.pk]
    Device.unscoped.filter(pk=device.pk).update(status="connected")
    sweep.sweep()
    assert asked == [job.pk, choosy.pk]
    for one in (job, choosy):
        one.refresh_from_db()
        assert one.status == JobStatus.PROCESSING


# --- A cancelled job --------------------------------------------------------------------------------------------------


def cancelled(account, recipients, **fields):
    """A job that was cancelled, with one recipient still in doubt: its first."""
    job = make_job(account, recipients, (make_device(account),), **fields)
    job.recipients.filter(position=0).update(state="ambiguous", due_at=ago(-60), doubt_since=ago(1), tried_at=ago(1))
    control.cancel(job)
    return job


def test_a_cancelled_job_is_gone_through_once_however_long_its_last_answer_takes(account, monkeypatch):
    monkeypatch.setattr(control, "BATCH_ROWS", 400)
    job = cancelled(account, 1_000)
    assert states(job) == {"ambiguous": 1, "cancelled": 399, "queued": 600}
    sweep.sweep()
    assert states(job) == {"ambiguous": 1, "cancelled": 999}
    analyze("jobs_recipient", "jobs_job")
    sweep.sweep()
    for sql in statements_of(sweep.sweep):
        assert rows_read(sql, "jobs_recipient") <= 1, sql
    job.recipients.filter(position=0).update(state="sent", due_at=None)
    Job.unscoped.filter(pk=job.pk).update(sent=1)
    sweep.sweep()
    job.refresh_from_db()
    assert job.finished_at is not None
    assert (job.sent, job.failed) == (1, 999)


def test_whoever_comes_back_unsent_to_a_cancelled_job_is_cancelled_too(account):
    job = cancelled(account, 3)
    sweep.sweep()
    job.recipients.filter(position=0).update(state="queued", due_at=ago(-60), doubt_since=None)
    sweep.sweep()
    job.refresh_from_db()
    assert states(job) == {"cancelled": 3}
    assert job.finished_at is not None


def test_so_are_those_whose_import_had_not_committed_yet(account):
    job = cancelled(account, 4, imported=2)
    assert states(job) == {"ambiguous": 1, "cancelled": 1, "queued": 2}
    sweep.sweep()
    assert states(job)["queued"] == 2  # for the cancel they are not there
    Job.unscoped.filter(pk=job.pk).update(imported=4)
    sweep.sweep()
    assert states(job) == {"ambiguous": 1, "cancelled": 3}
