"""How often a person is written to: claims meet in one row a person, whatever runs at the same time."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Account
from devices.models import Device
from jobs import invariants, tasks
from jobs.models import Job, LastWritten, Recipient
from jobs.running.lane_runner import LaneRunner
from jobs.sending.claims import Claimer
from jobs.states import JobStatus
from tests.factories import make_account, make_device, make_job
from tests.jobs import arrange
from tests.jobs.to_the_end import send_until_it_ends
from tests.simulator_process import Simulator
from tests.waiting import GIVE_UP_SECONDS

PHONE = "+51987654321"


@pytest.fixture
def account() -> Account:
    return make_account(frequency_cap={"messages": 1, "days": 7})


def job_to(account: Account, device: Device, *phones: str, kind: str = "commercial") -> Job:
    job = make_job(account, len(phones), (device,), kind=kind)
    for position, phone in enumerate(phones):
        Recipient.objects.filter(job=job, position=position).update(phone=phone)
    return job


def claimer(device: Device) -> Claimer:
    made = Claimer(device.pk, 100, 10)
    arrange.refill(made)
    return made


@pytest.mark.django_db
def test_of_two_jobs_to_one_person_one_is_claimed(account: Account) -> None:
    one, other = make_device(account), make_device(account)
    job_to(account, one, PHONE)
    job_to(account, other, PHONE)
    first, second = claimer(one), claimer(other)  # both have read before either claims
    assert len(arrange.claim(first, 5)) == 1
    assert arrange.claim(second, 5) == []
    arrange.give_back(second)
    arrange.refill(second)
    assert [outcome.error_code for outcome in second.take_left_out()] == ["too_recent"]


@pytest.mark.django_db
def test_of_one_person_twice_in_one_draw_one_is_claimed(account: Account) -> None:
    device = make_device(account)
    job_to(account, device, PHONE, "+51987654322", PHONE)
    assert sorted(claim.phone for claim in arrange.claim(claimer(device), 5)) == [PHONE, "+51987654322"]


@pytest.mark.django_db
def test_a_person_is_one_in_every_spelling_of_their_number(account: Account) -> None:
    device = make_device(account)
    job_to(account, device, "+5511987654321", "+551187654321")
    assert len(arrange.claim(claimer(device), 5)) == 1


@pytest.mark.django_db
def test_who_is_tried_again_does_not_count_against_themselves(account: Account) -> None:
    device = make_device(account)
    job = job_to(account, device, PHONE)
    claims = claimer(device)
    (claim,) = arrange.claim(claims, 5)
    Recipient.objects.filter(job=job).update(state="queued", due_at=arrange.ago(1))
    arrange.give_back(claims)
    again = claimer(device)
    assert [one.recipient_id for one in arrange.claim(again, 5)] == [claim.recipient_id]
    row = LastWritten.objects.get()
    assert row.recipient_ids == [claim.recipient_id]
    assert len(row.times) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["", "service"])
def test_what_is_not_commercial_is_neither_counted_nor_held_up(account: Account, kind: str) -> None:
    device = make_device(account)
    job_to(account, device, PHONE, PHONE, kind=kind)
    assert len(arrange.claim(claimer(device), 5)) == 2
    assert not LastWritten.objects.exists()


@pytest.mark.django_db
def test_another_accounts_messages_do_not_count(account: Account) -> None:
    for owner in (account, make_account(frequency_cap={"messages": 1, "days": 7})):
        device = make_device(owner)
        job_to(owner, device, PHONE)
        assert len(arrange.claim(claimer(device), 5)) == 1


@pytest.mark.django_db
def test_as_many_as_the_cap_says_in_as_many_days_as_it_says() -> None:
    account = make_account(frequency_cap={"messages": 2, "days": 7})
    device = make_device(account)
    now = timezone.now()
    times = [now - timedelta(days=1), now - timedelta(days=6, hours=23), now - timedelta(days=8)]
    LastWritten.objects.create(account=account, phone_key=PHONE, recipient_ids=[-1, -2, -3], times=times)
    job_to(account, device, PHONE)
    full = claimer(device)
    assert [outcome.error_code for outcome in full.take_left_out()] == ["too_recent"]

    LastWritten.objects.update(times=[times[0], *[times[2]] * 2])
    job_to(account, device, PHONE)
    assert len(arrange.claim(claimer(device), 5)) == 1
    assert LastWritten.objects.get().recipient_ids[1:] == [-1, -2, -3]


@pytest.mark.django_db
def test_who_was_written_to_only_waits_for_the_hours_to_begin() -> None:
    """On a Sunday nobody knows yet whether they will have been written to on Monday."""
    account = make_account(country_rules=["CO"])
    device = make_device(account)
    job_to(account, device, "+573001234567")
    now = timezone.now()
    LastWritten.objects.create(account=account, phone_key="+573001234567", recipient_ids=[-1], times=[now])
    reader = Claimer(device.pk, 100, 10)
    with pytest.MonkeyPatch.context() as patch:
        sunday = now + timedelta(days=6 - now.weekday())
        patch.setattr(timezone, "now", lambda: sunday.replace(hour=18))
        arrange.refill(reader)
    assert not reader.take_left_out()
    assert Recipient.objects.get().due_at is not None


@pytest.mark.django_db(transaction=True)
def test_whom_nothing_was_sent_to_may_be_written_to_by_others(
    simulator: Simulator, runner: LaneRunner, account: Account
) -> None:
    device = make_device(account, simulator.url)
    simulator.faults({"not-on-whatsapp": 1})
    first = job_to(account, device, PHONE)
    runner.run(GIVE_UP_SECONDS)
    first.refresh_from_db()
    assert (first.status, first.sent) == (JobStatus.COMPLETED, 0)
    assert LastWritten.objects.get().recipient_ids == []

    simulator.faults({})
    second, third = job_to(account, device, PHONE), job_to(account, device, PHONE)
    send_until_it_ends(second, runner)
    send_until_it_ends(third, runner)
    assert second.sent + third.sent == simulator.ledger()["accepted"] == 1
    assert {second.status, third.status} == {JobStatus.COMPLETED}
    assert Recipient.objects.get(error_code="too_recent").state == "suppressed"
    assert invariants.check() == []


@pytest.mark.django_db
def test_an_account_without_limits_reads_and_writes_nothing() -> None:
    account = make_account()
    device = make_device(account)
    job_to(account, device, PHONE, PHONE)
    with connection.execute_wrapper(_without("jobs_lastwritten AS known ON")):
        assert len(arrange.claim(claimer(device), 5)) == 2
    assert not LastWritten.objects.exists()


@pytest.mark.django_db
def test_what_no_limit_asks_for_is_not_kept(account: Account) -> None:
    now = timezone.now()
    for key, times in (
        ("+1", [now - timedelta(days=367)]),
        ("+2", [now - timedelta(days=364)] * 2),
        ("+3", []),
    ):
        ids = list(range(len(times)))
        LastWritten.objects.create(account=account, phone_key=key, recipient_ids=ids, times=times)
    tasks.tidy()
    assert LastWritten.objects.get().phone_key == "+2"


def _without(part: str):
    def check(execute, sql, params, many, context):
        assert part not in sql
        return execute(sql, params, many, context)

    return check
