"""When campaigns launch by themselves: in time, once, never too late, and again where they recur."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import tasks
from campaigns.launch import launching, recurrence, schedule
from campaigns.launch.launching import AlreadyLaunched
from campaigns.launch.media import MediaRefused
from campaigns.models import Campaign, CampaignRun
from campaigns.wording import campaign_notes
from config.schedule import BEAT_SCHEDULE
from jobs.models import Job
from tests.campaigns import campaigns_of

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def account(db):
    found = campaigns_of.account()
    campaigns_of.contact(found, labels=["vip"])
    return found


def pass_by(now):
    """What one beat makes the workers do."""
    return [run for pk in schedule.due_campaigns(now) if (run := schedule.launch_due(pk, now)) is not None]


def state(made):
    made.refresh_from_db()
    return made.status, made.scheduled_at, made.missed_at is not None


def test_it_fires_in_its_time_and_once(account):
    made = campaigns_of.campaign(account, scheduled_at=NOON)
    assert pass_by(NOON - MINUTE) == []
    [run] = pass_by(NOON + timedelta(seconds=5))
    assert (run.campaign_id, run.scheduled_at) == (made.pk, NOON)
    assert pass_by(NOON + MINUTE) == []
    assert CampaignRun.objects.count() == Job.unscoped.count() == 1


def test_two_beats_at_once(account):
    made = campaigns_of.campaign(account, scheduled_at=NOON)
    first, second = Campaign.unscoped.get(pk=made.pk), Campaign.unscoped.get(pk=made.pk)
    launching.launch(first, NOON, None)
    with pytest.raises(AlreadyLaunched):
        launching.launch(second, NOON, None)
    assert CampaignRun.objects.count() == 1


@pytest.mark.parametrize("late", [10 * MINUTE, HOUR])
def test_a_stack_that_comes_back_within_the_window_makes_up_for_it(account, late):
    campaigns_of.campaign(account, scheduled_at=NOON)
    assert len(pass_by(NOON + late)) == 1
    assert pass_by(NOON + late + MINUTE) == []


def test_later_than_that_it_waits_for_a_person(account):
    made = campaigns_of.campaign(account, scheduled_at=NOON, time_zone="America/Lima")
    assert pass_by(NOON + 2 * HOUR) == []
    assert state(made) == ("pending", NOON, True)
    assert "10/06/2026 07:00 America/Lima" in campaign_notes.spanish(made.note_code, made.note_details)
    assert pass_by(NOON + 3 * HOUR) == []

    launching.trigger(Campaign.unscoped.get(pk=made.pk), None, NOON + 4 * HOUR)
    made.refresh_from_db()
    assert (made.note_code, made.missed_at) == ("", None)
    assert made.runs.get().scheduled_at == NOON


@pytest.mark.parametrize("text", ["", "daily"])
def test_what_kept_it_from_going_out_is_what_it_says(account, monkeypatch, text):
    made = campaigns_of.campaign(
        account, scheduled_at=NOON, recurrence=text, recurs_from=NOON if text else None, multimedia={"type": "image"}
    )

    def fail(campaign):
        raise MediaRefused("media_unreachable", is_passing=True)

    monkeypatch.setattr(launching.media, "checked", fail)
    assert pass_by(NOON) == []
    assert pass_by(NOON + 2 * HOUR) == []
    made.refresh_from_db()
    assert made.note_code == "media_unreachable"
    assert state(made) == (("pending", NOON + DAY, False) if text else ("pending", NOON, True))
    if text:  # and of another time it does not speak
        assert pass_by(NOON + DAY + 2 * HOUR) == []
        made.refresh_from_db()
        assert made.note_code == "occurrence_skipped"


def test_the_window_is_a_setting(account, settings):
    settings.CAMPAIGN_MISFIRE_SECONDS = 4 * 3600
    campaigns_of.campaign(account, scheduled_at=NOON)
    assert len(pass_by(NOON + 3 * HOUR)) == 1


def test_without_the_feature_nothing_fires(account):
    campaigns_of.campaign(account, scheduled_at=NOON)
    account.whatsapp_api_campaigns = False
    account.save()
    assert pass_by(NOON) == []


def test_triggered_early_it_does_not_fire_again(account):
    made = campaigns_of.campaign(account, scheduled_at=NOON)
    launching.trigger(made, None, NOON - HOUR)
    assert pass_by(NOON) == []
    assert CampaignRun.objects.get().scheduled_at == NOON


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_closed_campaigns_do_not_fire(account, status):
    campaigns_of.campaign(account, scheduled_at=NOON, status=status)
    assert pass_by(NOON) == []


def test_one_that_cannot_be_launched_fails_in_words(account):
    made = campaigns_of.campaign(account, scheduled_at=NOON, audience={})
    assert pass_by(NOON) == []
    assert state(made)[0] == "failed"
    assert "audiencia" in campaign_notes.spanish(made.note_code, made.note_details)


def test_beat_wakes_it_and_tasks_pass_on_only_ids(account, monkeypatch):
    assert BEAT_SCHEDULE["launch due campaigns"]["task"] == tasks.launch_due_campaigns.name
    assert BEAT_SCHEDULE["launch due campaigns"]["schedule"] <= 60
    made = campaigns_of.campaign(account, scheduled_at=NOON)
    monkeypatch.setattr("campaigns.tasks.timezone.now", lambda: NOON)
    asked = []
    monkeypatch.setattr(tasks.launch_due_campaign, "apply_async", lambda args, **_: asked.append(args))
    monkeypatch.setattr(tasks.freeze_audience, "delay", lambda *args: asked.append(args))
    tasks.launch_due_campaigns()
    assert asked == [(made.pk,)]
    tasks.launch_due_campaign(made.pk)
    tasks.launch_due_campaign(made.pk)
    assert asked == [(made.pk,), (made.runs.get().pk,)]


# --- Recurring -------------------------------------------------------------------------------------------


def recurring(account, text, first, zone="UTC", **fields):
    return campaigns_of.campaign(
        account, recurrence=text, scheduled_at=first, recurs_from=first, time_zone=zone, **fields
    )


def finish(run):
    """Let a run's job be through."""
    Job.unscoped.filter(pk=run.job_id).update(status="completed", finished_at=NOON)


def test_each_occurrence_is_a_run_with_its_own_audience(account):
    made = recurring(account, "daily", NOON)
    [monday] = pass_by(NOON)
    launching.freeze_run(monday.pk)
    assert state(made) == ("pending", NOON + DAY, False)
    assert made.current_status == "running"
    campaigns_of.contact(account, labels=["vip"])
    assert pass_by(NOON + HOUR) == []
    finish(monday)
    [tuesday] = pass_by(NOON + DAY)
    launching.freeze_run(tuesday.pk)
    totals = CampaignRun.objects.order_by("pk").values_list("scheduled_at", "job__total")
    assert list(totals) == [(NOON, 1), (NOON + DAY, 2)]


def test_missed_occurrences_are_skipped_but_the_last_one_within_the_window(account):
    made = recurring(account, "daily", NOON)
    [run] = pass_by(NOON + 3 * DAY + 10 * MINUTE)
    assert run.scheduled_at == NOON + 3 * DAY
    assert state(made) == ("pending", NOON + 4 * DAY, False)


def test_all_of_them_where_none_is_within_it(account):
    made = recurring(account, "daily", NOON)
    assert pass_by(NOON + 3 * DAY + 2 * HOUR) == []
    assert state(made) == ("pending", NOON + 4 * DAY, False)
    assert "13/06/2026" in campaign_notes.spanish(made.note_code, made.note_details)
    assert len(pass_by(NOON + 4 * DAY)) == 1


def test_two_beats_at_one_occurrence(account):
    made = recurring(account, "daily", NOON)
    stale = Campaign.unscoped.get(pk=made.pk)
    pass_by(NOON)
    with pytest.raises(AlreadyLaunched):
        launching.launch(stale, NOON, None)


def test_triggered_besides_its_schedule(account):
    made = recurring(account, "daily", NOON)
    launching.trigger(made, None, NOON - HOUR)
    with pytest.raises(launching.LaunchRefused, match="campaign_under_way"):
        launching.trigger(Campaign.unscoped.get(pk=made.pk), None, NOON - HOUR + MINUTE)
    finish(made.runs.get())
    assert len(pass_by(NOON)) == 1


# --- Occurrences: pure -----------------------------------------------------------------------------------


def occurrences(text, zone, after, number, began=None):
    recurs = recurrence.parse(text, ZoneInfo(zone), began)
    found = []
    for _ in range(number):
        after = recurs.next_after(after)
        found.append(after.astimezone(ZoneInfo(zone)).strftime("%m-%d %H:%M %z"))
    return found


def test_the_clock_stays_when_the_offset_changes():
    assert occurrences("30 9 * * *", "America/New_York", datetime(2026, 3, 7, tzinfo=UTC), 3) == [
        "03-07 09:30 -0500",
        "03-08 09:30 -0400",
        "03-09 09:30 -0400",
    ]


def test_a_time_that_is_skipped_comes_as_much_later():
    assert occurrences("30 2 * * *", "America/New_York", datetime(2026, 3, 7, tzinfo=UTC), 3) == [
        "03-07 02:30 -0500",
        "03-08 03:30 -0400",
        "03-09 02:30 -0400",
    ]


def test_a_time_that_comes_twice_happens_once():
    assert occurrences("30 1 * * *", "America/New_York", datetime(2026, 10, 31, tzinfo=UTC), 3) == [
        "10-31 01:30 -0400",
        "11-01 01:30 -0400",
        "11-02 01:30 -0500",
    ]


def test_words_repeat_the_time_they_began_with():
    began = datetime(2026, 1, 31, 15, tzinfo=UTC)
    assert occurrences("monthly", "UTC", began, 3, began) == [
        "02-28 15:00 +0000",
        "03-31 15:00 +0000",
        "04-30 15:00 +0000",
    ]
    assert occurrences("weekly", "UTC", began, 2, began) == ["02-07 15:00 +0000", "02-14 15:00 +0000"]
    assert occurrences("daily", "UTC", began, 2, began) == ["02-01 15:00 +0000", "02-02 15:00 +0000"]


def test_days_of_the_month_or_of_the_week_as_in_cron():
    start = datetime(2026, 6, 1, tzinfo=UTC)
    assert occurrences("0 8 13 * 5", "UTC", start, 4) == [  # Fridays, and the 13th
        "06-05 08:00 +0000",
        "06-12 08:00 +0000",
        "06-13 08:00 +0000",
        "06-19 08:00 +0000",
    ]
    assert occurrences("0 8 * * 7", "UTC", start, 1) == occurrences("0 8 * * 0", "UTC", start, 1)
    assert occurrences("0 8 * * mon-fri", "UTC", start, 1) == ["06-01 08:00 +0000"]


@pytest.mark.parametrize(
    "text", ["", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "*/0 * * * *", "hola"]
)
def test_what_is_no_recurrence(text):
    with pytest.raises(recurrence.BadRecurrence):
        recurrence.parse(text, ZoneInfo("UTC"), None)


@given(
    moment=st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
    zone=st.sampled_from(["UTC", "America/New_York", "America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
)
def test_next_and_last_agree(moment, zone, minute, hour):
    recurs = recurrence.parse(f"{minute} {hour} * * *", ZoneInfo(zone), None)
    following = recurs.next_after(moment)
    assert moment < following <= moment + timedelta(hours=26)
    assert recurs.last_until(following) == following
    assert recurs.last_until(following - timedelta(microseconds=1)) <= moment
