"""A job over many devices is as light as one over few: what people and programs ask often, by its statements."""

import time

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts.encryption import EncryptedTextField
from accounts.models import Role
from devices.models import Device, Lane
from jobs import forecast, waits
from jobs.forecast import Sender
from jobs.live.snapshot import job_now
from jobs.live.thinning import REFILL_PER_SECOND
from jobs.models import EVENT_BURST
from jobs.pages import job_pages
from jobs.waits import Wait
from tests.accounts import people
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import ago, record, sending_one, sent
from tests.statements import statements_of

pytestmark = pytest.mark.django_db
FEW, MANY = 3, 60


@pytest.fixture
def account():
    return make_account()


@pytest.fixture
def decrypted(monkeypatch):
    """One entry for each token that is decrypted, which takes as long as all else that is done for a device."""
    opened = []
    decrypt = EncryptedTextField.from_db_value
    monkeypatch.setattr(
        EncryptedTextField, "from_db_value", lambda *args: (opened.append(1), decrypt(*args))[1] if args[1] else args[1]
    )
    return opened


def over(account, number, **fields):
    """A job under way over so many devices, each with its lane."""
    devices = tuple(make_device(account, **{"messages_per_minute": 12, **fields}) for _ in range(number))
    Lane.objects.bulk_create([Lane(device=device) for device in devices])
    return make_job(account, 100, devices, devices_limit=1000)


def live(job):
    return reverse("admin:jobs_job_live", args=[job.uuid])


@pytest.fixture
def browser(account):
    return people.browser(people.member(account, Role.AGENT))


@pytest.fixture
def program(account):
    return people.api(people.member(account, Role.AGENT))


@pytest.mark.parametrize(
    "ask",
    [
        lambda job, browser, program: program.get(f"/jobs/{job.uuid}"),
        lambda job, browser, program: program.get("/jobs"),
        lambda job, browser, program: browser.get(live(job)),
        lambda job, browser, program: browser.get("/admin/jobs/job/"),
        lambda job, browser, program: browser.get("/admin/jobs/job/new/"),
        lambda job, browser, program: browser.get("/admin/"),
        lambda job, browser, program: job_now(job.account, str(job.uuid)),
        lambda job, browser, program: forecast.outlook(job, timezone.now()),
        lambda job, browser, program: waits.waits(job, timezone.now()),
    ],
    ids=["detail", "list", "live page", "list page", "new job", "panel", "snapshot", "forecast", "waits"],
)
def test_it_takes_no_more_statements_and_no_token_is_decrypted(account, browser, program, decrypted, ask):
    few, many = over(account, FEW), over(account, MANY)
    ask(few, browser, program)  # what is read once in a session
    decrypted.clear()
    asked = [statements_of(lambda job=job: ask(job, browser, program)) for job in (few, many)]
    assert len(asked[0]) == len(asked[1])
    assert decrypted == []


def test_the_api_names_them_all(account, program):
    job = over(account, MANY)
    named = program.get(f"/jobs/{job.uuid}").json()["devices"]
    assert sorted(device["id"] for device in named) == sorted(job.devices.values_list("pk", flat=True))
    assert named[0].keys() == {"id", "name", "status"}


def test_the_page_shows_those_in_trouble_first_and_says_how_many_there_are(account, browser, monkeypatch):
    monkeypatch.setattr(job_pages, "DEVICES_SHOWN", 2)
    job = over(account, 3)
    out = make_device(account, name="Zulia", status="disconnected", status_reason="instance_closed")
    job.job_devices.create(device=out)
    html = browser.get(live(job)).content.decode()
    shown = html.split('id="devices"')[1].split("</section>")[0]
    assert shown.count("<li ") == 2
    assert shown.index("Zulia") < shown.index("Device ")
    assert "Pueden enviar ahora 3 de 4." in shown
    assert "2 no se muestran" in shown


def test_before_its_start_the_page_names_some_of_those_asked_for(account, browser, monkeypatch):
    monkeypatch.setattr(job_pages, "DEVICES_SHOWN", 2)
    devices = [make_device(account, name=name) for name in ("Ana", "Eva", "Ida")]
    asked_for = [device.pk for device in devices]
    job = make_job(account, 1, status="pending", started_at=None, requested_device_ids=asked_for)
    assert "Ana, Eva y 1 más" in browser.get(live(job)).content.decode()


def test_the_list_names_one_and_counts_the_others(account, browser):
    job = over(account, MANY)
    html = browser.get("/admin/jobs/job/").content.decode()
    assert job.devices.order_by("pk").first().name in html
    assert f"+{MANY - 1}</span>" in html


# --- How fast, until when, and what for ------------------------------------------------------------------------------


def test_devices_that_can_do_the_same_are_one_sender(account):
    job = over(account, 40)
    for _ in range(20):
        job.job_devices.create(device=make_device(account, messages_per_minute=6, daily_limit=50))
    now = timezone.now()
    assert forecast._senders(job, now) == ({Sender(12): 40, Sender(6, 50): 20}, None)
    assert forecast.outlook(job, now).rate_per_minute == 600.0


def test_what_a_device_sent_today_counts_only_against_a_limit(account):
    limited, free = (make_device(account, messages_per_minute=60, daily_limit=limit) for limit in (100, None))
    job = make_job(account, 150, (limited, free))
    now = timezone.now()
    for device in (limited, free):
        Lane.objects.create(device=device, day=now.date(), day_count=90)
    assert forecast._senders(job, now) == ({Sender(60, 100, begun_today=90): 1, Sender(60): 1}, None)


def test_the_one_that_may_send_is_found_after_many_that_may_not(account):
    job = over(account, MANY, status="disconnected", status_reason="connection_closed", next_check_at=ago(-60))
    last = job.devices.order_by("pk").last()
    sooner = ago(-20)
    Device.unscoped.filter(pk=last.pk).update(next_check_at=sooner)
    assert waits.waits(job, timezone.now()) == [Wait("device_out", None, sooner)]
    Device.unscoped.filter(pk=last.pk).update(status="connected")
    assert waits.waits(job, timezone.now()) == []


def test_where_none_of_the_first_may_send_the_others_are_asked_for_together(account):
    few, many = (over(account, number, status="disconnected") for number in (FEW, MANY))
    asked = [len(statements_of(lambda job=job: waits.waits(job, timezone.now()))) for job in (few, many)]
    assert asked == [2, 3]


# --- Events and counters ---------------------------------------------------------------------------------------------


def job_rows_written():
    """How often a row of a job was written in this transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_get_xact_tuples_updated('jobs_job'::regclass)")
        return cursor.fetchone()[0]


def test_what_many_devices_did_is_counted_in_one_write_of_the_job_and_told_in_one_more(account):
    job = make_job(account, MANY)
    devices = [make_device(account) for _ in range(MANY)]
    outcomes = [sent(sending_one(one, device)) for one, device in zip(job.recipients.in_order(), devices, strict=True)]
    before = job_rows_written()
    told = record(*outcomes).events
    assert job_rows_written() - before == 2
    assert len(told) == MANY
    job.refresh_from_db()
    assert job.sent == MANY


def test_the_events_of_many_devices_and_processes_are_as_few_as_those_of_one(account):
    job = make_job(account, EVENT_BURST + 40)
    began = time.monotonic()
    told = [
        event
        for one in job.recipients.in_order()
        for event in record(sent(sending_one(one, make_device(account)))).events  # each by a process of its own
    ]
    most = EVENT_BURST + REFILL_PER_SECOND * (time.monotonic() - began) + 1
    assert EVENT_BURST <= len(told) <= most
    assert [event["seq"] for event in told] == list(range(1, len(told) + 1))
