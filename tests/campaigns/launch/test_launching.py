"""From a campaign to its job: once, with the audience as it is then, by whoever comes first."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from campaigns import tasks
from campaigns.audience.refused import EmptyAudience
from campaigns.launch import control as campaign_control
from campaigns.launch import drafting, launching, previewing, test_message
from campaigns.launch.launching import AlreadyLaunched, LaunchRefused
from campaigns.models import Campaign, CampaignRun, Contact, Segment
from jobs import control, retention, sweep
from jobs.intake import importing
from jobs.message.book import template_of
from jobs.message.way_out import LINES
from jobs.models import Job, Recipient
from jobs.sending import dispatch
from jobs.states import MessageKind
from tests.campaigns import campaigns_of
from tests.factories import make_device

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return campaigns_of.account(sending_window={"start": "09:00", "end": "20:00"})


def texts_and_phones(run):
    return [(row.phone, row.values, row.state) for row in Recipient.objects.filter(job_id=run.job_id).in_order()]


def test_a_run_has_a_job_that_says_everything(account):
    device = make_device(account)
    sender = campaigns_of.member(of=account).user
    made = campaigns_of.campaign(
        account,
        sender=sender,
        message="Hola {{name|default:'amigo'}} de {{custom_attributes.region}}",
        requested_device_ids=[device.pk],
        devices_limit=3,
    )
    ana = campaigns_of.contact(account, labels=["vip"], name="Ana", custom_attributes={"region": "norte"})
    campaigns_of.contact(account, labels=["otra"], name="Eva")
    gone = campaigns_of.contact(account, labels=["vip"], name="Luz", opted_out_at=timezone.now())

    run = campaigns_of.launched(made, timezone.now())
    job = Job.unscoped.get(pk=run.job_id)
    assert (job.title, job.created_by, job.syntax) == ("Rebajas", sender, "campaign")
    assert job.columns == ["name", "custom_attributes.region"]
    assert (job.requested_device_ids, job.devices_limit) == ([device.pk], 3)
    assert job.sending_window == {"start": "09:00", "end": "20:00"}
    assert (job.total, job.failed, job.imported_at is not None) == (2, 1, True)
    assert texts_and_phones(run) == [
        (ana.phone, ["Ana", "norte"], "queued"),
        (gone.phone, ["Luz", ""], "suppressed"),
    ]
    assert run.excluded == {"opted_out": 1, "no_phone": 0, "suppressed": 0, "excluded_by_list": 0}
    assert dispatch.start(run.job_id)


@pytest.mark.parametrize("wanted", [True, False])
def test_whether_its_job_sends_to_a_few_first_the_campaign_says(account, wanted):
    campaigns_of.contact(account, labels=["vip"])
    run = campaigns_of.launched(campaigns_of.campaign(account, canary=wanted), timezone.now())
    assert run.job.canary_wanted is wanted


@pytest.mark.parametrize("kind", MessageKind.values)
def test_its_job_is_of_the_campaigns_kind_and_a_test_of_none(account, kind):
    campaigns_of.contact(account, labels=["vip"])
    make_device(account)
    made = campaigns_of.campaign(account, kind=kind)
    assert test_message.send_test(made, ["+5511987654322"], None).kind == ""
    assert campaigns_of.launched(made, timezone.now()).job.kind == kind


def test_a_way_out_stands_in_the_preview_in_a_test_and_in_the_job(account):
    campaigns_of.contact(account, labels=["vip"], phone="+5511987654321")
    make_device(account)
    made = campaigns_of.campaign(account, message="Olá", way_out=True)
    line = f"Olá\n\n{LINES['pt']}"
    assert [one.text for one in previewing.preview(made, timezone.now()).sample] == [line]

    for job in (test_message.send_test(made, ["+5511987654322"], None), campaigns_of.started(made, timezone.now()).job):
        recipient = Recipient.objects.get(job=job)
        assert template_of(job).render(recipient.values, recipient.phone, recipient.variant) == line


def test_the_campaigns_own_window_comes_before_the_accounts(account):
    campaigns_of.contact(account, labels=["vip"])
    window = {"start": "10:00", "end": "11:00"}
    run = campaigns_of.launched(campaigns_of.campaign(account, sending_window=window), timezone.now())
    assert run.job.sending_window == window


def test_a_window_by_an_attributes_clock_takes_each_contacts_time_zone_along(account):
    campaigns_of.contact(account, labels=["vip"], name="Ana", custom_attributes={"zona": "Europe/Madrid"})
    campaigns_of.contact(account, labels=["vip"], name="Eva")
    window = {"start": "10:00", "end": "11:00", "time_zone_attribute": "zona"}
    made = campaigns_of.campaign(account, message="Hola {{name}}", sending_window=window)

    run = campaigns_of.launched(made, timezone.now())

    assert Job.unscoped.get(pk=run.job_id).columns == ["name", "custom_attributes.zona"]
    assert [values for _, values, _ in texts_and_phones(run)] == [["Ana", "Europe/Madrid"], ["Eva", ""]]


def test_variants_go_into_the_job_and_each_recipient_has_one(account):
    for _ in range(20):
        campaigns_of.contact(account, labels=["vip"])
    variants = [{"text": "uno {{name}}", "weight": 1}, {"text": "dos {{email}}", "weight": 1}]
    run = campaigns_of.launched(campaigns_of.campaign(account, message="", variants=variants), timezone.now())
    job = Job.unscoped.get(pk=run.job_id)
    assert (job.variants, job.columns) == (variants, ["name", "email"])
    assert set(Recipient.objects.filter(job=job).values_list("variant", flat=True)) == {0, 1}


def test_a_segments_audience_is_the_one_it_has_at_launch(account):
    segment = Segment.unscoped.create(account=account, name="VIP", audience={"labels": ["nadie"]})
    made = campaigns_of.campaign(account, segment=segment, audience={})
    chosen = campaigns_of.contact(account, labels=["vip"])
    Segment.unscoped.filter(pk=segment.pk).update(audience={"labels": ["vip"]})
    run = campaigns_of.launched(Campaign.unscoped.get(pk=made.pk), timezone.now())
    assert [phone for phone, *_ in texts_and_phones(run)] == [chosen.phone]


def test_the_audience_is_frozen(account):
    campaigns_of.contact(account, labels=["vip"])
    run = campaigns_of.launched(campaigns_of.campaign(account), timezone.now())
    before = texts_and_phones(run)
    campaigns_of.contact(account, labels=["vip"])
    Contact.unscoped.update(labels=[])
    assert launching.freeze_run(run.pk) is None
    assert texts_and_phones(run) == before


def test_once_is_once(account):
    campaigns_of.contact(account, labels=["vip"])
    made = campaigns_of.campaign(account)
    launching.trigger(made, None, timezone.now())
    for again in (made, Campaign.unscoped.get(pk=made.pk)):
        with pytest.raises(AlreadyLaunched):
            launching.trigger(again, None, timezone.now() + timedelta(minutes=1))
    assert CampaignRun.objects.count() == Job.unscoped.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_who_launch_at_once_one_does():
    made = campaigns_of.campaign(campaigns_of.account())
    outcomes: list[str] = []
    barrier = threading.Barrier(6)

    def launch(number):
        barrier.wait()
        try:
            launching.trigger(Campaign.unscoped.get(pk=made.pk), None, timezone.now() + timedelta(seconds=number))
            outcomes.append("launched")
        except LaunchRefused as refused:
            outcomes.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=launch, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes)[-1] == "launched"
    assert outcomes.count("launched") == 1
    assert set(outcomes) <= {"launched", "campaign_already_ran", "campaign_changed"}
    assert CampaignRun.objects.count() == Job.unscoped.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_who_freeze_at_once_one_does():
    account = campaigns_of.account()
    for _ in range(50):
        campaigns_of.contact(account, labels=["vip"])
    run = launching.launch(campaigns_of.campaign(account), timezone.now(), None)
    frozen: list[int | None] = []
    barrier = threading.Barrier(4)

    def freeze():
        barrier.wait()
        frozen.append(launching.freeze_run(run.pk))
        connection.close()

    threads = [threading.Thread(target=freeze) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one for one in frozen if one is not None] == [run.job_id]
    assert Recipient.objects.filter(job_id=run.job_id).count() == 50


def test_what_was_changed_meanwhile_is_not_launched_as_it_was(account):
    made = campaigns_of.campaign(account)
    Campaign.unscoped.filter(pk=made.pk).update(message="Otro", updated_at=timezone.now())
    with pytest.raises(LaunchRefused, match="campaign_changed"):
        launching.launch(made, timezone.now(), None)


def test_a_cancelled_campaign_is_not_launched(account):
    with pytest.raises(LaunchRefused, match="campaign_cancelled"):
        launching.trigger(campaigns_of.campaign(account, status="cancelled"), None, timezone.now())


def test_an_empty_audience_is_not_launched(account):
    with pytest.raises(EmptyAudience):
        launching.trigger(campaigns_of.campaign(account, audience={}), None, timezone.now())
    assert not Job.unscoped.exists()


def test_with_nobody_to_send_to_the_job_fails_in_words(account):
    campaigns_of.contact(account, labels=["vip"], phone=None)
    made = campaigns_of.campaign(account)
    run = launching.launch(made, timezone.now(), None)
    assert launching.freeze_run(run.pk) is None
    run.job.refresh_from_db()
    assert (run.job.status, run.job.state_reason) == ("failed", "no_recipients")
    assert (run.job.total, run.job.failed) == (1, 1)
    assert made.current_status == "failed"


def test_paused_before_it_was_frozen_it_stays_paused_whoever_passes_by(account):
    campaigns_of.contact(account, labels=["vip"])
    make_device(account)
    made = campaigns_of.campaign(account)
    run = launching.launch(made, timezone.now(), None)
    assert campaign_control.pause(made) == 1
    sweep.sweep()
    launching.freeze_run(run.pk)
    sweep.sweep()
    run.job.refresh_from_db()
    assert (run.job.status, run.job.state_reason, run.job.total) == ("paused", "paused_by_person", 1)

    campaign_control.resume(made)
    sweep.sweep()
    assert made.current_status == "running"


def test_paused_with_nobody_to_send_to_it_fails_once_somebody_has_it_go_on(account):
    campaigns_of.contact(account, labels=["vip"], phone=None)
    run = launching.launch(campaigns_of.campaign(account), timezone.now(), None)
    control.pause(run.job)
    for _ in range(2):
        assert launching.freeze_run(run.pk) is None
        sweep.sweep()
        run.job.refresh_from_db()
        assert run.job.status == "paused"

    control.resume(run.job)
    launching.freeze_run(run.pk)
    run.job.refresh_from_db()
    assert (run.job.status, run.job.state_reason) == ("failed", "no_recipients")


def test_a_segment_emptied_since_the_launch_is_nobody(account):
    segment = Segment.unscoped.create(account=account, name="VIP", audience={"labels": ["vip"]})
    run = launching.launch(campaigns_of.campaign(account, segment=segment, audience={}), timezone.now(), None)
    for audience in ({}, {"nonsense": 1}):
        Segment.unscoped.filter(pk=segment.pk).update(audience=audience)
        assert launching.freeze_run(run.pk) is None
    run.job.refresh_from_db()
    assert (run.job.status, run.job.state_reason) == ("failed", "no_recipients")


def test_a_worker_that_died_left_nothing_and_another_begins_anew(account, monkeypatch):
    campaigns_of.contact(account, labels=["vip"])
    run = launching.launch(campaigns_of.campaign(account), timezone.now(), None)

    class Killed(BaseException):
        pass

    def die(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(launching.CampaignRun.objects, "filter", die)
        with pytest.raises(Killed):
            launching.freeze_run(run.pk)
    assert not Recipient.objects.filter(job_id=run.job_id).exists()
    assert launching.runs_to_freeze() == [run.pk]

    nudged = []
    monkeypatch.setattr(tasks.freeze_audience, "apply_async", lambda args, **_: nudged.extend(args))
    tasks.launch_due_campaigns()
    assert nudged == [run.pk]
    assert launching.freeze_run(run.pk) == run.job_id
    assert launching.runs_to_freeze() == []


def test_the_engines_import_leaves_a_job_without_a_file_alone(account):
    run = launching.launch(campaigns_of.campaign(account), timezone.now(), None)
    assert sweep.sweep().imports == []
    assert importing.import_slice(run.job_id, 0.0) is False
    assert dispatch.start(run.job_id) is False


def test_cancelled_before_it_was_frozen(account):
    campaigns_of.contact(account, labels=["vip"])
    run = launching.launch(campaigns_of.campaign(account), timezone.now(), None)
    control.cancel(run.job)
    assert launching.freeze_run(run.pk) is None
    assert not Recipient.objects.filter(job_id=run.job_id).exists()
    assert launching.runs_to_freeze() == []


def test_a_campaign_whose_job_was_deleted_is_launched_no_more_by_anybody(account):
    """Its run goes with the job; everybody would have got it a second time."""
    campaigns_of.contact(account, labels=["vip"])
    made = campaigns_of.campaign(account, scheduled_at=timezone.now())
    run = campaigns_of.launched(made, made.scheduled_at)
    job = Job.unscoped.get(pk=run.job_id)
    control.cancel(job)
    job.refresh_from_db()
    retention.delete_job(job)
    made.refresh_from_db()
    assert not made.runs.exists()
    with pytest.raises(AlreadyLaunched):
        launching.trigger(made, None, timezone.now())
    with pytest.raises(AlreadyLaunched):
        launching.launch(made, made.scheduled_at, None)
    assert not drafting.may_change(made)
    assert made.current_status == "completed"
    tasks.launch_due_campaigns()
    assert not Job.unscoped.filter(account=account).exists()
