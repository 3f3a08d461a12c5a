"""One runner for each device: leases, their fencing tokens, and how a dead runner's devices are taken over."""

import random
import threading
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from devices.lane import leases
from devices.models import Lane
from tests.factories import make_account, make_device
from tests.waiting import GIVE_UP_SECONDS

pytestmark = pytest.mark.django_db
by_several_sessions = pytest.mark.django_db(transaction=True)
LONG = 100.0


@pytest.fixture
def device():
    return make_device(make_account())


@contextmanager
def session():
    """A database session of its own, as every worker process has one."""
    wrapper = connection.copy()
    wrapper.inc_thread_sharing()
    wrapper.settings_dict = {**wrapper.settings_dict, "OPTIONS": {}}  # without the pool: closed is closed
    try:
        wrapper.ensure_connection()
        yield wrapper
    finally:
        wrapper.close()


def pid_of(wrapper):
    return wrapper.connection.info.backend_pid


def kill(wrapper):
    """End a session as PostgreSQL sees it when its process dies."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid_of(wrapper)])


def take(device_ids, holder="me", seconds=LONG, using=connection):
    with transaction.atomic() if using is connection else _own(using), using.cursor() as cursor:
        return leases.take(cursor, device_ids, holder, seconds)


@contextmanager
def _own(wrapper):
    """A transaction in a session that is none of Django's."""
    wrapper.set_autocommit(False)
    try:
        yield
        wrapper.commit()
    finally:
        if wrapper.connection is not None and not wrapper.connection.closed:
            wrapper.rollback()
            wrapper.set_autocommit(True)


def renew(held, seconds=LONG):
    with transaction.atomic(), connection.cursor() as cursor:
        return leases.renew(cursor, held, seconds)


def release(held):
    with transaction.atomic(), connection.cursor() as cursor:
        leases.release(cursor, held)


# --- Taking ---------------------------------------------------------------------------------------------------


def test_a_free_device_is_taken_by_one_and_by_no_second(device):
    (lease,) = take([device.pk], "first")
    assert (lease.device_id, lease.token, lease.slot_in_seconds) == (device.pk, 1, 0.0)
    assert take([device.pk], "second") == []
    assert Lane.objects.get().holder == "first"


def test_of_several_devices_those_that_are_free_are_taken(device):
    other = make_device(device.account)
    take([device.pk])
    assert [lease.device_id for lease in take([device.pk, other.pk], "second")] == [other.pk]
    assert take([]) == []


def test_what_was_given_back_is_free_at_once_and_the_token_has_risen(device):
    (lease,) = take([device.pk])
    release([(device.pk, lease.token)])
    (next_lease,) = take([device.pk], "second")
    assert next_lease.token == lease.token + 1


def test_a_lease_that_ran_out_is_taken_over(device):
    (old,) = take([device.pk], "frozen", seconds=0.05)
    time.sleep(0.1)
    (new,) = take([device.pk], "second")
    assert new.token == old.token + 1


@by_several_sessions
def test_a_device_whose_holder_has_died_is_taken_over_long_before_its_lease_ends(device):
    with session() as workers:
        take([device.pk], "worker", using=workers)
        assert take([device.pk], "second") == []
        kill(workers)
        (lease,) = take([device.pk], "second")
    assert lease.token == 2


@by_several_sessions
def test_another_session_that_got_the_dead_ones_number_is_not_taken_for_it(device):
    with session() as stranger:
        take([device.pk], "worker")
        Lane.objects.update(session_pid=pid_of(stranger))  # begun at another time than the holder's
        assert len(take([device.pk], "second")) == 1


@by_several_sessions
def test_of_two_that_want_a_device_at_once_one_gets_it(device):
    """Ten rounds: the lease is free, everybody jumps at it."""
    for number in range(10):
        gate = threading.Barrier(4)
        taken = []

        def jump(gate=gate, taken=taken):
            with session() as mine:
                gate.wait(GIVE_UP_SECONDS)
                taken.extend(take([device.pk], "jumper", using=mine))
                gate.wait(GIVE_UP_SECONDS)  # nobody's session ends before all have tried

        jumpers = [threading.Thread(target=jump) for _ in range(4)]
        for jumper in jumpers:
            jumper.start()
        for jumper in jumpers:
            jumper.join()
        assert [lease.token for lease in taken] == [number + 1]
        # Their sessions are gone: free again for the next round.


@by_several_sessions
def test_sessions_that_take_renew_and_release_the_same_devices_in_any_order_never_meet_a_deadlock():
    account = make_account()
    device_ids = [make_device(account).pk for _ in range(60)]
    rounds, errors = [], []

    def work(seed):
        chance = random.Random(seed)
        with session() as mine:
            try:
                for _ in range(60):
                    held = take(chance.sample(device_ids, 40), "worker", using=mine)
                    with _own(mine), mine.cursor() as cursor:
                        leases.renew(cursor, [(lease.device_id, lease.token, 0.0) for lease in held], LONG)
                    with _own(mine), mine.cursor() as cursor:
                        leases.release(cursor, [(lease.device_id, lease.token) for lease in held])
                    rounds.append(len(held))
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


# --- Renewing and losing ------------------------------------------------------------------------------------------


def test_a_renewed_lease_lasts_from_now_on(device):
    (lease,) = take([device.pk], seconds=0.2)
    assert renew([(device.pk, lease.token, 0.0)]) == {device.pk}
    time.sleep(0.25)
    assert take([device.pk], "second") == []


def test_after_a_takeover_the_old_token_can_neither_renew_nor_release(device):
    (old,) = take([device.pk], "frozen", seconds=0.05)
    time.sleep(0.1)
    (new,) = take([device.pk], "second")
    before = Lane.objects.values().get()
    assert renew([(device.pk, old.token, 77.0)]) == set()
    release([(device.pk, old.token)])
    assert Lane.objects.values().get() == before
    assert renew([(device.pk, new.token, 0.0)]) == {device.pk}


def test_each_of_several_leases_stands_for_itself(device):
    other = make_device(device.account)
    first, second = take([device.pk, other.pk])
    assert renew([(first.device_id, first.token + 1, 0.0), (second.device_id, second.token, 0.0)]) == {second.device_id}
    assert renew([]) == set()


@by_several_sessions
def test_a_renewed_device_cannot_be_taken_before_the_renewer_has_committed(device):
    (lease,) = take([device.pk], seconds=0.05)
    time.sleep(0.1)
    taken = []
    with session() as other:
        rival = threading.Thread(target=lambda: taken.extend(take([device.pk], "second", using=other)))
        with transaction.atomic(), connection.cursor() as cursor:
            assert leases.renew(cursor, [(device.pk, lease.token, 0.0)], LONG) == {device.pk}
            rival.start()
            time.sleep(0.2)
            assert taken == []
        rival.join()
    assert taken == []


# --- The slot -----------------------------------------------------------------------------------------------------


def test_the_next_holder_learns_when_the_next_message_may_go(device):
    (lease,) = take([device.pk])
    renew([(device.pk, lease.token, 3000.0)])
    release([(device.pk, lease.token)])
    (next_lease,) = take([device.pk], "second")
    assert 2900 < next_lease.slot_in_seconds <= 3000


def test_a_slot_that_has_passed_is_now(device):
    (lease,) = take([device.pk])
    renew([(device.pk, lease.token, 0.05)])
    release([(device.pk, lease.token)])
    time.sleep(0.1)
    assert take([device.pk], "second")[0].slot_in_seconds == 0.0


# --- The day ------------------------------------------------------------------------------------------------------


def count_today(begun):
    with transaction.atomic(), connection.cursor() as cursor:
        leases.count_today(cursor, begun)


def test_messages_of_today_are_counted_and_those_of_yesterday_forgotten(device):
    (lease,) = take([device.pk])
    assert lease.sent_today == 0
    count_today({device.pk: 3})
    count_today({device.pk: 4})
    release([(device.pk, lease.token)])
    (lease,) = take([device.pk])
    assert lease.sent_today == 7
    Lane.objects.update(day=lease.today - timedelta(days=1), holder="")
    assert take([device.pk])[0].sent_today == 0
    count_today({device.pk: 2})
    assert Lane.objects.get().day_count == 2


def test_the_day_ends_at_midnight_utc(device):
    (lease,) = take([device.pk])
    assert 0 < lease.seconds_to_midnight <= 24 * 3600
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (clock_timestamp() + %s * interval '1 second') AT TIME ZONE 'UTC'", [lease.seconds_to_midnight]
        )
        midnight = cursor.fetchone()[0]
    assert abs((midnight - midnight.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds()) < 1
