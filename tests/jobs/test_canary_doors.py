"""The canary at its doors: how it is switched off, what is shown of it, and a person's word on it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, Role
from devices.models import Device
from jobs.models import Job, Recipient, Suppression
from jobs.sending import dispatch
from tests.accounts import people
from tests.factories import make_job
from tests.jobs.uploads import Sender

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("said", "wanted"), [(None, True), ("", True), ("true", True), ("false", False)])
def test_an_upload_says_whether_it_is_wanted(sender: Sender, said: str | None, wanted: bool) -> None:
    assert sender.upload(canary=said).status_code == 200
    assert Job.unscoped.get().canary_wanted is wanted


def test_it_is_true_or_false(sender: Sender) -> None:
    answer = sender.upload(canary="quizás")
    assert (answer.status_code, answer.json()["code"]) == (400, "canary_invalid")


def test_without_it_the_same_upload_is_another_one(sender: Sender) -> None:
    first = sender.upload(key="k").json()["job"]["id"]
    assert sender.upload(key="k", canary="true").json()["job"]["id"] == first
    assert sender.upload(key="k", canary="false").status_code == 409


def test_the_page_of_a_new_job_offers_to_do_without(sender: Sender, settings) -> None:
    browser = people.browser(sender.membership)
    shown = browser.get(reverse("admin:jobs_job_new")).content.decode()
    assert 'name="canary" value="false"' in shown
    assert "va primero a 100" in shown
    settings.CANARY_SIZE = 0
    assert 'name="canary"' not in browser.get(reverse("admin:jobs_job_new")).content.decode()


@pytest.fixture
def held(sender: Sender, settings) -> Job:
    """One of whose first five four were sent, two delivered and one refused; one opted out."""
    settings.CANARY_SIZE, settings.CANARY_ABOVE = 5, 5
    job = make_job(sender.account, 2000, status="pending", started_at=None)
    dispatch.start(job.pk)
    rows = Recipient.objects.filter(job=job)
    tried = {"tries": 1, "device": sender.device}
    now = timezone.now()
    rows.filter(position__lt=2).update(state="delivered", sent_at=now, delivered_at=now, **tried)
    rows.filter(position=2).update(state="sent", sent_at=now, **tried)
    rows.filter(position=3).update(
        state="failed", error_code="not_delivered", sent_at=now, failed_after_at=now, **tried
    )
    rows.filter(position=4).update(state="failed", error_code="not_on_whatsapp", **tried)
    Suppression.unscoped.create(account=sender.account, phone=rows.get(position=0).phone)
    reason = {"status": "paused", "state_reason": "canary_opt_outs", "canary_state": "held"}
    Job.unscoped.filter(pk=job.pk).update(canary_until=now + timedelta(minutes=5), **reason)
    job.refresh_from_db()
    return job


def test_the_api_tells_its_figures(sender: Sender, held: Job) -> None:
    answer = sender.client.get(f"/jobs/{held.uuid}").json()
    assert answer["state_reason"] == "canary_opt_outs"
    told = answer["canary"]
    assert told.pop("until") is not None
    assert told == {
        "state": "held",
        "recipients": 5,
        "sent": 4,
        "delivered": 2,
        "refused": 1,
        "failed": 1,
        "unheard": 1,
        "opted_out": 1,
    }


def test_a_person_resumes_it_by_the_api_and_that_is_its_end(sender: Sender, held: Job) -> None:
    answer = sender.client.post(f"/jobs/{held.uuid}/resume").json()
    assert (answer["status"], answer["state_reason"], answer["canary"]["state"]) == ("processing", "", "overruled")
    assert AuditEntry.unscoped.get(action="job.resume").details["id"] == str(held.uuid)


def test_the_jobs_page_shows_them_and_lets_a_person_decide(sender: Sender, held: Job) -> None:
    shown = people.browser(sender.membership).get(reverse("admin:jobs_job_live", args=[held.uuid])).content.decode()
    for text in (
        "Demasiadas de las primeras personas",
        "Los primeros mensajes",
        "Enviar a los demás",
        "Cancelar el envío",
    ):
        assert text in shown, text
    assert ">Pausar<" not in shown


def test_who_only_reads_sees_them_too_and_decides_nothing(sender: Sender, held: Job) -> None:
    viewer = people.browser(people.member(sender.account, Role.VIEWER))
    shown = viewer.get(reverse("admin:jobs_job_live", args=[held.uuid])).content.decode()
    assert "Los primeros mensajes" in shown
    assert "Enviar a los demás" not in shown


def test_while_it_waits_the_job_is_being_sent_and_says_what_for(sender: Sender, held: Job) -> None:
    until = timezone.now() + timedelta(minutes=7)
    Device.unscoped.update(messages_per_minute=6_000)
    changes = {"status": "processing", "state_reason": "", "canary_state": "under_way", "canary_until": until}
    Job.unscoped.filter(pk=held.pk).update(**changes)
    answer = sender.client.get(f"/jobs/{held.uuid}").json()
    assert (answer["status"], answer["state_reason"]) == ("processing", "canary_waiting")
    assert answer["waits"][0]["reason"] == "canary_waiting"
    assert answer["waits"][0]["recipients"] is None
    assert answer["waits"][0]["until"] == f"{until:%Y-%m-%dT%H:%M:%SZ}"
    assert answer["eta"] >= answer["waits"][0]["until"], "it is not through before it goes on"
    page = people.browser(sender.membership).get(reverse("admin:jobs_job_live", args=[held.uuid]))
    shown = re.search(r'id="eta">(\d\d/\d\d/\d{4} \d\d:\d\d)<', page.content.decode())
    assert shown is not None
    eta = datetime.strptime(shown[1], "%d/%m/%Y %H:%M").replace(tzinfo=UTC)
    assert eta >= until.replace(second=0, microsecond=0)


def test_a_job_that_waits_for_a_look_up_is_not_through_before_it(sender: Sender, held: Job) -> None:
    until = timezone.now() + timedelta(minutes=40)
    Device.unscoped.update(messages_per_minute=6_000)
    Job.unscoped.filter(pk=held.pk).update(status="processing", state_reason="", canary_state="overruled")
    held.recipients.filter(state="queued").update(state="ambiguous", due_at=until, doubt_since=timezone.now())
    answer = sender.client.get(f"/jobs/{held.uuid}").json()
    assert [wait["reason"] for wait in answer["waits"]] == ["look_up"]
    assert answer["eta"] >= answer["waits"][0]["until"]


def test_once_it_may_hold_the_job_no_more_no_time_is_told(sender: Sender, held: Job) -> None:
    Job.unscoped.filter(pk=held.pk).update(
        status="processing", canary_state="passed", canary_until=timezone.now() - timedelta(seconds=1)
    )
    assert sender.client.get(f"/jobs/{held.uuid}").json()["canary"]["until"] is None
