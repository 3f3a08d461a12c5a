"""Every wait has a reason and a time: in `state_reason` and `waits` of the API, and on the job's page."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from devices.models import Device, Lane
from jobs import control, waits
from jobs.models import Recipient
from jobs.sending import resting
from jobs.waits import Wait
from jobs.wording import job_reasons
from tests.accounts import people
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import ago

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)


@pytest.fixture
def device():
    return make_device(make_account())


@pytest.fixture
def job(device):
    return make_job(device.account, 4, (device,))


def found(job, now=None):
    return waits.waits(job, now or timezone.now())


def reason(job, now):
    return waits.reason(job, waits.waits(job, now))


def mark(job, positions, **fields):
    Recipient.objects.filter(job=job, position__in=positions).update(**fields)


def test_a_job_that_moves_waits_for_nothing(job):
    assert (found(job), reason(job, timezone.now())) == ([], "")


def test_those_who_are_looked_up_tried_again_or_asleep_are_counted_each_with_its_time(job):
    in_a_minute, later = ago(-60), ago(-3600)
    mark(job, [0], state="ambiguous", error_code="ReadTimeout", due_at=in_a_minute)
    mark(job, [1, 2], due_at=later)
    mark(job, [3], error_code="number_look_up_failed", due_at=in_a_minute)
    assert sorted(found(job)) == [
        Wait("look_up", 1, in_a_minute),
        Wait("outside_hours", 2, later),
        Wait("retry", 1, in_a_minute),
    ]
    assert reason(job, timezone.now()) == "outside_hours"  # all wait, most of them for this
    mark(job, [1], due_at=None)
    assert reason(job, timezone.now()) == ""  # one may go


def limited(device, **lane):
    Device.unscoped.filter(pk=device.pk).update(daily_limit=3)
    Lane.objects.create(device=device, **{"day": NOON.date(), "day_count": 3, **lane})


def test_a_daily_limit_holds_all_until_midnight(job, device):
    limited(device)
    assert found(job, NOON) == [Wait("daily_limit", None, MIDNIGHT)]
    assert reason(job, NOON) == "daily_limit"


@pytest.mark.parametrize("lane", [{"day": NOON.date() - timedelta(days=1)}, {"day_count": 2}])
def test_one_that_was_reached_yesterday_or_not_yet_does_not(job, device, lane):
    limited(device, **lane)
    assert found(job, NOON) == []


def test_a_gateway_that_asked_to_wait_says_until_when(job, device):
    until = ago(-600)
    Lane.objects.create(device=device, next_slot_at=until)
    assert found(job) == [Wait("gateway_asked_to_wait", None, until)]


def test_strangers_wait_until_its_devices_may_write_to_them(job, device):
    until = ago(-600)
    Device.unscoped.filter(pk=device.pk).update(only_known_until=until)
    Lane.objects.create(device=device, next_slot_at=ago(-60))  # it rests until it looks again
    assert found(job) == [Wait("only_known_people", None, until)]
    assert reason(job, timezone.now()) == "only_known_people"
    assert found(job, until) == []


def test_a_slow_pace_is_no_wait(job, device):
    Device.unscoped.filter(pk=device.pk).update(messages_per_minute=1)
    Lane.objects.create(device=device, next_slot_at=ago(-60))
    assert found(job) == []


def test_a_device_that_is_out_says_when_it_is_looked_at_again(job, device):
    again = ago(-20)
    out = {"status": "disconnected", "status_reason": "connection_closed", "next_check_at": again}
    Device.unscoped.filter(pk=device.pk).update(**out)
    assert found(job) == [Wait("device_out", None, again)]
    Device.unscoped.filter(pk=device.pk).update(status_reason="instance_closed")
    assert found(job) == [Wait("device_out", None, None)]  # nobody knows: a person must scan


def test_a_start_that_waits_for_a_device_says_so(device):
    again = ago(-2)
    out = {
        "status": "disconnected",
        "status_reason": "connection_closed",
        "last_well_at": ago(5),
        "next_check_at": again,
    }
    due = {"status": "pending", "imported_at": ago(5), "start_at": ago(1), "started_at": None}
    job = make_job(device.account, 4, **due)
    assert found(job) == []  # it begins in a moment
    Device.unscoped.filter(pk=device.pk).update(**out)
    assert (found(job), reason(job, timezone.now())) == ([Wait("device_out", None, again)], "device_out")
    job.start_at = ago(-60)
    assert found(job) == []  # it is not yet its time
    job.start_at, job.requested_device_ids = ago(1), [make_device(device.account, status="blocked").pk]
    assert found(job) == []  # the sweep fails it


def test_one_device_that_may_send_is_enough(device):
    job = make_job(device.account, 4, (device, make_device(device.account)))
    Device.unscoped.filter(pk=device.pk).update(status="disconnected", status_reason="connection_closed")
    assert found(job) == []


def test_a_job_that_rests_for_its_medium_says_when_it_tries_again(job):
    resting.rest(job.pk, job_reasons.MEDIA_UNREACHABLE)
    job.refresh_from_db()
    assert found(job) == [Wait("media_unreachable", None, job.resume_at)]
    control.pause(job)
    job.refresh_from_db()
    assert (found(job), reason(job, timezone.now())) == ([], "paused_by_person")


def test_every_wait_has_its_words():
    spoken = {
        job_reasons.LOOK_UP,
        job_reasons.OUTSIDE_HOURS,
        job_reasons.RETRY,
        job_reasons.DEVICE_OUT,
        job_reasons.DAILY_LIMIT,
        job_reasons.GATEWAY_ASKED,
        job_reasons.MEDIA_UNREACHABLE,
    }
    assert spoken <= job_reasons.JOB_REASONS.keys()


def test_no_more_are_counted_than_the_page_needs(job, monkeypatch):
    monkeypatch.setattr(waits, "MOST_COUNTED", 2)
    mark(job, [0, 1, 2, 3], due_at=ago(-60))
    assert [wait.recipients for wait in found(job)] == [2]
    assert reason(job, timezone.now()) == "outside_hours"


def test_the_api_and_the_page_say_it(sender):
    job = make_job(sender.account, 4, (sender.device,), sent_again=2)
    due_at = ago(-300).replace(microsecond=0)
    mark(job, [0, 1, 2, 3], state="ambiguous", error_code="ReadTimeout", due_at=due_at)
    answer = sender.client.get(f"/jobs/{job.uuid}").json()
    assert answer["state_reason"] == "look_up"
    assert answer["waits"] == [
        {"reason": "look_up", "recipients": 4, "until": due_at.strftime("%Y-%m-%dT%H:%M:%SZ")},
    ]
    browser = people.browser(people.member(sender.account, Role.VIEWER))
    page = browser.get(reverse("admin:jobs_job_live", args=[job.uuid]), headers={"Accept-Language": "en"}).content
    assert b"Messages in doubt are looked up at the gateway" in page
    assert b"4 recipients." in page
    assert b"2 messages were sent again" in page
