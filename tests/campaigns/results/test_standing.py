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


@pytest.fixture
def large(monkeypatch):
    """A job of four that counts as a large one: one is suppressed, and each of the others waits."""
    monkeypatch.setattr(figures, "LARGE_JOB", 4)
    job = make_job(make_account(), 4)
    Recipient.objects.filter(job=job, position=0).update(state="suppressed")
    change(job, failed=1)
    return job


def change(job, **fields):
    Job.unscoped.filter(pk=job.pk).update(**fields)
    job.refresh_from_db()


def stats(job):
    found = figures.delivery_stats([job])[job.pk]
    assert found["total"] == sum(found[name] for name in ("pending", "sent", "failed", "suppressed", "unknown"))
    return found


def test_of_a_large_job_under_way_what_its_row_says_is_current(large, django_assert_num_queries):
    assert stats(large) == {**figures.NO_STATS, "total": 4, "pending": 3, "suppressed": 1}
    change(large, sent=2, delivered=2, read=1, failed=2)
    with django_assert_num_queries(0):
        assert stats(large) == {
            **figures.NO_STATS,
            "total": 4,
            "sent": 2,
            "delivered": 2,
            "read": 1,
            "failed": 1,
            "suppressed": 1,
        }


def test_who_is_unknown_is_counted_once_a_minute(large, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(figures.time, "monotonic", lambda: now[0])
    assert stats(large)["unknown"] == 0
    Recipient.objects.filter(job=large, position=1).update(state="unknown")
    change(large, failed=2)
    assert (stats(large)["unknown"], stats(large)["failed"]) == (0, 1)
    now[0] += figures.KEPT_SECONDS
    assert (stats(large)["unknown"], stats(large)["failed"]) == (1, 0)
    change(large, failed=1, sent=1)  # a receipt has settled it since
    assert (stats(large)["unknown"], stats(large)["failed"]) == (0, 0)


def test_but_not_beyond_its_end(large):
    assert stats(large)["sent"] == 0
    change(large, status="completed", results={"by_state": {"suppressed": 1, "read": 2, "unknown": 1}})
    assert (stats(large)["sent"], stats(large)["unknown"], stats(large)["failed"]) == (2, 1, 0)


def test_many_jobs_in_one_statement(django_assert_num_queries):
    account = make_account()
    jobs = [make_job(account, number) for number in (1, 2, 3)]
    with django_assert_num_queries(1):
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
