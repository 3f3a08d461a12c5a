"""How a job ends: once, with its results counted from the rows and one last event."""

import threading

import pytest
from django.db import connection

from jobs import sweep
from jobs.live import publishing
from jobs.models import Chunk, Job, Recipient
from jobs.sending import finishing
from jobs.states import JobStatus
from tests.factories import make_account, make_device, make_job
from tests.waiting import GIVE_UP_SECONDS

pytestmark = pytest.mark.django_db


@pytest.fixture
def published(monkeypatch):
    told = []
    monkeypatch.setattr(publishing, "publish", told.extend)
    return told


def through(recipients=3, sent=2, **fields):
    """A job all of whose recipients have ended: so many sent, the others failed."""
    account = make_account()
    job = make_job(
        account, recipients, (make_device(account),), sent=sent, failed=recipients - sent, event_seq=9, **fields
    )
    rows = Recipient.objects.filter(job_id=job.pk)
    rows.filter(position__lt=sent).update(state="sent")
    rows.filter(position__gte=sent).update(state="failed", error_code="not_on_whatsapp")
    return job


def test_a_job_is_completed_with_its_results_and_one_last_event(published):
    job = through()
    assert finishing.finish(job.pk)
    job.refresh_from_db()
    assert (job.status, job.state_reason) == (JobStatus.COMPLETED, "")
    assert job.finished_at is not None
    assert (job.results["sent"], job.results["failed"], job.results["total"]) == (2, 1, 3)
    assert job.results["by_error"] == {"not_on_whatsapp": 1}
    assert published == [
        {
            "type": "job_completed",
            "job_id": str(job.uuid),
            "status": "completed",
            "results": {"sent": 2, "failed": 1, "total": 3},
            "seq": 10,
        }
    ]
    assert job.event_seq == 10


def test_it_ends_once(published):
    job = through()
    assert finishing.finish(job.pk)
    before = Job.unscoped.values().get(pk=job.pk)
    assert not finishing.finish(job.pk)
    assert Job.unscoped.values().get(pk=job.pk) == before
    assert len(published) == 1


@pytest.mark.django_db(transaction=True)
def test_it_ends_once_though_many_find_it_through_at_the_same_time(published):
    job = through()
    gate, ended = threading.Barrier(4), []

    def end():
        gate.wait(GIVE_UP_SECONDS)
        ended.append(finishing.finish(job.pk))
        connection.close()

    threads = [threading.Thread(target=end) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(GIVE_UP_SECONDS)
    assert sorted(ended) == [False, False, False, True]
    assert len(published) == 1
    assert Job.unscoped.get(pk=job.pk).event_seq == 10


@pytest.mark.parametrize("state", ["queued", "sending", "ambiguous"])
def test_a_job_somebody_still_waits_in_does_not_end(published, state):
    job = through(sent=2)
    Recipient.objects.filter(job_id=job.pk, position=0).update(state=state)
    Job.unscoped.filter(pk=job.pk).update(sent=1)
    assert not finishing.finish(job.pk)
    job.refresh_from_db()
    assert (job.status, job.results, job.finished_at) == (JobStatus.PROCESSING, {}, None)
    assert published == []


@pytest.mark.parametrize("status", ["pending", "failed"])
def test_a_job_that_is_not_under_way_is_not_completed(published, status):
    job = through(status=status)
    assert not finishing.finish(job.pk)
    assert published == []


def test_a_paused_job_that_is_through_is_completed(published):
    job = through(status="paused", state_reason="paused_by_person")
    assert finishing.finish(job.pk)
    job.refresh_from_db()
    assert (job.status, job.state_reason) == (JobStatus.COMPLETED, "")


def test_a_cancelled_job_gets_its_results_and_no_second_last_event(published):
    job = through(status="cancelled")
    Recipient.objects.filter(job_id=job.pk, position=2).update(state="cancelled", error_code="cancelled")
    assert finishing.finish(job.pk)
    job.refresh_from_db()
    assert job.status == JobStatus.CANCELLED
    assert (job.results["by_state"]["cancelled"], job.sent, job.failed) == (1, 2, 1)
    assert job.finished_at is not None
    assert published == []  # it was told when it was cancelled
    assert not finishing.finish(job.pk)


def test_a_cancelled_job_waits_for_what_is_in_flight(published):
    job = through(status="cancelled")
    Recipient.objects.filter(job_id=job.pk, position=0).update(state="sending")
    assert not finishing.finish(job.pk)
    assert Job.unscoped.get(pk=job.pk).finished_at is None


def test_nothing_of_it_is_left_to_take(published):
    job = through()
    Chunk.objects.create(job=job, start=0, end=3)
    finishing.finish(job.pk)
    assert not Chunk.objects.exists()


def test_an_end_that_a_crash_prevented_is_made_up_for_by_the_sweep(published):
    """Killed between the last outcome and the job's end."""
    job = through()
    sweep.sweep()
    job.refresh_from_db()
    assert job.status == JobStatus.COMPLETED
    assert [event["type"] for event in published] == ["job_completed"]


# --- Failing before the start -----------------------------------------------------------------------------------------


def test_a_job_that_cannot_begin_fails_with_its_recipients_unsent(published):
    job = make_job(make_account(), 3, status="pending", started_at=None)
    Recipient.objects.filter(job_id=job.pk, position=0).update(state="failed", error_code="invalid_number")
    assert finishing.fail(job.pk, "no_devices")
    job.refresh_from_db()
    assert (job.status, job.state_reason, job.sent, job.failed) == (JobStatus.FAILED, "no_devices", 0, 3)
    assert job.results["by_error"] == {"invalid_number": 1, "no_devices": 2}
    (event,) = published
    assert (event["type"], event["error"]) == ("job_failed", "No hay devices disponibles")


def test_rows_that_were_never_imported_ended_unsent_too(published):
    job = make_job(make_account(), 2, status="pending", started_at=None, imported_at=None, total=5)
    finishing.fail(job.pk, "file_lost")
    job.refresh_from_db()
    assert (job.sent, job.failed, job.results["failed"], job.results["total"]) == (0, 5, 5, 5)
    assert sum(job.results["by_state"].values()) == 5


def test_a_job_that_has_begun_does_not_fail_any_more(published):
    job = through(sent=1)
    assert not finishing.fail(job.pk, "no_devices")
    assert Job.unscoped.get(pk=job.pk).status == JobStatus.PROCESSING
    assert published == []
