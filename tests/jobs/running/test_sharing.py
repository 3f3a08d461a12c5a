"""Runners share the devices: who joins gets its part, who leaves or dies leaves it; a device that moved is followed."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from devices.models import Device, Lane, Runner
from jobs import invariants
from jobs.models import Job
from jobs.running import lookout
from jobs.running.lane_runner import LaneRunner
from jobs.running.settlement import Settlement
from tests.devices.lane.arrange import kill, register, session, take
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import states
from tests.simulator_process import Simulator
from tests.waiting import GIVE_UP_SECONDS, eventually

pytestmark = pytest.mark.django_db(transaction=True)
DEVICES = 12


@pytest.fixture(autouse=True)
def _look_often(monkeypatch, settings):
    monkeypatch.setattr(lookout, "LOOK_SECONDS", 0.3)
    monkeypatch.setattr(lookout, "BALANCE_SECONDS", 0.5)
    settings.WORKER_PROCESSES = 1


@contextmanager
def running() -> Iterator[None]:
    """A runner on a thread of its own, as a worker process has one."""
    stop = threading.Event()

    def run() -> None:
        runner = LaneRunner()
        try:
            runner.run(GIVE_UP_SECONDS, stop.is_set)
        finally:
            runner.close()
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(GIVE_UP_SECONDS)


def held() -> list[int]:
    """How many devices each runner holds, the most first."""
    return sorted(Counter(Lane.objects.exclude(runner=None).values_list("runner_id", flat=True)).values())[::-1]


@pytest.fixture
def job(simulator: Simulator) -> Job:
    account = make_account()
    devices = [make_device(account, simulator.url, messages_per_minute=60) for _ in range(DEVICES)]
    return make_job(account, 5000, tuple(devices))


def test_who_joins_gets_its_share_and_who_leaves_leaves_it_to_the_others(job: Job, simulator: Simulator) -> None:
    with running():
        eventually(lambda: held() == [DEVICES])
        with running():
            eventually(lambda: held() == [DEVICES // 2, DEVICES // 2])
            with running():
                eventually(lambda: held() == [4, 4, 4])
            eventually(lambda: held() == [DEVICES // 2, DEVICES // 2])
        eventually(lambda: held() == [DEVICES])
    assert held() == []
    assert not Runner.objects.exists()
    ledger = simulator.ledger()
    assert ledger["accepted"] == ledger["distinct"] == states(job)["sent"]
    assert set(states(job)) == {"sent", "queued"}
    assert invariants.check() == []


def test_what_a_dead_one_held_is_taken_over(job: Job) -> None:
    with running():
        eventually(lambda: held() == [DEVICES])
        with running():
            eventually(lambda: held() == [DEVICES // 2, DEVICES // 2])
            first = Runner.objects.order_by("pk").first()
            assert first is not None
            # As a kill does. This one comes back, as no process does: it has lost all it had, and begins anew.
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", [first.session_pid])
            eventually(lambda: sum(held()) == DEVICES and 1 <= Runner.objects.count() <= 2)
    assert held() == []


def test_the_dead_are_noticed_though_nobody_looks_around_and_nothing_sweeps(job: Job, monkeypatch) -> None:
    monkeypatch.setattr(lookout, "LOOK_SECONDS", 1000.0)
    monkeypatch.setattr(Settlement, "take_news", lambda self: False)
    with session() as theirs:
        their_id = register("dying", using=theirs)
        take(list(job.job_devices.values_list("device_id", flat=True)[: DEVICES // 2]), their_id, using=theirs)
        with running():
            eventually(lambda: held() == [DEVICES // 2, DEVICES // 2])
            kill(theirs)
            eventually(lambda: held() == [DEVICES // 2])
            assert not Runner.objects.filter(pk=their_id).exists()


def test_a_device_that_gets_another_instance_is_sent_through_that_at_once(simulator: Simulator) -> None:
    account = make_account()
    device = make_device(account, simulator.url, instance_name="demo-1", messages_per_minute=600)
    make_job(account, 5000, (device,))
    with running():
        eventually(lambda: len(simulator.timeline("demo-1")) > 3)
        Device.unscoped.filter(pk=device.pk).update(instance_name="demo-2")
        changed = time.time()
        eventually(lambda: len(simulator.timeline("demo-2")) > 3)
    assert simulator.timeline("demo-1")[-1] - changed < 3
