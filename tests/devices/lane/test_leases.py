"""One runner for each device: leases and their fencing tokens, the slot and the day's count that go with them."""

import random
import threading
import time
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection

from devices.lane import leases
from devices.models import Lane
from tests.devices.lane.arrange import bury, cursor_of, register, session, take
from tests.factories import make_account, make_device
from tests.waiting import GIVE_UP_SECONDS

pytestmark = pytest.mark.django_db
by_several_sessions = pytest.mark.django_db(transaction=True)


@pytest.fixture
def device():
    return make_device(make_account())


@pytest.fixture
def me():
    return register("me")


@pytest.fixture
def another():
    return register("another")


def release(held, runner_id):
    with cursor_of() as cursor:
        leases.release(cursor, held, runner_id)


def held(given, runner_id):
    with cursor_of() as cursor:
        return leases.held(cursor, given, runner_id)


# --- Taking ---------------------------------------------------------------------------------------------------


def test_a_free_device_is_taken_by_one_and_by_no_second(device, me, another):
    (lease,) = take([device.pk], me)
    assert (lease.device_id, lease.token, lease.slot_in_seconds) == (device.pk, 1, 0.0)
    assert take([device.pk], another) == []
    assert take([device.pk], me) == []
    assert Lane.objects.get().runner_id == me


def test_of_several_devices_those_that_are_free_are_taken(device, me, another):
    other = make_device(device.account)
    take([device.pk], me)
    assert [lease.device_id for lease in take([device.pk, other.pk], another)] == [other.pk]
    assert take([], me) == []


def test_what_was_given_back_is_free_at_once_and_the_token_has_risen(device, me, another):
    (lease,) = take([device.pk], me)
    release([(device.pk, lease.token)], me)
    (next_lease,) = take([device.pk], another)
    assert next_lease.token == lease.token + 1


@by_several_sessions
def test_of_two_that_want_a_device_at_once_one_gets_it(device):
    """Ten rounds: the lease is free, everybody jumps at it."""
    for number in range(10):
        gate = threading.Barrier(4)
        taken = []

        def jump(gate=gate, taken=taken):
            with session() as mine:
                runner = register("jumper", using=mine)
                gate.wait(GIVE_UP_SECONDS)
                taken.extend(take([device.pk], runner, using=mine))
                gate.wait(GIVE_UP_SECONDS)  # nobody's session ends before all have tried

        jumpers = [threading.Thread(target=jump) for _ in range(4)]
        for jumper in jumpers:
            jumper.start()
        for jumper in jumpers:
            jumper.join()
        assert [lease.token for lease in taken] == [number + 1]
        # Their sessions are gone: free again for the next round.
        while Lane.objects.exclude(runner=None).exists():
            bury()


@by_several_sessions
def test_sessions_that_take_and_release_the_same_devices_in_any_order_never_meet_a_deadlock():
    account = make_account()
    device_ids = [make_device(account).pk for _ in range(60)]
    rounds, errors = [], []

    def work(seed):
        chance = random.Random(seed)
        with session() as mine:
            try:
                runner = register("worker", using=mine)
                for _ in range(60):
                    got = take(chance.sample(device_ids, 40), runner, using=mine)
                    given = [(lease.device_id, lease.token) for lease in got]
                    chance.shuffle(given)
                    with cursor_of(mine) as cursor:
                        leases.release(cursor, given, runner)
                    rounds.append(len(got))
            except DatabaseError as error:
                errors.append(error)

    workers = [threading.Thread(target=work, args=[seed]) for seed in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(GIVE_UP_SECONDS)
    assert errors == []
    assert len(rounds) == 4 * 60
    assert sum(rounds) > 0


# --- Losing -----------------------------------------------------------------------------------------------------------


def test_after_a_takeover_the_old_token_is_worth_nothing(device, another):
    frozen = register("frozen", seconds=0.05)
    (old,) = take([device.pk], frozen)
    time.sleep(0.1)
    bury()
    (new,) = take([device.pk], another)
    before = Lane.objects.values().get()
    assert held([(device.pk, old.token)], frozen) == set()
    release([(device.pk, old.token)], frozen)
    assert Lane.objects.values().get() == before
    assert held([(device.pk, new.token)], another) == {device.pk}


def test_each_of_several_leases_stands_for_itself(device, me):
    other = make_device(device.account)
    first, second = take([device.pk, other.pk], me)
    assert held([(first.device_id, first.token + 1), (second.device_id, second.token)], me) == {second.device_id}
    assert held([], me) == set()


# --- The day ------------------------------------------------------------------------------------------------------


def count_today(begun):
    with cursor_of() as cursor:
        leases.count_today(cursor, begun)


def test_messages_of_today_are_counted_and_those_of_yesterday_forgotten(device, me):
    (lease,) = take([device.pk], me)
    assert lease.sent_today == 0
    count_today({device.pk: 3})
    count_today({device.pk: 4})
    release([(device.pk, lease.token)], me)
    (lease,) = take([device.pk], me)
    assert lease.sent_today == 7
    Lane.objects.update(day=lease.today - timedelta(days=1), runner=None)
    assert take([device.pk], me)[0].sent_today == 0
    count_today({device.pk: 2})
    assert Lane.objects.get().day_count == 2


def test_the_day_ends_at_midnight_utc(device, me):
    (lease,) = take([device.pk], me)
    assert 0 < lease.seconds_to_midnight <= 24 * 3600
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (clock_timestamp() + %s * interval '1 second') AT TIME ZONE 'UTC'", [lease.seconds_to_midnight]
        )
        midnight = cursor.fetchone()[0]
    assert abs((midnight - midnight.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds()) < 1
