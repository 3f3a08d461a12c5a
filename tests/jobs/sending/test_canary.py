"""The canary: a large job's first few go ahead, and what becomes of them decides how it goes on."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from devices.gateway.base import OutcomeUnknown, Rejected
from devices.models import Acknowledgement, Device
from jobs import control, invariants, sweep
from jobs.models import Job, Recipient, Suppression
from jobs.running import fleet
from jobs.sending import canary, dispatch, results
from jobs.sending.claims import Claimer
from jobs.sending.outcomes import Claim, Outcome
from jobs.sending.results import LiveFeed
from jobs.states import RecipientState
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import ago, claim, not_sent, record, refill, sending, settle, transaction_cursor
from tests.jobs.arrange import sent as accepted
from tests.jobs.receipts.arrange import tell, worked

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def small(settings):
    settings.CANARY_SIZE, settings.CANARY_ABOVE = 10, 20
    settings.TIME_LOCK_ERRORS = 0  # which strangers may be written to is another question


@pytest.fixture
def device():
    return make_device(make_account())


def started(device: Device, recipients: int = 40, **fields: object) -> Job:
    job = make_job(device.account, recipients, status="pending", started_at=None, **fields)
    assert dispatch.start(job.pk)
    job.refresh_from_db()
    return job


def send(device: Device, number: int = 100, made: Callable[[Claim], Outcome] = accepted) -> list[int]:
    """Send what there is for a device; return the positions."""
    claimer = Claimer(device.pk, 100)
    refill(claimer)
    with transaction_cursor() as cursor:
        results.record(cursor, claimer.take_left_out(), LiveFeed(), source=RecipientState.QUEUED)
    claims = claim(claimer, number)
    settle(claimer, *map(made, claims))
    claimer.drop_all()
    settle(claimer)
    return list(
        Recipient.objects.filter(pk__in=[one.recipient_id for one in claims])
        .in_order()
        .values_list("position", flat=True)
    )


def standing(job: Job) -> tuple[str, str, str]:
    job.refresh_from_db()
    return job.status, job.canary_state, job.state_reason


def judged(job: Job, now: datetime | None = None) -> tuple[str, str, str]:
    canary.judge(job.pk, now or timezone.now(), all_is_told=now is not None)
    assert invariants.check() == []
    return standing(job)


def heard_of(device: Device) -> None:
    """A receipt of some message of before was heard through it."""
    tell(device, ("OLD", "DELIVERY_ACK"))
    worked()


def messages(job: Job, positions: Collection[int]) -> list[str]:
    found = Recipient.objects.filter(job=job, position__in=positions).in_order()
    return [f"ID-{pk}" for pk in found.values_list("pk", flat=True)]


def tells(device: Device, job: Job, positions: Collection[int], status: str = "DELIVERY_ACK") -> None:
    tell(device, *((message, status) for message in messages(job, positions)))
    worked()


UNDER_WAY = ("processing", "under_way", "")
PASSED = ("processing", "passed", "")


# --- Which jobs have one --------------------------------------------------------------------------------------


def test_a_large_job_sends_the_first_few_and_no_others(device):
    job = started(device)
    assert send(device) == list(range(10))
    assert send(device) == []
    with transaction_cursor() as cursor:
        assert not fleet.has_work(cursor)
    assert invariants.check() == []
    assert standing(job) == UNDER_WAY


@pytest.mark.parametrize(
    ("recipients", "fields", "changes"),
    [
        (20, {}, {}),  # not above the limit
        (40, {"canary_wanted": False}, {}),
        (40, {}, {"CANARY_SIZE": 0}),
        (40, {}, {"CANARY_SIZE": 40}),  # nobody would be left to hold
    ],
)
def test_others_go_out_at_once(device, settings, recipients, fields, changes):
    for name, value in changes.items():
        setattr(settings, name, value)
    job = started(device, recipients, **fields)
    assert len(send(device)) == recipients
    assert standing(job)[1] == ""


def test_who_ended_before_the_start_is_neither_counted_nor_sent_ahead(device):
    job = make_job(device.account, 40, status="pending", started_at=None, failed=12)
    Recipient.objects.filter(job=job, position__lt=12).update(state="suppressed")
    dispatch.start(job.pk)
    assert send(device) == list(range(12, 22))

    few = make_job(device.account, 40, status="pending", started_at=None, failed=20)
    Recipient.objects.filter(job=few, position__gte=20).update(state="suppressed")
    dispatch.start(few.pk)
    assert standing(few)[1] == ""


def test_each_of_its_devices_sends_some_of_them_however_fast_one_is(device):
    devices = [device, *(make_device(device.account) for _ in range(4))]
    started(device)
    shares = []
    for one in devices:
        claimer = Claimer(one.pk, 100, 100)
        refill(claimer)
        shares.append(len(claimer))
    assert all(shares)
    assert sum(shares) <= 10


# --- Where no receipt ever comes ------------------------------------------------------------------------------


def test_of_a_device_that_is_never_heard_of_acceptance_is_enough(device):
    job = started(device)
    send(device, 5)
    assert judged(job) == UNDER_WAY  # not all of them are sent
    send(device)
    sweep.sweep()
    assert standing(job) == PASSED
    assert send(device) == list(range(10, 40))


def test_refusals_by_its_gateway_hold_it(device):
    job = started(device)
    send(device, 4)
    assert judged(job) == UNDER_WAY
    send(device, 6, made=permanently_refused)
    assert judged(job) == ("paused", "held", "canary_undelivered")
    assert send(device) == []


def permanently_refused(one: Claim) -> Outcome:
    return not_sent(one, Rejected("not_on_whatsapp"))


def test_one_in_doubt_is_not_waited_for_where_the_others_are_enough(device):
    job = started(device)
    send(device, 5)
    send(device, 5, made=lambda one: not_sent(one, OutcomeUnknown("ReadTimeout")))
    assert judged(job) == PASSED


# --- Where receipts come --------------------------------------------------------------------------------------


def test_it_goes_on_with_the_receipt_that_makes_it_enough(device):
    heard_of(device)
    job = started(device)
    send(device)
    assert judged(job) == UNDER_WAY
    tells(device, job, range(4))
    assert standing(job) == UNDER_WAY
    tells(device, job, [4])
    assert standing(job) == PASSED  # by whoever worked the receipts, and no sweep
    assert len(send(device)) == 30


def test_too_few_when_the_wait_is_over_hold_it_and_a_person_has_it_go_on(device):
    heard_of(device)
    job = started(device)
    send(device)
    tells(device, job, range(4))
    assert judged(job) == UNDER_WAY
    assert judged(job, later(9)) == UNDER_WAY
    canary.judge(job.pk, later(11))
    assert standing(job) == UNDER_WAY  # some may lie in the inbox
    assert judged(job, later(11)) == ("paused", "held", "canary_undelivered")
    assert not control.pause(job)  # it waits for a person already
    assert standing(job) == ("paused", "held", "canary_undelivered")

    assert control.resume(job)
    assert standing(job) == ("processing", "overruled", "")
    assert judged(job, later(20)) == ("processing", "overruled", "")
    assert len(send(device)) == 30


def later(minutes: float) -> datetime:
    return timezone.now() + timedelta(minutes=minutes)


def test_who_finds_the_inbox_empty_holds_what_is_overdue(device):
    heard_of(device)
    job = started(device)
    send(device)
    judged(job)
    Job.unscoped.filter(pk=job.pk).update(canary_until=later(-1))
    sweep.sweep()
    assert standing(job) == UNDER_WAY
    worked()
    assert standing(job) == ("paused", "held", "canary_undelivered")


def test_what_comes_while_it_is_held_does_not_have_it_go_on(device):
    heard_of(device)
    job = started(device)
    send(device)
    judged(job)
    judged(job, later(11))
    tells(device, job, range(10))
    assert judged(job) == ("paused", "held", "canary_undelivered")


def test_refusals_after_acceptance_hold_it_before_all_are_sent(device):
    heard_of(device)
    job = started(device)
    send(device, 6)
    tells(device, job, [0, 1], "ERROR")
    assert standing(job) == UNDER_WAY
    tells(device, job, [2], "ERROR")
    assert standing(job) == ("paused", "held", "canary_refused")


def test_refusals_that_come_after_it_went_on_hold_it_while_it_is_watched(device):
    job = started(device)
    send(device)
    assert judged(job) == PASSED
    send(device, 5)
    tells(device, job, [0, 1, 2], "ERROR")
    assert standing(job) == ("paused", "held", "canary_refused")
    assert control.resume(job)
    assert len(send(device)) == 25


def test_once_the_watch_is_over_nothing_holds_it(device):
    job = started(device)
    send(device)
    judged(job)
    Job.unscoped.filter(pk=job.pk).update(canary_until=later(-1))
    tells(device, job, range(10), "ERROR")
    assert judged(job) == PASSED


def test_devices_that_are_heard_of_and_others_each_count_as_they_can(device, settings):
    settings.CANARY_UNDELIVERED_PERCENT = 40
    other = make_device(device.account, instance_name="demo-2")
    heard_of(device)
    job = started(device)
    assert send(device) == list(range(5))
    while send(other):
        pass
    assert judged(job) == UNDER_WAY  # five accepted in silence, five not delivered
    tells(device, job, [0])
    assert standing(job) == PASSED


@pytest.fixture
def before(device: Device) -> Job:
    """A job of before, whose first message was sent two minutes ago, and the others one."""
    job = make_job(device.account, 3, (device,), next_position=3, message="Antes @valor1")
    record(*map(accepted, sending(job, device)))
    Recipient.objects.filter(job=job).update(sent_at=ago(60))
    Recipient.objects.filter(job=job, position=0).update(sent_at=ago(120))
    return job


def test_a_gateway_that_is_far_behind_is_not_waited_for(device, before):
    heard_of(device)
    job = started(device)
    send(device)
    assert judged(job) == UNDER_WAY
    tells(device, before, [0])
    assert judged(job) == PASSED


def test_a_late_phone_makes_nobody_behind(device, before):
    tells(device, before, [1])
    Acknowledgement.objects.update(told_at=ago(60))
    job = started(device)
    send(device)
    tells(device, before, [0])
    assert judged(job) == UNDER_WAY


def test_one_that_has_caught_up_is_not_behind_any_more(device, before):
    tells(device, before, [1])
    job = started(device)
    send(device)
    tells(device, job, [9])
    assert judged(job) == UNDER_WAY


# --- Opt-outs -------------------------------------------------------------------------------------------------


def opts_out(job: Job, position: int) -> None:
    phone = Recipient.objects.get(job=job, position=position).phone
    Suppression.unscoped.create(account=job.account, phone=phone)


def test_one_who_opts_out_holds_it_where_that_is_too_many(device):
    job = started(device)
    opts_out(job, 30)  # not one of the first
    send(device)
    assert judged(job) == PASSED
    opts_out(job, 3)
    sweep.sweep()
    assert standing(job) == ("paused", "held", "canary_opt_outs")


def test_who_had_opted_out_before_counts_for_nothing(device, settings):
    settings.CANARY_OPT_OUT_PERCENT = 0
    job = make_job(device.account, 40, status="pending", started_at=None)
    opts_out(job, 3)
    dispatch.start(job.pk)
    assert len(send(device)) == 9
    assert judged(job) == UNDER_WAY
    assert send(device) == [10]  # in their stead
    assert judged(job) == PASSED


# --- Whatever else happens to it ------------------------------------------------------------------------------


def test_a_pause_by_a_person_keeps_it_and_it_is_judged_when_it_goes_on(device):
    job = started(device)
    send(device)
    control.pause(job)
    assert judged(job) == ("paused", "under_way", "paused_by_person")
    control.resume(job)
    assert standing(job) == UNDER_WAY
    assert judged(job) == PASSED


def test_it_is_cancelled_like_any_other(device):
    job = started(device)
    send(device)
    control.cancel(job)
    control.cancel_waiting(job.pk)
    job.refresh_from_db()
    assert (job.status, job.sent, job.failed) == ("cancelled", 10, 30)
    assert judged(job) == ("cancelled", "under_way", "")


def test_who_failed_is_tried_again_while_it_is_held(device):
    job = started(device)
    send(device, 10, made=permanently_refused)
    assert judged(job)[1] == "held"
    Recipient.objects.filter(job=job, state="failed").update(error_code="ReadTimeout")
    assert control.retry_failed(job) == 10
    assert standing(job) == ("paused", "held", "canary_undelivered")
    control.resume(job)
    assert len(send(device)) + len(send(device)) == 40


def test_what_a_dead_sender_left_is_taken_by_the_next_and_no_more(device):
    job = started(device)
    claimer = Claimer(device.pk, 6)
    refill(claimer)
    settle(claimer, *map(accepted, claim(claimer, 3)))
    claimer.drop_all()
    settle(claimer)
    assert send(device) + send(device) == list(range(3, 10))
    assert judged(job) == PASSED


def test_switched_off_for_all_it_goes_on(device, settings):
    heard_of(device)
    job = started(device)
    send(device, 3)
    settings.CANARY_SIZE = 0
    assert judged(job) == PASSED


def test_where_people_sleep_others_come_in_their_stead(device):
    job = started(device, 200)
    Recipient.objects.filter(job=job, position__lt=8).update(due_at=later(600))
    assert send(device) == [8, 9]
    assert judged(job) == UNDER_WAY
    assert send(device) == list(range(10, 18))
    assert judged(job) == PASSED


def test_not_for_all_who_sleep(device):
    job = started(device, 200)
    Recipient.objects.filter(job=job).update(due_at=later(600))
    for _ in range(20):
        assert judged(job) == UNDER_WAY
    assert job.canary_end == 50
    assert job.canary_until is None
    Recipient.objects.filter(job=job, position__lt=50).update(due_at=later(-1))
    assert len(send(device)) == 50
    assert judged(job)[1] == "passed"
