"""A campaign that recurs: one run at a time, stopped and changed between its runs, on the day it began with."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from campaigns.launch import control, drafting, launching, schedule
from campaigns.models import Campaign
from campaigns.pages import campaign_form
from campaigns.wording import campaign_notes
from jobs.models import Job
from tests.campaigns import campaigns_of
from tests.campaigns.arrange import Caller, refused

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CAMPAIGNS = "whatsapp_api_campaigns"


@pytest.fixture
def call() -> Caller:
    made = Caller(account=campaigns_of.account())
    campaigns_of.contact(made.account, labels=["vip"])
    return made


def daily(call: Caller, first: datetime = NOON, **fields) -> Campaign:
    return campaigns_of.campaign(
        call.account, **{"recurrence": "daily", "scheduled_at": first, "recurs_from": first, **fields}
    )


def pass_by(now):
    return [run for pk in schedule.due_campaigns(now) if (run := schedule.launch_due(pk, now)) is not None]


def finish(made: Campaign) -> None:
    Job.unscoped.filter(campaign_run__campaign=made).update(status="completed", finished_at=NOON)


def fresh(made: Campaign) -> Campaign:
    return Campaign.unscoped.get(pk=made.pk)


# --- One run at a time -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["pending", "processing", "paused"])
def test_the_next_run_does_not_start_while_the_last_is_under_way(call, status):
    made = daily(call)
    [run] = pass_by(NOON)
    Job.unscoped.filter(pk=run.job_id).update(status=status)
    assert pass_by(NOON + DAY + timedelta(seconds=5)) == []

    now = fresh(made)
    assert (now.status, now.scheduled_at, now.missed_at) == ("pending", NOON + 2 * DAY, None)
    said = campaign_notes.spanish(now.note_code, now.note_details)
    assert "11/06/2026 12:00" in said
    assert "todavía no había terminado" in said

    finish(made)
    [later] = pass_by(NOON + 2 * DAY)
    assert later.scheduled_at == NOON + 2 * DAY
    assert fresh(made).note_code == ""


def test_nor_where_a_person_has_just_launched_it(call):
    made = daily(call)
    stale = fresh(made)
    launching.trigger(made, None, NOON - timedelta(minutes=1))
    with pytest.raises(launching.LaunchRefused, match="campaign_under_way"):
        launching.launch(stale, NOON, None)
    assert pass_by(NOON) == []
    assert fresh(made).scheduled_at == NOON + DAY


def test_a_run_before_the_last_that_is_tried_again_counts(call):
    made = daily(call)
    [first] = pass_by(NOON)
    finish(made)
    pass_by(NOON + DAY)
    finish(made)
    Job.unscoped.filter(pk=first.job_id).update(status="processing", finished_at=None)
    assert pass_by(NOON + 2 * DAY) == []


# --- Stopped and changed between runs ----------------------------------------------------------------------


def test_paused_between_its_runs_it_does_not_recur_until_somebody_resumes_it(call):
    made = daily(call, timezone.now() - timedelta(minutes=10))
    answer = call.post(f"{CAMPAIGNS}/{made.pk}/pause")
    assert (answer.status_code, answer.json()["status"]) == (200, "paused")
    now = timezone.now()
    assert pass_by(now) == []
    assert refused(call.post(f"{CAMPAIGNS}/{made.pk}/trigger")) == (409, "campaign_paused")

    answer = call.post(f"{CAMPAIGNS}/{made.pk}/resume")
    assert (answer.status_code, answer.json()["status"]) == (200, "pending")
    # What went by while it was paused is not made up for.
    assert pass_by(timezone.now()) == []
    assert fresh(made).scheduled_at > now


def test_paused_during_a_run_both_rest_and_both_go_on(call):
    made = daily(call)
    [run] = pass_by(NOON)
    assert control.pause(made) == 2
    assert (fresh(made).status, fresh(made).current_status) == ("paused", "paused")
    run.job.refresh_from_db()
    assert run.job.status == "paused"
    assert control.possible(fresh(made)) == {"resume", "cancel"}
    finish(made)
    assert pass_by(NOON + DAY) == []
    Job.unscoped.filter(pk=run.job_id).update(status="paused", finished_at=None)
    assert control.resume(made, now=NOON) == 2
    assert (fresh(made).status, fresh(made).scheduled_at) == ("pending", NOON + DAY)


def test_a_pause_that_comes_while_the_schedule_looks_wins(call, monkeypatch):
    made = daily(call)
    monkeypatch.setattr(launching.media, "checked", lambda campaign: control.pause(fresh(campaign)) and {})
    assert pass_by(NOON) == []
    assert (fresh(made).status, fresh(made).note_code) == ("paused", "")
    assert not Job.unscoped.exists()


def test_between_its_runs_it_can_be_changed_and_during_one_not(call):
    made = daily(call, timezone.now().replace(microsecond=0) - timedelta(minutes=1))
    address = f"{CAMPAIGNS}/{made.pk}"
    pass_by(timezone.now())
    assert refused(call.patch(address, message="Otra")) == (409, "campaign_launched")
    finish(made)
    answer = call.patch(address, message="Otra")
    assert (answer.status_code, answer.json()["message"]) == (200, "Otra")
    assert fresh(made).scheduled_at == made.scheduled_at + DAY
    assert refused(call.patch(address, recurrence="")) == (409, "campaign_recurs")


def test_a_change_of_a_paused_one_leaves_it_paused(call):
    made = daily(call, timezone.now() + DAY)
    control.pause(made)
    assert call.patch(f"{CAMPAIGNS}/{made.pk}", message="Otra").json()["status"] == "paused"


def test_one_that_does_not_recur_is_changed_no_more_once_launched(call):
    made = campaigns_of.campaign(call.account, scheduled_at=NOON)
    pass_by(NOON)
    finish(made)
    assert refused(call.patch(f"{CAMPAIGNS}/{made.pk}", message="Otra")) == (409, "campaign_launched")


# --- The day it began with -----------------------------------------------------------------------------------

LIMA = ZoneInfo("America/Lima")
JANUARY = datetime(2027, 1, 31, 9, tzinfo=LIMA)
FEBRUARY = datetime(2027, 2, 28, 9, tzinfo=LIMA)


def monthly(call: Caller) -> Campaign:
    """One of every 31st, whose next time is the 28th of February."""
    return daily(
        call,
        FEBRUARY,
        recurrence="monthly",
        recurs_from=JANUARY,
        time_zone="America/Lima",
        title="El 31",
        message="Hola",
    )


def days_to_come(made: Campaign) -> list[str]:
    recurs = launching.recurrence_of(fresh(made))
    found, at = [], fresh(made).scheduled_at
    for _ in range(3):
        found.append(at.astimezone(LIMA).strftime("%d/%m %H:%M"))
        at = recurs.next_after(at)
    return found


def as_the_form_sends_it(made: Campaign, **changed) -> None:
    form = {**campaign_form.of_campaign(made), **changed}
    fields, unread = campaign_form.fields_of(form, made, JANUARY, has_file=False)
    assert unread == {}
    moment = datetime.fromisoformat(fields["scheduled_at"]).astimezone(UTC)
    names = {"title", "recurrence", "time_zone"}
    drafting.change(made, {**{name: fields[name] for name in names}, "scheduled_at": moment}, JANUARY)


@pytest.mark.parametrize(
    ("changed", "days"),
    [
        ({"title": "Otro"}, ["28/02 09:00", "31/03 09:00", "30/04 09:00"]),
        ({"starts_at": "2027-02-28T10:30"}, ["28/02 10:30", "31/03 10:30", "30/04 10:30"]),
        ({"starts_at": "2027-02-15T09:00"}, ["15/02 09:00", "15/03 09:00", "15/04 09:00"]),
        ({"recurrence": "weekly"}, ["28/02 09:00", "07/03 09:00", "14/03 09:00"]),
    ],
)
def test_of_the_31st_it_stays_when_something_else_is_changed(call, changed, days):
    made = monthly(call)
    as_the_form_sends_it(made, **changed)
    assert days_to_come(made) == days


def test_also_where_only_its_words_are_changed_by_the_api(call):
    made = monthly(call)
    drafting.change(made, {"recurrence": "monthly"}, JANUARY)
    drafting.change(made, {"time_zone": "America/Lima", "title": "Otro"}, JANUARY)
    assert days_to_come(made) == ["28/02 09:00", "31/03 09:00", "30/04 09:00"]
