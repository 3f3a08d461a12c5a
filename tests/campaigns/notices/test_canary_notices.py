"""Telling people that a job is held after its first few, and waits for them."""

from smtplib import SMTPException

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, Role
from campaigns.models import Notification
from campaigns.notices import canary_notices
from config.schedule import BEAT_SCHEDULE
from jobs.models import Job
from tests.accounts import people
from tests.campaigns import campaigns_of
from tests.factories import make_account, make_job, make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender() -> Membership:
    account = make_account()
    make_member(account)
    return make_member(account, Role.AGENT)


def held(sender: Membership, **fields: object) -> Job:
    what = {
        "title": "Lista\nde enero",
        "created_by": sender.user,
        "status": "paused",
        "state_reason": "canary_undelivered",
        "canary_state": "held",
        "canary_end": 2,
    }
    return make_job(sender.account, 5, **{**what, **fields})


def told() -> list[tuple[int, str]]:
    return list(Notification.unscoped.order_by("pk").values_list("user_id", "code"))


def test_who_began_it_is_told_once(sender: Membership, settings) -> None:
    settings.EMAIL_HOST = "smtp"
    job = held(sender)
    assert canary_notices.notify_held() == 1
    assert canary_notices.notify_held() == 0
    assert told() == [(sender.user_id, "job_held")]
    (letter,) = mail.outbox
    assert (letter.to, letter.subject) == ([sender.user.email], "El envío espera tu decisión: Lista de enero")
    assert "Llegaron muy pocos de los primeros mensajes." in letter.body
    assert reverse("admin:jobs_job_live", args=[job.uuid]) in letter.body


def test_a_mail_server_that_is_away_costs_the_letter_alone(sender: Membership, settings, monkeypatch) -> None:
    settings.EMAIL_HOST = "smtp"
    monkeypatch.setattr("campaigns.notices.mailing.send_mail", _away)
    held(sender)
    assert canary_notices.notify_held() == 1


def _away(*_: object) -> None:
    raise SMTPException


@pytest.mark.parametrize("changes", [{"role": Role.VIEWER}, {"user__is_active": False}, None])
def test_where_that_person_may_not_decide_any_more_the_administrators_are(sender: Membership, changes) -> None:
    job = held(sender)
    if changes is None:
        Job.unscoped.filter(pk=job.pk).update(created_by=None)
    elif "role" in changes:
        Membership.unscoped.filter(pk=sender.pk).update(**changes)
    else:
        type(sender.user).objects.filter(pk=sender.user_id).update(is_active=False)
    canary_notices.notify_held()
    administrator = Membership.unscoped.get(account=sender.account, role=Role.ADMINISTRATOR)
    assert told() == [(administrator.user_id, "job_held")]


@pytest.mark.parametrize("changes", [{"canary_state": "overruled", "status": "processing"}, {"status": "cancelled"}])
def test_nobody_is_where_somebody_has_decided_by_then(sender: Membership, changes) -> None:
    held(sender, **changes)
    assert canary_notices.notify_held() == 0


def test_it_leads_to_the_job_and_is_said_in_the_readers_language(sender: Membership) -> None:
    job = held(sender)
    canary_notices.notify_held()
    browser = people.browser(sender)
    (row,) = Notification.unscoped.all()
    answer = browser.get(reverse("admin:campaigns_notification_open", args=[row.pk]))
    assert answer["Location"] == reverse("admin:jobs_job_live", args=[job.uuid])
    (shown,) = people.api(sender).get(f"/api/v1/accounts/{sender.account_id}/notifications").json()["results"]
    assert (shown["code"], shown["title"]) == ("job_held", "El envío espera tu decisión: Lista de enero")
    page = browser.get(reverse("admin:campaigns_notification_changelist"), headers={"Accept-Language": "en"})
    assert "The job waits for your decision: Lista de enero" in page.content.decode()
    assert "Too few of the first messages were delivered." in page.content.decode()


def test_of_a_campaign_it_names_it_and_its_page_has_the_figures_and_the_buttons() -> None:
    account = campaigns_of.account()
    sender = make_member(account, Role.AGENT)
    campaigns_of.contact(account, labels=["vip"])
    made = campaigns_of.campaign(account, sender=sender.user)
    run = campaigns_of.launched(made, timezone.now())
    Job.unscoped.filter(pk=run.job_id).update(
        status="paused",
        state_reason="canary_refused",
        canary_state="held",
        canary_end=1,
        started_at=timezone.now(),
        created_by=sender.user,
    )
    canary_notices.notify_held()
    (row,) = Notification.unscoped.all()
    assert row.campaign_id == made.pk

    page = people.browser(sender).get(reverse("admin:campaigns_campaign_page", args=[made.pk])).content.decode()
    for text in ("WhatsApp rechazó demasiados", "Los primeros mensajes", "Enviar a los demás"):
        assert text in page, text


def test_beat_looks_for_them() -> None:
    assert "campaigns.tasks.notify_held_jobs" in {entry["task"] for entry in BEAT_SCHEDULE.values()}
