"""Who sends: a runner lives as long as its session and its lease, and all that it held is free when it is buried."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from devices.lane import runners
from devices.models import Device, Lane, Runner
from tests.devices.lane.arrange import LONG, bury, cursor_of, kill, pid_of, register, session, take
from tests.factories import make_account, make_device
from tests.waiting import eventually

pytestmark = pytest.mark.django_db
by_several_sessions = pytest.mark.django_db(transaction=True)


@pytest.fixture
def device():
    return make_device(make_account(), messages_per_minute=None)


def hold(runner_id, seconds=LONG):
    with cursor_of() as cursor:
        return runners.hold(cursor, runner_id, seconds)


# --- Dying ------------------------------------------------------------------------------------------------------------


def test_the_living_are_not_buried(device):
    runner = register()
    take([device.pk], runner)
    assert bury() == []
    assert Lane.objects.get().runner_id == runner


def test_a_lease_that_ran_out_is_the_end_of_all_a_runner_held(device):
    other = make_device(device.account)
    runner = register("frozen", seconds=0.05)
    take([device.pk, other.pk], runner)
    time.sleep(0.1)
    assert sorted(bury()) == [device.pk, other.pk]
    assert not Runner.objects.exists()
    assert hold(runner) is False
    assert [lease.token for lease in take([device.pk], register())] == [2]


@by_several_sessions
def test_a_runner_whose_session_is_gone_is_dead_long_before_its_lease_ends(device):
    with session() as workers:
        runner = register("worker", using=workers)
        take([device.pk], runner, using=workers)
        assert bury() == []
        kill(workers)
        assert bury() == [device.pk]
    assert Lane.objects.get().runner_id is None


@by_several_sessions
def test_another_session_that_got_the_dead_ones_number_is_not_taken_for_it(device):
    with session() as stranger:
        take([device.pk], register())
        Runner.objects.update(session_pid=pid_of(stranger))  # begun at another time than the runner's
        assert bury() == [device.pk]


@by_several_sessions
def test_a_runner_that_lost_its_session_moves_to_the_next_if_nobody_buried_it(device):
    with session() as first:
        runner = register(using=first)
        take([device.pk], runner, using=first)
        kill(first)
    with cursor_of() as cursor:
        runners.move_here(cursor, runner)
    assert bury() == []
    assert hold(runner)


def test_a_renewed_runner_lives_from_now_on(device):
    runner = register(seconds=0.2)
    take([device.pk], runner)
    assert hold(runner)
    time.sleep(0.25)
    assert bury() == []


@by_several_sessions
def test_who_is_renewed_in_a_transaction_is_not_buried_before_that_ends(device):
    with session() as workers:
        runner = register("slow", seconds=0.05, using=workers)
        take([device.pk], runner, using=workers)
        time.sleep(0.1)
        with cursor_of(workers) as cursor:
            assert runners.hold(cursor, runner, LONG)
            with cursor_of() as impatient:
                impatient.execute("SET LOCAL lock_timeout = '200ms'")
                with pytest.raises(Exception, match="lock timeout"):
                    runners.bury(impatient)
        assert bury() == []


# --- The slot of a device whose sender died -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("per_minute", "jitter", "rests"), [(12, 0, 5.05), (12, 100, 10.1), (60, 0, 1.01), (None, 0, 0)]
)
def test_nobody_knows_when_a_dead_ones_device_sent_last_so_it_rests_as_long_as_its_pace_asks(
    device, per_minute, jitter, rests
):
    Device.unscoped.update(messages_per_minute=per_minute, jitter_percent=jitter)
    take([device.pk], register(seconds=0.01))
    time.sleep(0.02)
    bury()
    (lease,) = take([device.pk], register())
    assert rests - 0.5 <= lease.slot_in_seconds <= rests


def test_a_longer_rest_that_was_noted_is_kept(device):
    take([device.pk], register(seconds=0.01))
    Lane.objects.update(next_slot_at=datetime.now(tz=UTC) + timedelta(minutes=3))
    time.sleep(0.02)
    bury()
    (lease,) = take([device.pk], register())
    assert lease.slot_in_seconds > 170


# --- Joining and leaving -----------------------------------------------------------------------------------------


def count():
    with cursor_of() as cursor:
        return runners.count(cursor)


def test_runners_and_what_they_hold_are_counted(device):
    assert count() == (0, 0)
    first, second = register(), register()
    take([device.pk], first)
    take([make_device(device.account).pk], second)
    make_device(device.account)
    assert count() == (2, 2)


def test_one_that_holds_nothing_leaves_and_one_that_does_is_left_to_be_buried(device):
    idle, busy = register(), register()
    take([device.pk], busy)
    with cursor_of() as cursor:
        runners.leave(cursor, idle)
        runners.leave(cursor, busy)
    assert list(Runner.objects.values_list("pk", flat=True)) == [busy]


# --- What the database tells -----------------------------------------------------------------------------------------


@by_several_sessions
@pytest.mark.parametrize(
    ("change", "tells"),
    [
        ({"enabled": False}, True),
        ({"messages_per_minute": 60}, True),
        ({"status": "disconnected"}, True),
        ({"token": "another"}, True),
        ({"daily_limit": 7}, True),
        ({"new_people_a_day": 7}, True),
        ({"only_known_until": datetime(2030, 1, 1, tzinfo=UTC)}, True),
        ({"name": "another"}, False),
        ({"status_reason": "unreachable"}, False),
        ({"last_well_at": datetime.now(tz=UTC)}, False),
    ],
)
def test_runners_hear_of_what_changes_how_a_device_is_driven_by_whatever_door(device, change, tells):
    with session() as workers:
        heard = []
        with cursor_of(workers) as cursor:
            runners.listen(cursor)
        workers.connection.add_notify_handler(heard.append)
        Device.unscoped.update(**change)

        def has_heard():
            with workers.cursor() as cursor:
                cursor.execute("SELECT 1")
            return bool(heard)

        if tells:
            eventually(has_heard)
        else:
            Device.unscoped.update(enabled=False)
            eventually(has_heard)
            assert len(heard) == 1  # this one


def test_an_unchanged_device_is_not_told_of(device):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname, tgqual IS NOT NULL FROM pg_trigger WHERE tgrelid = 'devices_device'::regclass"
            " AND tgfoid = 'tell_runners'::regproc ORDER BY tgname"
        )
        assert cursor.fetchall() == [("device_changed", True), ("device_locked", True), ("device_strangers", True)]
