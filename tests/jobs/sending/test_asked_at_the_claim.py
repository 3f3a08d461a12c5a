"""What a person says while a job is being sent holds for everybody who is not yet claimed, within two seconds."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import connection

from accounts.audit import Actor
from accounts.models import Account
from devices import actions as device_acts
from devices.models import Device
from jobs import actions, invariants
from jobs.models import Job, Recipient, Suppression
from jobs.running import settlement
from jobs.states import JobStatus
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import states
from tests.simulator_process import Simulator

pytestmark = pytest.mark.django_db(transaction=True)

GRACE_SECONDS = 2.0
# Ten a second: in no time it has read some hundred, and it sends them for as long as we look.
PACE = 600
RECIPIENTS = 250


@pytest.fixture
def account() -> Account:
    return make_account()


@pytest.fixture
def device(account: Account, simulator: Simulator) -> Device:
    return make_device(account, simulator.url, messages_per_minute=PACE)


class Meanwhile:
    """Acts once some messages have gone out, beside the runner; `late` is how many went out after the grace."""

    def __init__(self, simulator: Simulator, act: Callable[[], object]) -> None:
        self._simulator, self._act = simulator, act
        self.answered_at = 0.0
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Meanwhile":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def _run(self) -> None:
        try:
            give_up = time.monotonic() + 20
            while self._simulator.ledger()["accepted"] < 5:
                assert time.monotonic() < give_up
                time.sleep(0.02)
            self._act()
            self.answered_at = time.time()
        finally:
            connection.close()

    @property
    def late(self) -> int:
        assert self.answered_at
        return sum(at > self.answered_at + GRACE_SECONDS for at in self._simulator.timeline())


def switch(device: Device, **fields: object) -> None:
    """Change a device as its form does."""
    fresh = Device.unscoped.get(pk=device.pk)
    for name, value in fields.items():
        setattr(fresh, name, value)
    device_acts.change(Actor(fresh.account), fresh, fields)


def test_who_opts_out_is_written_to_no_more_although_read_long_before(simulator, runner, account, device):
    job = make_job(account, RECIPIENTS, (device,))
    Recipient.objects.filter(job=job, position=100).update(due_at=job.created_at)  # a retry
    refused = list(Recipient.objects.filter(job=job, position__gte=60).values_list("phone", flat=True))

    def opt_out() -> None:
        for phone in refused:
            actions.suppress(Actor(account), Suppression(phone=phone))

    with Meanwhile(simulator, opt_out) as meanwhile:
        runner.run(25)
    for _ in range(3):  # as the sweep wakes it
        runner.run(5)
    job.refresh_from_db()
    late = [one["number"] for one in simulator.entries() if one["last_at"] > meanwhile.answered_at + GRACE_SECONDS]
    assert not {f"+{number}" for number in late} & set(refused)
    assert job.status == JobStatus.COMPLETED
    assert states(job)["suppressed"] + states(job)["sent"] == RECIPIENTS
    assert states(job)["suppressed"] >= 100
    assert invariants.check() == []


@pytest.mark.parametrize("start_hour", [8, 0])
def test_at_the_end_of_the_hours_nobody_more_is_claimed(simulator, runner, account, device, monkeypatch, start_hour):
    noon, night = datetime(2026, 6, 10, 17, tzinfo=UTC), datetime(2026, 6, 11, 4, tzinfo=UTC)
    clock = [noon]
    monkeypatch.setattr(settlement.timezone, "now", lambda: clock[0])
    window = {"start": f"{start_hour:02}:00", "end": "20:00"}
    job = make_job(account, RECIPIENTS, (device,), sending_window=window)
    with Meanwhile(simulator, lambda: clock.__setitem__(0, night)) as meanwhile:
        runner.run(6)
    assert meanwhile.late == 0
    assert set(states(job)) == {"sent", "queued"}
    assert invariants.check() == []
    # The morning finds them: whoever was read goes out then.
    waits = Recipient.objects.filter(job=job, due_at__isnull=False)
    assert {row.due_at > night for row in waits} == {True}


@pytest.mark.parametrize(
    "fields",
    [
        {"enabled": False},
        {"daily_limit": 1},
        {"messages_per_minute": 1},
        {"only_known_until": datetime(2090, 1, 1, tzinfo=UTC)},
        {"new_people_a_day": 1},
    ],
    ids=lambda one: next(iter(one)),
)
def test_a_device_that_is_switched_off_or_held_back_sends_no_more(simulator, runner, account, device, fields):
    job = make_job(account, RECIPIENTS, (device,))
    with Meanwhile(simulator, lambda: switch(device, **fields)) as meanwhile:
        runner.run(6)
    assert meanwhile.late == 0
    assert set(states(job)) == {"sent", "queued"}
    assert invariants.check() == []


def test_a_slow_device_that_is_held_back_further_does_not_use_the_slot_it_had(simulator, runner, account):
    device = make_device(account, simulator.url, messages_per_minute=20, max_in_flight=1)
    make_job(account, 10, (device,))

    def hold_back() -> None:
        while simulator.ledger()["accepted"] < 1:
            time.sleep(0.02)
        switch(device, messages_per_minute=1)

    thread = threading.Thread(target=lambda: (hold_back(), connection.close()))
    thread.start()
    runner.run(6)
    thread.join()
    assert simulator.ledger()["accepted"] == 1


def test_a_deleted_device_sends_no_more(simulator, runner, account, device):
    job = make_job(account, RECIPIENTS, (device,))
    with Meanwhile(simulator, lambda: device_acts.delete(Actor(account), [device])) as meanwhile:
        runner.run(6)
    assert meanwhile.late == 0
    assert set(states(job)) == {"sent", "queued"}


def test_a_device_whose_pace_is_raised_may_hurry_at_once(simulator, runner, account):
    device = make_device(account, simulator.url, messages_per_minute=60, max_in_flight=1)
    job = make_job(account, 40, (device,))
    thread = threading.Thread(target=lambda: (switch(device, messages_per_minute=6000), connection.close()))
    thread.start()
    runner.run(15)
    thread.join()
    assert Job.unscoped.get(pk=job.pk).status == JobStatus.COMPLETED
