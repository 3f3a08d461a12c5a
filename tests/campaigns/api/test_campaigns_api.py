"""`/api/v1/accounts/{id}/whatsapp_api_campaigns`: made, read, changed, deleted, listed."""

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Account, AuditEntry, Role
from campaigns.launch import drafting, launching
from campaigns.models import Campaign, Segment
from jobs.models import Job, JobPart, Recipient
from tests.accounts import people
from tests.campaigns import campaigns_of
from tests.factories import make_device

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_media_directory(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def admin():
    return campaigns_of.member()


@pytest.fixture
def account(admin):
    return admin.account


@pytest.fixture
def client(admin):
    return people.api(admin)


@pytest.fixture
def address(account):
    return f"/api/v1/accounts/{account.pk}/whatsapp_api_campaigns"


def body(**more):
    fields = {"title": "Rebajas", "message": "Hola {{name}}", "audience": {"labels": ["vip"]}, **more}
    return {name: value for name, value in fields.items() if value is not ...}


def post(client, address, fields=None):
    return client.post(address, fields or {}, content_type="application/json")


def create(client, address, **more):
    return post(client, address, body(**more))


def patch(client, address, **fields):
    return client.patch(address, fields, content_type="application/json")


def errors(answer):
    assert answer.status_code == 400, answer.content
    return {(one["field"], one["code"]) for one in answer.json()["errors"]}


def refused(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    return True


ZEROS = {
    "total": 0,
    "pending": 0,
    "sent": 0,
    "delivered": 0,
    "read": 0,
    "replied": 0,
    "failed": 0,
    "suppressed": 0,
    "unknown": 0,
}


def test_a_campaign_is_made(client, address, account, admin):
    answer = create(client, address, scheduled_at="2027-01-15T20:00:00-05:00", time_zone="America/Lima")
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert made == {
        "id": made["id"],
        "title": "Rebajas",
        "kind": "commercial",
        "message": "Hola {{name}}",
        "variants": [],
        "audience": {"labels": ["vip"]},
        "segment_id": None,
        "scheduled_at": "2027-01-16T01:00:00Z",
        "time_zone": "America/Lima",
        "recurrence": "",
        "sending_window": {},
        "status": "pending",
        "multimedia": {},
        "delivery_stats": ZEROS,
        "receipts": None,
        "sender_id": admin.user_id,
        "description": "",
        "devices": [],
        "devices_limit": 5,
        "allow_missing": False,
        "way_out": False,
        "canary": True,
        "job_id": None,
        "created_at": made["created_at"],
        "updated_at": made["updated_at"],
    }
    assert client.get(f"{address}/{made['id']}/").json() == made
    assert client.get(address).json() == {"next": None, "previous": None, "results": [made]}
    entry = AuditEntry.objects.for_account(account).get()
    assert (entry.action, entry.details) == ("campaign.created", {"id": made["id"]})


def test_what_is_derived_cannot_be_written(client, address, admin):
    other = people.user()
    given = {"sender_id": other.pk, "status": "completed", "delivery_stats": {"total": 5}, "job_id": "x"}
    made = create(client, address, **given, description="x").json()
    assert made["sender_id"] == admin.user_id
    assert (made["status"], made["delivery_stats"], made["job_id"], made["description"]) == ("pending", ZEROS, None, "")


def test_a_campaign_is_commercial_unless_it_is_said_to_be_of_service(client, address, account):
    assert create(client, address, kind="service").json()["kind"] == "service"
    made = create(client, address).json()
    assert made["kind"] == "commercial"
    changed = patch(client, f"{address}/{made['id']}", kind="service")
    assert changed.json()["kind"] == "service"
    for kind in ("", "rara", None, ["service"]):
        assert {field for field, _ in errors(create(client, address, kind=kind))} == {"kind"}


def test_the_time_zone_is_the_accounts_unless_told(client, address, account):
    Account.objects.filter(pk=account.pk).update(time_zone="America/Bogota")
    assert create(client, address).json()["time_zone"] == "America/Bogota"


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"title": ...}, "title", "required"),
        ({"title": ""}, "title", "blank"),
        ({"title": "x" * 201}, "title", "max_length"),
        ({"message": ...}, "message", "message_missing"),
        ({"message": "  \n "}, "message", "message_missing"),
        ({"message": "x" * 65_537}, "message", "too_long"),
        ({"message": "a\0b"}, "message", "null_characters_not_allowed"),
        ({"variants": [{"text": "uno"}]}, "variants", "variants_invalid"),
        ({"variants": ["uno", "dos"]}, "variants", "variants_invalid"),
        ({"variants": [{"text": "uno"}, {"text": " "}]}, "variants", "variants_invalid"),
        ({"variants": [{"text": "uno"}, {"text": "dos", "weight": 0}]}, "variants", "weight_invalid"),
        ({"variants": [{"text": "uno"}, {"text": "dos", "weight": 1.5}]}, "variants", "weight_invalid"),
        ({"variants": [{"text": "uno"}, {"text": "dos", "weight": True}]}, "variants", "weight_invalid"),
        ({"variants": [{"text": "uno"}, {"text": "x" * 65_537}]}, "variants", "too_long"),
        ({"variants": [{"text": str(n)} for n in range(11)]}, "variants", "variants_invalid"),
        ({"scheduled_at": "2027-01-15T20:00:00"}, "scheduled_at", "offset_missing"),
        ({"scheduled_at": "2027-01-15"}, "scheduled_at", "offset_missing"),
        ({"scheduled_at": "mañana"}, "scheduled_at", "moment_invalid"),
        ({"scheduled_at": 5}, "scheduled_at", "moment_invalid"),
        ({"scheduled_at": "0001-01-01T00:00:00+10:00"}, "scheduled_at", "moment_invalid"),
        ({"scheduled_at": "0001-01-01T00:00:00Z", "recurrence": "daily"}, "scheduled_at", "moment_out_of_range"),
        ({"scheduled_at": "1999-12-31T23:59:59Z"}, "scheduled_at", "moment_out_of_range"),
        ({"scheduled_at": "9999-12-31T23:59:59Z"}, "scheduled_at", "moment_out_of_range"),
        ({"time_zone": "Marte/Olympus"}, "time_zone", "time_zone_unknown"),
        ({"time_zone": "../etc/passwd"}, "time_zone", "time_zone_unknown"),
        ({"recurrence": "a veces"}, "recurrence", "recurrence_invalid"),
        ({"recurrence": "61 * * * *"}, "recurrence", "recurrence_invalid"),
        ({"recurrence": "0 0 30 2 *"}, "recurrence", "recurrence_never"),
        ({"recurrence": "daily"}, "recurrence", "recurrence_without_start"),
        ({"sending_window": {"start": "20:00", "end": "09:00"}}, "sending_window", "window_invalid"),
        ({"sending_window": {"start": "9", "end": "10:00"}}, "sending_window", "window_invalid"),
        ({"sending_window": {"start": "09:00", "end": "10:00", "weekdays": [7]}}, "sending_window", "window_invalid"),
        ({"sending_window": "siempre"}, "sending_window", "not_an_object"),
        ({"devices": [0]}, "devices.0", "min_value"),
        ({"devices": [987654321]}, "devices", "devices_unknown"),
        ({"devices": "1"}, "devices", "not_a_list"),
        ({"devices_limit": 0}, "devices_limit", "min_value"),
        ({"devices_limit": 1001}, "devices_limit", "max_value"),
        ({"segment_id": 987654321}, "segment_id", "does_not_exist"),
        ({"audience": []}, "audience", "wrong_type"),
        ({"audience": {"etiquetas": ["vip"]}}, "audience.etiquetas", "unknown_key"),
        ({"audience": {"labels": "vip"}}, "audience.labels", "wrong_type"),
        ({"audience": {"labels": [1]}}, "audience.labels.0", "wrong_type"),
        ({"audience": {"contact_ids": [987654321]}}, "audience", "contacts_unknown"),
        (
            {"audience": {"custom_attributes": {"edad": {"op": "mayor", "value": 1}}}},
            "audience.custom_attributes.edad.op",
            "unknown_operator",
        ),
        ({"audience": {"exclude": {"exclude": {}}}}, "audience.exclude.exclude", "unknown_key"),
        ({"audience": {"\ud800": 1}}, "audience.?", "unknown_key"),
        ({"audience": {"custom_attributes": {"\ud800": 1}}}, "audience.custom_attributes.?", "wrong_type"),
        ({"multimedia": {"type": ["image"], "url": "https://x.com/a.png"}}, "multimedia", "multimedia_type"),
        ({"multimedia": {"type": "sticker", "url": "https://x.com/a.webp"}}, "multimedia", "multimedia_type"),
        ({"multimedia": {"type": "image"}}, "multimedia", "multimedia_url"),
        ({"multimedia": {"type": "image", "url": "ftp://x.com/a.jpg"}}, "multimedia", "multimedia_url"),
        ({"multimedia": {"type": "image", "url": "https://u:p@x.com/a.jpg"}}, "multimedia", "multimedia_url"),
        ({"multimedia": {"type": "image", "url": "https://x.com/a", "size": 1}}, "multimedia", "multimedia_key"),
        (
            {"multimedia": {"type": "image", "url": "https://x.com/a", "filename": "../a"}},
            "multimedia",
            "multimedia_filename",
        ),
        ({"multimedia": "https://x.com/a.jpg"}, "multimedia", "not_an_object"),
    ],
)
def test_what_is_refused(client, address, fields, field, code):
    assert errors(create(client, address, **fields)) == {(field, code)}
    assert not Campaign.unscoped.exists()


def test_a_broken_body_is_400(client, address):
    assert client.post(address, "{", content_type="application/json").status_code == 400
    assert post(client, address, [1, 2]).status_code == 400


NEW_YORK = {"time_zone": "America/New_York"}


@pytest.mark.parametrize("offset", ["-05:00", "-04:00"])
def test_a_time_that_the_clock_skips_is_refused(client, address, offset):
    answer = create(client, address, scheduled_at=f"2027-03-14T02:30:00{offset}", **NEW_YORK)
    assert errors(answer) == {("scheduled_at", "time_skipped")}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2027-11-07T01:30:00-04:00", "2027-11-07T05:30:00Z"),  # before the clock goes back
        ("2027-11-07T01:30:00-05:00", "2027-11-07T06:30:00Z"),  # ... and after
        ("2027-03-14T02:30:00Z", "2027-03-14T02:30:00Z"),  # nobody's clock: an instant
        ("2027-03-14T03:30:00-04:00", "2027-03-14T07:30:00Z"),
    ],
)
def test_a_time_that_comes_twice_is_told_apart_by_its_offset(client, address, written, meant):
    assert create(client, address, scheduled_at=written, **NEW_YORK).json()["scheduled_at"] == meant


def test_of_a_time_without_offset_nothing_is_guessed(client, address):
    answer = create(client, address, scheduled_at="2027-11-07T01:30:00", **NEW_YORK)
    assert errors(answer) == {("scheduled_at", "offset_missing")}


def test_variants_instead_of_a_message(client, address):
    made = create(client, address, message=..., variants=[{"text": "uno", "weight": 3}, {"text": "dos"}])
    assert made.status_code == 201, made.content
    assert made.json()["variants"] == [{"text": "uno", "weight": 3}, {"text": "dos", "weight": 1}]
    assert made.json()["message"] == ""


def test_a_cron_campaign_runs_first_when_its_cron_says(client, address):
    made = create(client, address, recurrence="0 9 * * *", time_zone="America/Lima").json()
    first = datetime.fromisoformat(made["scheduled_at"])
    assert (first.hour, first.minute) == (14, 0)
    assert timezone.now() < first < timezone.now() + timedelta(days=1, minutes=1)


def test_a_segment_or_an_audience_of_its_own(client, address, account):
    segment = Segment.unscoped.create(account=account, name="VIP", audience={"labels": ["vip"]})
    assert errors(create(client, address, segment_id=segment.pk)) == {("segment_id", "segment_and_audience")}
    made = create(client, address, segment_id=segment.pk, audience=...)
    assert made.json()["segment_id"] == segment.pk


def test_a_campaign_is_changed(client, address, account):
    device = make_device(account)
    made = create(client, address).json()
    answer = patch(client, f"{address}/{made['id']}", title="Otra", devices=[device.pk], multimedia=None)
    assert answer.status_code == 200, answer.content
    changed = answer.json()
    assert {name for name in made if made[name] != changed[name]} <= {"title", "devices", "updated_at"}
    assert (changed["title"], changed["devices"]) == ("Otra", [device.pk])
    assert errors(patch(client, f"{address}/{made['id']}", message=" ")) == {("message", "message_missing")}
    assert errors(patch(client, f"{address}/{made['id']}", scheduled_at="2027-01-01")) == {
        ("scheduled_at", "offset_missing")
    }


def test_another_cron_has_another_first_time(client, address):
    made = create(client, address, recurrence="0 9 * * *", time_zone="UTC").json()
    changed = patch(client, f"{address}/{made['id']}", recurrence="30 10 * * *").json()
    assert changed["scheduled_at"].endswith("T10:30:00Z")
    changed = patch(client, f"{address}/{made['id']}", time_zone="America/Lima").json()
    assert changed["scheduled_at"].endswith("T15:30:00Z")


def test_a_new_time_lets_a_missed_campaign_wait_for_it(client, address, account):
    missed = campaigns_of.campaign(
        account, missed_at=timezone.now(), note_code="as_written", note_details={"text": "tarde"}, status="failed"
    )
    answer = patch(client, f"{address}/{missed.pk}", scheduled_at="2027-01-15T20:00:00-05:00").json()
    assert (answer["status"], answer["description"]) == ("pending", "")
    missed.refresh_from_db()
    assert missed.missed_at is None


def test_a_launched_campaign_is_no_longer_edited(client, address, account):
    campaigns_of.contact(account, labels=["vip"])
    launched = campaigns_of.campaign(account)
    campaigns_of.launched(launched, timezone.now())
    assert refused(patch(client, f"{address}/{launched.pk}", title="Otra"), 409, "campaign_launched")
    launched.refresh_from_db()
    assert launched.title == "Rebajas"


def test_status_and_stats_are_those_of_the_run(client, address, account):
    for name in ("Ana", "Eva", "Luz"):
        campaigns_of.contact(account, labels=["vip"], name=name)
    out = campaigns_of.contact(account, labels=["vip"], opted_out_at=timezone.now())
    make_device(account)
    made = campaigns_of.campaign(account)
    run = campaigns_of.started(made, timezone.now())
    answer = client.get(f"{address}/{made.pk}").json()
    assert (answer["status"], answer["job_id"]) == ("running", str(run.job.uuid))
    assert answer["delivery_stats"] == {**ZEROS, "total": 4, "pending": 3, "suppressed": 1}

    ids = list(Recipient.objects.filter(job=run.job).exclude(contact_id=out.pk).values_list("pk", flat=True))
    now = timezone.now()
    Recipient.objects.filter(pk=ids[0]).update(state="read", sent_at=now)
    Recipient.objects.filter(pk=ids[1]).update(state="sent", sent_at=now)
    Recipient.objects.filter(pk=ids[2]).update(state="unknown")
    Job.unscoped.filter(pk=run.job_id).update(replied=1)
    [listed] = client.get(address).json()["results"]
    assert listed["delivery_stats"] == {
        **ZEROS,
        "total": 4,
        "sent": 2,
        "delivered": 1,
        "read": 1,
        "replied": 1,
        "suppressed": 1,
        "unknown": 1,
    }


def test_receipts_are_those_of_the_run(client, address, account):
    campaigns_of.contact(account, labels=["vip"])
    device = make_device(account)
    made = campaigns_of.campaign(account)
    assert refused(client.get(f"{address}/{made.pk}/receipts"), 409, "campaign_not_launched")
    job = campaigns_of.launched(made, timezone.now()).job
    Job.unscoped.filter(pk=job.pk).update(sent=1, delivered=1, read=1)
    JobPart.objects.create(job=job, device_id=device.pk, variant=0, delivered=1, read=1)
    receipts = client.get(f"{address}/{made.pk}").json()["receipts"]
    assert (receipts["delivered"], receipts["read_rate"], receipts["replied"]) == (1, 100.0, 0)
    whole = client.get(f"{address}/{made.pk}/receipts").json()
    assert ({**receipts, **whole}, whole["by_variant"]) == (whole, [])
    assert [(one["device_id"], one["read"]) for one in whole["by_device"]] == [(device.pk, 1)]


def test_only_an_administrator_deletes_and_only_what_is_not_running(client, address, account):
    campaigns_of.contact(account, labels=["vip"])
    waiting, running = campaigns_of.campaign(account), campaigns_of.campaign(account)
    run = campaigns_of.launched(running, timezone.now())
    agent = people.api(people.member(account, Role.AGENT))
    assert agent.delete(f"{address}/{waiting.pk}").status_code == 403
    assert client.delete(f"{address}/{waiting.pk}").status_code == 204
    assert client.get(f"{address}/{waiting.pk}").status_code == 404
    assert refused(client.delete(f"{address}/{running.pk}"), 409, "campaign_running")
    assert post(client, f"{address}/{running.pk}/cancel").json()["status"] == "cancelled"
    assert client.delete(f"{address}/{running.pk}").status_code == 204
    run.job.refresh_from_db()  # what was sent stays on record


def test_lists_are_searched_filtered_ordered_and_paged(client, address, account, admin):
    later, sooner = datetime(2027, 2, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    a = campaigns_of.campaign(account, title="Abril", scheduled_at=later, sender=admin.user)
    b = campaigns_of.campaign(account, title="Bazar", message="Oferta", scheduled_at=sooner)
    c = campaigns_of.campaign(account, title="Cierre", status="cancelled", kind="service")
    campaigns_of.campaign(campaigns_of.account(), title="Ajena")

    def ids(query):
        answer = client.get(f"{address}?{query}")
        assert answer.status_code == 200, answer.content
        return [row["id"] for row in answer.json()["results"]]

    assert ids("") == [c.pk, b.pk, a.pk]
    assert ids("search=ofer") == [b.pk]
    assert ids("status=cancelled") == ids("kind=service") == [c.pk]
    assert ids("kind=commercial") == [b.pk, a.pk]
    assert ids("status=pending&ordering=title") == [a.pk, b.pk]
    assert ids("ordering=scheduled_at") == [b.pk, a.pk]
    assert ids(f"sender_id={admin.user_id}") == [a.pk]
    first = client.get(f"{address}?limit=2").json()
    second = client.get(first["next"]).json()
    assert [row["id"] for row in first["results"] + second["results"]] == [c.pk, b.pk, a.pk]
    assert second["next"] is None
    for query in ("status=rara", "kind=rara", "sender_id=x", "ordering=password", "limit=0", "cursor=zzz"):
        assert client.get(f"{address}?{query}").status_code == 400, query


# --- The feature flag, roles and other accounts ---------------------------------------------------------


CALLS = [
    ("get", ""),
    ("post", ""),
    ("get", "/{id}"),
    ("patch", "/{id}"),
    ("delete", "/{id}"),
    *[
        ("post", f"/{{id}}/{name}")
        for name in ("trigger", "preview", "test", "pause", "resume", "cancel", "retry_failed", "multimedia")
    ],
    ("get", "/{id}/recipients"),
    ("get", "/{id}/export.csv"),
]


def call(client, method, address, fields=None):
    if address.endswith("/multimedia"):
        return client.post(address, {"type": "image", "file": SimpleUploadedFile("a.png", b"png")})
    if method == "get":
        return client.get(address)
    return getattr(client, method)(address, json.dumps(fields or {}), content_type="application/json")


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_without_the_feature_every_call_is_refused(client, address, account, method, path):
    made = campaigns_of.campaign(account)
    Account.objects.filter(pk=account.pk).update(whatsapp_api_campaigns=False)
    assert refused(call(client, method, address + path.format(id=made.pk)), 403, "feature_disabled")


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_another_accounts_campaigns_do_not_exist(client, address, account, method, path):
    theirs = campaigns_of.campaign(campaigns_of.account())
    before = Campaign.unscoped.filter(pk=theirs.pk).values().get()
    elsewhere = f"/api/v1/accounts/{theirs.account_id}/whatsapp_api_campaigns"
    assert call(client, method, elsewhere + path.format(id=theirs.pk)).status_code == 404
    if path:
        assert call(client, method, address + path.format(id=theirs.pk)).status_code == 404
    assert Campaign.unscoped.filter(pk=theirs.pk).values().get() == before


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_viewer_only_reads(account, address, method, path):
    viewer = people.api(people.member(account, Role.VIEWER))
    made = campaigns_of.campaign(account)
    answer = call(viewer, method, address + path.format(id=made.pk))
    assert (answer.status_code == 403) == (method != "get")


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_nobody_gets_nothing(address, account, method, path):
    made = campaigns_of.campaign(account)
    assert call(Client(), method, address + path.format(id=made.pk)).status_code == 401


def test_other_accounts_rows_in_a_body_are_refused(client, address):
    other = campaigns_of.account()
    device, contact = make_device(other), campaigns_of.contact(other)
    segment = Segment.unscoped.create(account=other, name="Suyo", audience={})
    assert errors(create(client, address, devices=[device.pk])) == {("devices", "devices_unknown")}
    assert errors(create(client, address, segment_id=segment.pk)) == {("segment_id", "does_not_exist")}
    for audience in ({"contact_ids": [contact.pk]}, {"exclude": {"contact_ids": [contact.pk]}}):
        assert errors(create(client, address, audience=audience)) == {("audience", "contacts_unknown")}


# --- Segments ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recurrence", ["", "daily", "0 9 * * *"])
def test_a_time_that_has_gone_by_is_refused_but_for_a_minute(client, account, address, recurrence):
    def at(seconds):
        return (timezone.now() - timedelta(seconds=seconds)).isoformat()

    made = create(client, address, recurrence=recurrence, scheduled_at=at(40)).json()
    assert made["status"] == "pending"
    assert errors(create(client, address, recurrence=recurrence, scheduled_at=at(90))) == {
        ("scheduled_at", "moment_passed")
    }
    assert errors(patch(client, f"{address}/{made['id']}", scheduled_at=at(90))) == {("scheduled_at", "moment_passed")}


def test_segments(client, account):
    address = f"/api/v1/accounts/{account.pk}/segments"
    made = post(client, address, {"name": "VIP", "audience": {"labels": ["vip"]}})
    assert made.status_code == 201, made.content
    segment = made.json()
    assert segment == {
        "id": segment["id"],
        "name": "VIP",
        "audience": {"labels": ["vip"]},
        "created_at": segment["created_at"],
    }
    assert client.get(address).json()["results"] == [segment]
    assert errors(post(client, address, {"name": "VIP", "audience": {}})) == {("name", "name_taken")}
    assert errors(post(client, address, {"name": "B", "audience": {"x": 1}})) == {("audience.x", "unknown_key")}
    assert patch(client, f"{address}/{segment['id']}", name="Oro").json()["name"] == "Oro"
    campaigns_of.campaign(account, segment_id=segment["id"], audience={})
    assert refused(client.delete(f"{address}/{segment['id']}"), 409, "in_use")
    Campaign.unscoped.all().delete()
    assert client.delete(f"{address}/{segment['id']}").status_code == 204

    theirs = Segment.unscoped.create(account=campaigns_of.account(), name="Suyo", audience={})
    assert client.get(f"{address}/{theirs.pk}").status_code == 404
    assert patch(client, f"{address}/{theirs.pk}", name="Mío").status_code == 404
    assert client.delete(f"{address}/{theirs.pk}").status_code == 404


# --- Deleted meanwhile -----------------------------------------------------------------------------------


def before(monkeypatch, where, name, happens):
    """Let something happen just before a function of the domain runs."""
    real = getattr(where, name)
    monkeypatch.setattr(where, name, lambda *args: (happens(), real(*args))[1])


@pytest.mark.parametrize("call", ["patch", "delete", "trigger"])
def test_a_campaign_that_somebody_deletes_meanwhile_is_gone(client, account, address, monkeypatch, call):
    made = campaigns_of.campaign(account)
    where, name = {"patch": (drafting, "change"), "delete": (drafting, "delete"), "trigger": (launching, "trigger")}[
        call
    ]
    before(monkeypatch, where, name, Campaign.unscoped.filter(pk=made.pk).delete)
    answer = {
        "patch": lambda: patch(client, f"{address}/{made.pk}", title="Otra"),
        "delete": lambda: client.delete(f"{address}/{made.pk}"),
        "trigger": lambda: post(client, f"{address}/{made.pk}/trigger"),
    }[call]()
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("call", ["create", "patch"])
def test_a_segment_that_somebody_deletes_meanwhile_is_none(client, account, address, monkeypatch, call):
    segment = Segment.unscoped.create(account=account, name="Vip", audience={"labels": ["vip"]})
    made = campaigns_of.campaign(account, audience={})
    before(monkeypatch, drafting, {"create": "create", "patch": "change"}[call], Segment.unscoped.all().delete)
    if call == "create":
        answer = create(client, address, audience=..., segment_id=segment.pk)
    else:
        answer = patch(client, f"{address}/{made.pk}", segment_id=segment.pk)
    assert (answer.status_code, [(e["field"], e["code"]) for e in answer.json()["errors"]]) == (
        400,
        [("segment_id", "does_not_exist")],
    )
    assert Campaign.unscoped.get().segment_id is None


@pytest.mark.django_db(transaction=True)
def test_a_segment_that_a_campaign_takes_up_meanwhile_stays(client, account, monkeypatch):
    segment = Segment.unscoped.create(account=account, name="Vip", audience={"labels": ["vip"]})

    def take_up() -> None:
        try:
            campaigns_of.campaign(account, audience={}, segment=segment)
        finally:
            connection.close()

    def delete(self) -> None:
        # As Django does it where it saw no campaign a moment before.
        taking_up = threading.Thread(target=take_up)
        taking_up.start()
        taking_up.join()
        Segment.unscoped.filter(pk=self.pk)._raw_delete("default")

    monkeypatch.setattr(Segment, "delete", delete)
    answer = client.delete(f"/api/v1/accounts/{account.pk}/segments/{segment.pk}")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert [one["message"] for one in answer.json()["errors"]] == ["Rebajas"]
    assert Segment.unscoped.exists()
