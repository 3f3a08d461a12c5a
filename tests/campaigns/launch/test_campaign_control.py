"""The buttons of a campaign's page are those that change something: both ask `control`."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.launch import control
from campaigns.models import Campaign
from jobs.models import IllegalTransition, Job
from jobs.states import JOB_ENDED, JobStatus
from tests.campaigns import campaigns_of

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)


def of_status(status: str) -> Campaign:
    account = campaigns_of.account()
    return campaigns_of.campaign(account, status=status)


def whose_job_is(status: str, **fields) -> Campaign:
    account = campaigns_of.account()
    campaigns_of.contact(account, labels=["vip"])
    made = campaigns_of.campaign(account, **fields)
    run = campaigns_of.launched(made, NOON)
    Job.unscoped.filter(pk=run.job_id).update(
        status=status,
        state_reason="paused_by_person" if status == JobStatus.PAUSED else "",
        started_at=NOON,
        **({"failed": 1, "finished_at": NOON} if status in JOB_ENDED else {}),
    )
    made.refresh_from_db()
    return made


@pytest.mark.parametrize("act", ["pause", "resume", "cancel"])
@pytest.mark.parametrize(
    ("make", "status", "offered"),
    [
        (of_status, "pending", {"cancel"}),
        (of_status, "failed", {"cancel"}),
        (of_status, "cancelled", set()),
        (whose_job_is, JobStatus.PENDING, {"pause", "cancel"}),
        (whose_job_is, JobStatus.PROCESSING, {"pause", "cancel"}),
        (whose_job_is, JobStatus.PAUSED, {"resume", "cancel"}),
        (whose_job_is, JobStatus.COMPLETED, {"retry_failed"}),
        (whose_job_is, JobStatus.FAILED, {"retry_failed"}),
        (whose_job_is, JobStatus.CANCELLED, set()),
    ],
)
def test_what_is_offered_is_what_changes_something(make, status, offered, act):
    made = make(status)
    assert control.possible(made) == offered
    try:
        changed = bool(getattr(control, act)(made))
    except IllegalTransition:
        changed = False
    assert (act in offered) == changed


def test_a_recurring_campaign_at_rest_can_be_cancelled_and_its_last_run_retried():
    made = whose_job_is(
        JobStatus.COMPLETED, recurrence="daily", scheduled_at=NOON, recurs_from=NOON - timedelta(days=1)
    )
    assert control.possible(made) == {"pause", "cancel", "retry_failed"}


def test_of_a_recurring_campaign_that_failed_meanwhile_the_run_under_way_can_still_be_stopped():
    made = whose_job_is(JobStatus.PROCESSING, recurrence="daily", scheduled_at=NOON, recurs_from=NOON)
    Campaign.unscoped.filter(pk=made.pk).update(status="failed")
    made.refresh_from_db()
    assert control.possible(made) == {"pause", "cancel"}
