"""What became of a campaign's recipients, counted from the rows; a large job's not at every look."""

import pytest

from campaigns.results import figures
from jobs.models import Job, Recipient
from tests.factories import make_account, make_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_kept():
    figures._kept.clear()


def sent(job):
    return figures.delivery_stats([job])[job.pk]["sent"]


def test_a_small_job_is_counted_at_every_look():
    job = make_job(make_account(), 3)
    assert sent(job) == 0
    Recipient.objects.filter(job=job).update(state="delivered")
    assert figures.delivery_stats([job])[job.pk] == {**figures.NO_STATS, "total": 3, "sent": 3, "delivered": 3}


def test_a_large_jobs_count_is_kept_for_a_while(monkeypatch):
    monkeypatch.setattr(figures, "LARGE_JOB", 3)
    now = [1000.0]
    monkeypatch.setattr(figures.time, "monotonic", lambda: now[0])
    job = make_job(make_account(), 3)
    assert sent(job) == 0
    Recipient.objects.filter(job=job).update(state="sent")
    assert sent(job) == 0
    now[0] += figures.KEPT_SECONDS
    assert sent(job) == 3


def test_but_not_beyond_its_end(monkeypatch):
    monkeypatch.setattr(figures, "LARGE_JOB", 3)
    job = make_job(make_account(), 3)
    assert sent(job) == 0
    Recipient.objects.filter(job=job).update(state="sent")
    Job.unscoped.filter(pk=job.pk).update(status="completed")
    job.refresh_from_db()
    assert sent(job) == 3


def test_many_jobs_in_two_statements(django_assert_num_queries):
    account = make_account()
    jobs = [make_job(account, number) for number in (1, 2, 3)]
    with django_assert_num_queries(2):
        found = figures.delivery_stats(jobs)
    assert [found[job.pk]["total"] for job in jobs] == [1, 2, 3]
    assert figures.delivery_stats([]) == {}


def test_a_large_job_that_has_ended_is_read_from_its_results(monkeypatch):
    monkeypatch.setattr(figures, "LARGE_JOB", 3)
    results = {"by_state": {"read": 1, "delivered": 1, "suppressed": 1, "sent": 0}}
    job = make_job(make_account(), 3, results=results)
    assert figures.delivery_stats([job])[job.pk] == {
        **figures.NO_STATS,
        "total": 3,
        "sent": 2,
        "delivered": 2,
        "read": 1,
        "suppressed": 1,
    }
