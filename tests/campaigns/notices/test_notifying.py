"""Telling the sender that a campaign has ended."""

import pytest
from django.core import mail
from django.utils import timezone

from campaigns import tasks
from campaigns.models import CampaignRun, Notification
from campaigns.notices import mailing, notification
from campaigns.wording import campaign_notes
from config.environment import smtp
from config.schedule import BEAT_SCHEDULE
from jobs import control
from jobs.models import Job, Recipient
from tests.campaigns import campaigns_of
from tests.factories import make_device

pytestmark = pytest.mark.django_db


@pytest.fixture
def run():
    member = campaigns_of.member()
    make_device(member.account)
    for _ in range(3):
        campaigns_of.contact(member.account, labels=["vip"])
    return campaigns_of.started(campaigns_of.campaign(member.account, sender=member.user), timezone.now())


def complete(run):
    Recipient.objects.filter(job=run.job).update(state="sent", sent_at=timezone.now())
    Job.unscoped.filter(pk=run.job_id).update(sent=3, status="completed", finished_at=timezone.now())


def test_the_sender_is_told_once(run):
    assert notification.notify_ended() == 0
    complete(run)
    assert notification.notify_ended() == 1
    assert notification.notify_ended() == 0
    told = Notification.objects.for_account(run.campaign.account).get()
    assert (told.user, told.campaign, told.read_at) == (run.campaign.sender, run.campaign, None)
    assert campaign_notes.spanish_title(told.code, told.details) == "Campaña terminada: Rebajas"
    assert campaign_notes.spanish_text(told.code, told.details).startswith("3 de 3 mensajes enviados")
    assert mail.outbox == []


def test_of_two_workers_one_tells(run):
    complete(run)
    first, second = (CampaignRun.objects.select_related("job", "campaign").get(pk=run.pk) for _ in range(2))
    assert [notification._notify(first), notification._notify(second)] == [True, False]
    assert Notification.unscoped.count() == 1


def test_by_email_where_it_is_configured(run, settings):
    settings.EMAIL_HOST = "mail.example.com"
    complete(run)
    tasks.notify_ended_campaigns()
    [letter] = mail.outbox
    assert (letter.to, letter.subject) == ([run.campaign.sender.email], "Campaña terminada: Rebajas")
    assert "3 de 3" in letter.body


def test_a_letter_leads_to_the_campaign_whatever_its_title_holds(run, settings):
    settings.EMAIL_HOST = "mail.example.com"
    settings.PUBLIC_URL = "https://pregonero.example.com"
    type(run.campaign).unscoped.filter(pk=run.campaign_id).update(title="Rebajas\nBcc: todos@example.com")
    complete(run)
    notification.notify_ended()
    [letter] = mail.outbox
    assert letter.subject == "Campaña terminada: Rebajas Bcc: todos@example.com"
    assert f"https://pregonero.example.com/admin/campaigns/campaign/{run.campaign_id}/" in letter.body


def test_a_mail_server_that_is_down_harms_nothing(run, settings, monkeypatch):
    def down(*_):
        raise ConnectionRefusedError

    settings.EMAIL_HOST = "mail.example.com"
    monkeypatch.setattr(mailing, "send_mail", down)
    complete(run)
    assert notification.notify_ended() == 1
    assert Notification.unscoped.count() == 1


def test_failed_and_cancelled_campaigns_are_told_as_such(run):
    control.cancel(run.job)
    notification.notify_ended()
    told = Notification.unscoped.get()
    assert campaign_notes.spanish_title(told.code, told.details) == "Campaña cancelada: Rebajas"


def test_a_sender_who_is_gone_is_not_missed(run):
    run.campaign.sender.delete()
    complete(run)
    assert notification.notify_ended() == 1
    assert not Notification.unscoped.exists()


def test_beat_asks_for_it():
    named = {entry["task"] for entry in BEAT_SCHEDULE.values()}
    assert {tasks.notify_ended_campaigns.name, tasks.tell_changes.name} <= named


def test_the_address_of_the_mail_server():
    assert smtp("smtp://me:p%40ss@mail.example.com") == ("mail.example.com", 587, "me", "p@ss", True, False)
    assert smtp("smtps://mail.example.com:4650") == ("mail.example.com", 4650, "", "", False, True)
    assert smtp("smtp+plain://mail.example.com") == ("mail.example.com", 25, "", "", False, False)
    for wrong in ("mail.example.com", "http://mail.example.com", "smtp://", "smtp://mail.example.com:0"):
        with pytest.raises(ValueError, match="must be an address"):
            smtp(wrong)
