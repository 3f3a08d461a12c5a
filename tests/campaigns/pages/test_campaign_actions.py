"""trigger, preview, test, pause, resume, cancel, retry_failed, recipients and export of a campaign."""

import csv
import io
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts import encryption
from accounts.models import AuditEntry
from campaigns.contacts import labels
from campaigns.launch import estimates, previewing
from campaigns.models import Campaign, TestSend
from campaigns.wording import estimate_words
from devices.models import Device
from jobs import control
from jobs.models import IllegalTransition, Job, Recipient, Suppression
from jobs.sending import dispatch, resting
from tests.accounts import people
from tests.campaigns import campaigns_of
from tests.factories import make_device

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return campaigns_of.member()


@pytest.fixture
def account(admin):
    return admin.account


@pytest.fixture
def act(admin):
    """Call one of a campaign's addresses: act("trigger", campaign)."""
    client = people.api(admin)

    def call(name, campaign, **body):
        address = f"/api/v1/accounts/{admin.account_id}/whatsapp_api_campaigns/{campaign.pk}/{name}"
        if name.startswith(("recipients", "export")):
            return client.get(address)
        return client.post(address, body, content_type="application/json")

    return call


def refused(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    return True


def actions(account):
    return list(AuditEntry.objects.for_account(account).order_by("pk").values_list("action", flat=True))


# --- trigger -----------------------------------------------------------------------------------------------


def test_trigger_launches_once(act, account, admin):
    campaigns_of.contact(account, labels=["vip"])
    made = campaigns_of.campaign(account)
    answer = act("trigger", made)
    assert answer.status_code == 200, answer.content
    job = Job.unscoped.get()
    assert (answer.json()["status"], answer.json()["job_id"]) == ("running", str(job.uuid))
    assert job.created_by == admin.user
    assert refused(act("trigger", made), 409, "campaign_already_ran")
    assert Job.unscoped.count() == 1
    assert actions(account) == ["campaign.launched"]


def test_trigger_asks_a_worker_to_freeze(act, account, monkeypatch, django_capture_on_commit_callbacks):
    asked = []
    monkeypatch.setattr("campaigns.tasks.freeze_audience.delay", asked.append)
    made = campaigns_of.campaign(account)
    with django_capture_on_commit_callbacks(execute=True):
        act("trigger", made)
    assert asked == [made.runs.get().pk]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"audience": {}}, 400, "audience_empty"),
        ({"status": "cancelled"}, 409, "campaign_cancelled"),
        ({"multimedia": {"type": "image", "url": "http://10.0.0.1/a.jpg"}}, 400, "media_refused"),
    ],
)
def test_what_cannot_be_triggered(act, account, fields, status, code):
    assert refused(act("trigger", campaigns_of.campaign(account, **fields)), status, code)
    assert not Job.unscoped.exists()


# --- preview -----------------------------------------------------------------------------------------------


def test_preview_tells_who_what_and_how_long(act, account):
    make_device(account, messages_per_minute=12)
    made = campaigns_of.campaign(account, message="Hola {{name|default:'amigo'}}, {{custom_attributes.region}}")
    people_ = [campaigns_of.contact(account, labels=["vip"], name=f"P{n}") for n in range(6)]
    nameless = campaigns_of.contact(account, labels=["vip"], custom_attributes={"region": "sur"})
    campaigns_of.contact(account, labels=["vip"], opted_out_at=timezone.now())
    campaigns_of.contact(account, labels=["vip"], phone=None)
    blocked = campaigns_of.contact(account, labels=["vip"])
    Suppression.unscoped.create(account=account, phone=blocked.phone)
    campaigns_of.contact(account, labels=["otra"])

    answer = act("preview", made)
    assert answer.status_code == 200, answer.content
    preview = answer.json()
    assert set(preview) == {"count", "sample", "excluded", "excluded_lists", "estimate", "problems", "lacking"}
    assert preview["count"] == 7
    assert sorted((one["reason"], one["count"]) for one in preview["excluded"]) == [
        ("no_phone", 1),
        ("opted_out", 1),
        ("suppressed", 1),
    ]
    texts = {person.pk: (person.phone, f"Hola {person.name}, ---") for person in people_}
    texts[nameless.pk] = (nameless.phone, "Hola amigo, sur")
    assert len(preview["sample"]) == 5
    assert all(texts[one["contact_id"]] == (one["phone"], one["text"]) for one in preview["sample"])
    assert preview["estimate"]["devices"] == 1
    assert preview["estimate"]["seconds"] == 35
    assert preview["estimate"]["text"] == "35 segundos"
    assert not Job.unscoped.exists()


def test_preview_finds_likely_mistakes_in_the_message(act, account):
    labels.ensure(account.pk, ["vip"])
    made = campaigns_of.campaign(account, message="Hola {{nombre}}", way_out=True)
    [problem] = act("preview", made).json()["problems"]
    assert "{{nombre}}" in problem


def test_preview_without_devices_or_people(act, account):
    preview = act("preview", campaigns_of.campaign(account)).json()
    assert (preview["count"], preview["sample"], preview["excluded"]) == (0, [], [])
    assert preview["estimate"]["devices"] == 0
    assert "Conecta" in preview["estimate"]["text"]


def test_preview_decrypts_no_token(account, monkeypatch):
    for _ in range(3):
        make_device(account, messages_per_minute=12)
    made = campaigns_of.campaign(account, devices_limit=1000)
    monkeypatch.setattr(encryption, "cipher", None)
    assert [device.messages_per_minute for device in previewing.devices_of(made)] == [12, 12, 12]


START = datetime(2026, 6, 10, tzinfo=UTC)


def device(**fields):
    return Device(**{"messages_per_minute": 12, **fields})


def told(messages, devices, window=None, zone="UTC"):
    found = estimates.estimate(messages, devices, window or {}, ZoneInfo(zone), START)
    return found, estimate_words.on_the_wire(found.seconds, found.devices, found.more_devices_for_one_day)


def test_a_million_through_five_devices():
    found, text = told(1_000_000, [device()] * 5)
    assert text == "11,6 días; 53 devices más para terminar en un día"
    assert found.finishes_at == START + timedelta(seconds=found.seconds)


@pytest.mark.parametrize(
    ("messages", "devices", "window", "hours"),
    [
        (720, [device()], {}, 1),
        (720, [device(), device()], {}, 0.5),
        (50, [device(daily_limit=100)], {}, 50 / 720),
        (150, [device(daily_limit=100)], {}, 24 + 50 / 720),
        (720, [device()], {"start": "09:00", "end": "20:00"}, 10),
        (720 * 12, [device()], {"start": "09:00", "end": "20:00"}, 24 + 10),
        # 10 June 2026 is a Wednesday.
        (720, [device()], {"start": "09:00", "end": "20:00", "weekdays": [4]}, 48 + 10),
        (40, [device(warm_up_since=START.date())], {}, 24 + 20 / 720),
        (60, [device(messages_per_minute=None, max_in_flight=1)], {}, 1 / 60),
    ],
)
def test_paces_limits_and_windows_are_heeded(messages, devices, window, hours):
    found, _ = told(messages, devices, window)
    assert found.seconds == pytest.approx(hours * 3600, abs=1)


def test_a_day_of_another_length():
    start = datetime(2026, 3, 8, 5, tzinfo=UTC)  # New York puts its clocks forward on this day
    window = {"start": "00:00", "end": "24:00"}
    found = estimates.estimate(720, [device()], window, ZoneInfo("America/New_York"), start)
    assert found.seconds == pytest.approx(3600, abs=1)


def test_what_never_ends_has_no_date():
    found, text = told(10**9, [device(daily_limit=1)])
    assert found.finishes_at is None
    assert "No se puede calcular" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1 segundo"),
        (59, "59 segundos"),
        (60, "1 minuto"),
        (5400, "1,5 horas"),
        (86_400, "1 día"),
        (1e6, "11,6 días"),
    ],
)
def test_lengths_of_time_as_people_say_them(seconds, text):
    assert estimate_words.wire_duration(seconds) == text


# --- test --------------------------------------------------------------------------------------------------


def test_a_test_is_a_small_job_of_its_own(act, account):
    make_device(account)
    campaigns_of.contact(account, labels=["vip"], name="Ana")
    made = campaigns_of.campaign(account, sending_window={"start": "03:00", "end": "03:01"})
    account.default_country = "PE"
    account.save()
    answer = act("test", made, phones=["+51 987 654 321", "987654322", "+51987654321", "01 4567890"])
    assert answer.status_code == 200, answer.content
    job = Job.unscoped.get()
    phones = ["+51987654321", "+51987654322", "+5114567890"]
    assert answer.json() == {"job_id": str(job.uuid), "phones": phones, "landlines": phones[2:]}
    assert job.title == "Prueba: Rebajas"
    assert job.sending_window == {}
    assert TestSend.objects.get().job == job
    rows = Recipient.objects.filter(job=job).in_order().values_list("phone", "values", "state")
    assert list(rows) == [(phone, ["Ana"], "queued") for phone in phones]
    assert dispatch.start(job.pk)
    assert Campaign.unscoped.get(pk=made.pk).current_status == "pending"  # tests are no runs
    assert actions(account) == ["campaign.tested"]


def test_every_variant_is_tried(act, account):
    made = campaigns_of.campaign(account, message="", variants=[{"text": "a", "weight": 1}, {"text": "b", "weight": 9}])
    act("test", made, phones=["+51987654321", "+51987654322", "+51987654323"])
    assert list(Recipient.objects.in_order().values_list("variant", flat=True)) == [0, 1, 0]


@pytest.mark.parametrize(
    "phones",
    [None, [], "51987654321", ["hola"], [51987654321], [f"+5198765432{n}" for n in range(10)] + ["+51987654399"]],
)
def test_what_is_no_list_of_phones(act, account, phones):
    assert refused(act("test", campaigns_of.campaign(account), phones=phones), 400, "phones_invalid")
    assert not Job.unscoped.exists()


@pytest.mark.parametrize(
    ("phone", "code"), [("987654322", "phone_country_missing"), ("+51987654321 / +51987654322", "phone_two_numbers")]
)
def test_a_phone_that_is_nobodys_says_why(act, account, phone, code):
    answer = act("test", campaigns_of.campaign(account), phones=["+51987654321", phone])
    assert refused(answer, 400, "phones_invalid")
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [("phones", code)]
    assert not Job.unscoped.exists()


# --- control -----------------------------------------------------------------------------------------------


@pytest.fixture
def running(account):
    make_device(account)
    for name in ("Ana", "Eva"):
        campaigns_of.contact(account, labels=["vip"], name=name)
    made = campaigns_of.campaign(account)
    campaigns_of.started(made, timezone.now())
    return made


def test_pause_resume_cancel(act, account, running):
    assert act("pause", running).json()["status"] == "paused"
    assert act("pause", running).json()["status"] == "paused"
    assert "En pausa" in act("pause", running).json()["description"]
    assert act("resume", running).json()["status"] == "running"
    assert act("cancel", running).json()["status"] == "cancelled"
    assert act("cancel", running).json()["status"] == "cancelled"
    assert act("cancel", running).json()["delivery_stats"]["failed"] == 2
    for name in ("pause", "resume", "retry_failed"):
        assert refused(act(name, running), 409, "campaign_impossible_move")
    assert actions(account) == ["campaign.pause", "campaign.resume", "campaign.cancel"]


def test_before_the_launch_there_is_only_cancelling(act, account):
    made = campaigns_of.campaign(account)
    for name in ("pause", "resume", "retry_failed"):
        assert refused(act(name, made), 409, "campaign_not_launched")
    assert act("cancel", made).json()["status"] == "cancelled"
    assert refused(act("trigger", made), 409, "campaign_cancelled")


def test_a_completed_campaign_cannot_be_cancelled(act, running):
    job = Job.unscoped.get()
    Recipient.objects.filter(job=job).update(state="sent")
    Job.unscoped.filter(pk=job.pk).update(sent=2, status="completed", finished_at=timezone.now())
    assert refused(act("cancel", running), 409, "campaign_impossible_move")


def test_cancelling_a_recurring_campaign_ends_it(act, account):
    first = timezone.now() + timedelta(days=1)
    made = campaigns_of.campaign(account, recurrence="daily", scheduled_at=first, recurs_from=first)
    campaigns_of.contact(account, labels=["vip"])
    campaigns_of.launched(made, timezone.now())
    assert act("cancel", made).json()["status"] == "cancelled"
    assert Job.unscoped.get().status == "cancelled"


def under_way_at_once(made, now, runs):
    """Have so many runs of a recurring campaign under way: they had ended, and what failed is tried again."""
    for days in range(runs):
        made.refresh_from_db()
        run = campaigns_of.launched(made, now + timedelta(days=days))
        Job.unscoped.filter(pk=run.job_id).update(status="completed", finished_at=now)
    Job.unscoped.filter(campaign_run__campaign=made).update(status="pending", finished_at=None)


def test_what_is_done_to_several_jobs_is_one_act_that_counts_them_all(act, account):
    campaigns_of.contact(account, labels=["vip"])
    now = timezone.now()
    made = campaigns_of.campaign(account, recurrence="daily", scheduled_at=now, recurs_from=now)
    under_way_at_once(made, now, 3)
    first = Job.unscoped.order_by("pk").first()
    control.pause(first)
    assert act("pause", made).json()["status"] == "paused"
    assert act("resume", made).status_code == 200
    assert act("cancel", made).json()["status"] == "cancelled"
    assert set(Job.unscoped.values_list("status", flat=True)) == {"cancelled"}
    entries = AuditEntry.objects.for_account(account).order_by("pk")
    assert [(entry.action, entry.details["recipients"]) for entry in entries] == [
        ("campaign.pause", 2),
        ("campaign.resume", 3),
        ("campaign.cancel", 3),
    ]


def test_where_one_job_cannot_be_paused_none_is(account):
    campaigns_of.contact(account, labels=["vip"])
    now = timezone.now()
    made = campaigns_of.campaign(account, recurrence="daily", scheduled_at=now, recurs_from=now)
    under_way_at_once(made, now, 2)
    jobs = list(Job.unscoped.order_by("pk"))
    Job.unscoped.filter(pk=jobs[1].pk).update(status="completed", finished_at=now)  # since they were read
    noted = []
    with pytest.raises(IllegalTransition):
        control.pause_all(jobs, note=noted.append)
    assert not noted
    assert list(Job.unscoped.order_by("pk").values_list("status", flat=True)) == ["pending", "completed"]


def test_retry_failed(act, account, running):
    job = Job.unscoped.get()
    Recipient.objects.filter(job=job).update(state="failed", error_code="gateway_error")
    Job.unscoped.filter(pk=job.pk).update(failed=2, status="completed", finished_at=timezone.now())
    answer = act("retry_failed", running).json()
    assert (answer["status"], answer["delivery_stats"]["pending"]) == ("running", 2)


def test_recipients_and_export_are_the_jobs(act, account, running):
    rows = act("recipients", running).json()
    assert [row["text"] for row in rows["results"]] == ["Hola Ana", "Hola Eva"]
    assert act("recipients?limit=1", running).json()["next"] == "0"
    assert act("recipients?state=sent", running).json()["results"] == []
    exported = b"".join(act("export.csv", running).streaming_content).decode("utf-8-sig")
    assert [row[-1] for row in csv.reader(io.StringIO(exported), delimiter="|")] == ["name", "Ana", "Eva"]


def test_before_the_launch_there_are_none(act, account):
    made = campaigns_of.campaign(account)
    assert act("recipients", made).json() == {"results": [], "next": None}
    assert refused(act("export.csv", made), 409, "campaign_not_launched")


def test_a_job_paused_by_the_engine_says_why(act, account, running):
    resting.hold(Job.unscoped.get(), "no_devices_left")
    [shown] = (
        people.api(campaigns_of.member(of=account))
        .get(f"/api/v1/accounts/{account.pk}/whatsapp_api_campaigns")
        .json()["results"]
    )
    assert (shown["status"], shown["description"][:24]) == ("paused", "Ningún device puede envi")
