"""Which devices a runner takes: those with something to send, as many as are its share."""

from collections import Counter

import pytest

from devices.lane import leases, runners
from devices.models import Device, Lane
from jobs.models import Job, Recipient
from jobs.running import fleet
from jobs.running.fleet import Standing, Waiting
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import ago, transaction_cursor

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return make_account()


def devices_with_work():
    with transaction_cursor() as cursor:
        found = fleet.devices_with_work(cursor, 100)
        assert fleet.has_work(cursor) or not found
    return {waiting.device_id for waiting in found}


# --- Who has work ----------------------------------------------------------------------------------------------------


def test_a_device_has_work_while_anything_of_its_jobs_can_be_sent_now(account):
    device = make_device(account)
    job = make_job(account, 3, (device,))
    assert devices_with_work() == {device.pk}
    Job.unscoped.filter(pk=job.pk).update(next_position=3)
    assert devices_with_work() == set()  # all taken by somebody
    job.chunks.create(start=1, end=3)
    assert devices_with_work() == {device.pk}  # ... and given back
    job.chunks.all().delete()
    Recipient.objects.filter(job_id=job.pk, position=1).update(due_at=ago(1))
    assert devices_with_work() == {device.pk}  # a retry is due
    Recipient.objects.filter(job_id=job.pk, position=1).update(due_at=ago(-60))
    assert devices_with_work() == set()  # not yet
    Recipient.objects.filter(job_id=job.pk, position=1).update(due_at=ago(1), state="ambiguous")
    assert devices_with_work() == set()  # to be looked up, not sent


@pytest.mark.parametrize("change", [{"status": "paused"}, {"status": "cancelled"}, {"finished_at": ago(0)}])
def test_a_job_that_rests_gives_no_work(account, change):
    job = make_job(account, 3, (make_device(account),))
    Job.unscoped.filter(pk=job.pk).update(**change)
    assert devices_with_work() == set()


@pytest.mark.parametrize("change", [{"enabled": False}, {"status": "blocked"}, {"deleted_at": ago(0)}])
def test_a_device_that_is_out_gets_no_work(account, change):
    device = make_device(account)
    make_job(account, 3, (device,))
    Device.unscoped.filter(pk=device.pk).update(**change)
    assert devices_with_work() == set()


def test_a_device_with_a_runner_or_a_slot_far_off_waits_for_no_other(account):
    device = make_device(account)
    make_job(account, 3, (device,))
    Lane.objects.create(device=device, next_slot_at=ago(-60))
    assert devices_with_work() == set()
    Lane.objects.update(next_slot_at=ago(-1))
    assert devices_with_work() == {device.pk}
    with transaction_cursor() as cursor:
        leases.take(cursor, [device.pk], runners.register(cursor, "somebody", 60))
    assert devices_with_work() == set()


def test_no_more_devices_are_woken_than_people_wait(account):
    devices = tuple(make_device(account) for _ in range(10))
    job = make_job(account, 100, devices, next_position=100)
    Recipient.objects.filter(job_id=job.pk, position__lt=3).update(due_at=ago(1))
    assert len(devices_with_work()) == 3
    job.chunks.create(start=50, end=54)
    assert len(devices_with_work()) == 7


def test_a_device_of_several_jobs_is_one(account):
    device = make_device(account)
    make_job(account, 3, (device,))
    make_job(account, 3, (device,))
    assert devices_with_work() == {device.pk}


# --- Sharing ---------------------------------------------------------------------------------------------------


def paced(number):
    return [Waiting(device_id, 0) for device_id in range(number)]


def chosen(waiting, standing, processes=2, spare=512, *, were_left=False):
    return fleet.choose(waiting, standing, processes, spare, were_left=were_left)


def test_runners_that_wake_together_divide_the_devices_whoever_comes_first():
    waiting = paced(1000)
    first = chosen(waiting, Standing(runners=1, held=0, mine=0, waiting=1000))
    rest = [one for one in waiting if one.device_id not in first]
    second = chosen(rest, Standing(runners=2, held=500, mine=0, waiting=500))
    assert (len(first), len(second)) == (500, 500)
    assert not set(first) & set(second)


def test_one_that_comes_later_gets_its_share_of_what_waits_before_the_others():
    waiting = paced(30)
    assert len(chosen(waiting, Standing(runners=3, held=60, mine=0, waiting=30))) == 30
    assert chosen(waiting, Standing(runners=3, held=60, mine=30, waiting=30)) == []


def test_what_all_left_is_taken_by_those_who_have_their_share_a_part_each_time():
    standing = Standing(runners=2, held=100, mine=50, waiting=0)
    left = Standing(runners=2, held=100, mine=55, waiting=10)
    assert standing.surplus == 0
    assert chosen(paced(10), left) == []
    assert len(chosen(paced(10), left, were_left=True)) == 5


def test_a_runner_alone_where_there_should_be_two_takes_all_in_the_end():
    taken, waiting = 0, 1000
    for look in range(12):
        standing = Standing(runners=1, held=taken, mine=taken, waiting=waiting)
        number = len(chosen(paced(waiting), standing, were_left=look > 0))
        taken, waiting = taken + number, waiting - number
    assert waiting == 0


def test_it_takes_no_more_than_it_can_carry_of_those_without_a_pace():
    fast = [Waiting(device_id, 256) for device_id in range(8)]
    assert len(chosen(fast, Standing(1, 0, 0, 8), processes=1)) == 2
    mixed = [Waiting(device_id, 256 if device_id % 2 else 0) for device_id in range(8)]
    assert Counter(device_id % 2 for device_id in chosen(mixed, Standing(1, 0, 0, 8), processes=1)) == {0: 4, 1: 2}


def test_who_has_too_many_gives_up_what_a_newcomer_is_short_of():
    rich, poor = Standing(runners=3, held=1000, mine=500, waiting=0), Standing(runners=3, held=1000, mine=0, waiting=0)
    assert (rich.surplus, poor.surplus) == (166, 0)
    assert poor.is_short(0)
    assert poor.is_short(332)
    assert not poor.is_short(333)


def test_nobody_is_short_where_there_are_fewer_devices_than_runners():
    assert not Standing(runners=10, held=5, mine=0, waiting=0).is_short(0)
    assert Standing(runners=10, held=5, mine=1, waiting=0).surplus == 0


def test_nobody_gives_up_while_devices_wait_for_anybody():
    assert Standing(runners=2, held=100, mine=100, waiting=1).surplus == 0
