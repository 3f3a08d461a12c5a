"""Deleting a job: in batches, of ended ones only, and only its own rows."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs import retention
from jobs.models import Chunk, Job, JobPart, Recipient
from jobs.states import JobStatus
from tests.factories import make_account, make_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def ended():
    return make_job(make_account(), 25, status=JobStatus.COMPLETED, finished_at=timezone.now())


def test_goes_in_batches_and_takes_everything_with_it(ended, monkeypatch):
    monkeypatch.setattr(retention, "BATCH_ROWS", 10)
    other = make_job(ended.account, 3)
    Chunk.objects.create(job=ended, start=0, end=10)
    JobPart.objects.create(job=ended, device_id=1, variant=0)
    with CaptureQueriesContext(connection) as queries:
        assert retention.delete_job(ended) == 25
    deletions = [query for query in queries if query["sql"].startswith('DELETE FROM "jobs_recipient"')]
    assert len(deletions) == 4  # three batches, and a last look
    assert not Job.unscoped.filter(pk=ended.pk).exists()
    assert not Chunk.objects.exists()
    assert not JobPart.objects.exists()
    assert set(Recipient.objects.values_list("job_id", flat=True)) == {other.pk}


def test_a_job_that_was_opened_again_stays(ended):
    Job.unscoped.filter(pk=ended.pk).update(status=JobStatus.PROCESSING, finished_at=None)
    with pytest.raises(retention.StillOpen):
        retention.delete_job(ended)
    assert ended.recipients.count() == 25


def test_what_was_begun_can_be_finished(ended):
    Recipient.objects.filter(job_id=ended.pk, position__lt=10).delete()
    assert retention.delete_job(ended) == 15


def test_a_job_without_recipients_goes_too():
    job = make_job(make_account(), 0, status=JobStatus.FAILED, finished_at=timezone.now())
    assert retention.delete_job(job) == 0
    assert not Job.unscoped.exists()
