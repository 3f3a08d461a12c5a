"""How many people who never wrote to it a device writes to in a day."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import LazySettings
from django.db.models import F
from django.utils import timezone

from accounts.models import Account
from devices.lane.limits import local_day, next_local_day
from devices.models import Correspondent, Device, Lane
from devices.phone_numbers import key_of
from jobs import invariants, waits
from jobs.models import Job, Recipient
from jobs.running.lane_runner import LaneRunner
from jobs.states import JobStatus
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import states
from tests.simulator_process import Simulator
from tests.waiting import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("closes_sessions_of_other_threads")]


@pytest.fixture(autouse=True)
def _promises_hold() -> Iterator[None]:
    yield
    assert invariants.check() == []


@pytest.fixture
def account() -> Account:
    return make_account(time_zone="America/Lima")


def fast(account: Account, simulator: Simulator, **fields: object) -> Device:
    return make_device(account, simulator.url, **{"messages_per_minute": None, "max_in_flight": 16, **fields})


def know(job: Job, device: Device, *positions: int) -> None:
    now = timezone.now()
    for phone in Recipient.objects.filter(job=job, position__in=positions).values_list("phone", flat=True):
        Correspondent.objects.create(device=device, phone_key=key_of(phone), first_at=now, last_at=now)


def sent(job: Job) -> set[int]:
    return set(Recipient.objects.filter(job=job, state="sent").values_list("position", flat=True))


def rested() -> None:
    """The device looks for people it knows again."""
    Lane.objects.update(next_slot_at=None)


def send(runner: LaneRunner) -> None:
    rested()
    runner.run(0.5)


@pytest.mark.parametrize("fields", [{}, {"messages_per_minute": 6000, "max_in_flight": 4}])
def test_a_device_writes_to_so_many_strangers_a_day_and_to_all_who_wrote_to_it(
    simulator: Simulator, runner: LaneRunner, account: Account, fields: dict[str, int]
) -> None:
    device = fast(account, simulator, new_people_a_day=7, **fields)
    job = make_job(account, 60, (device,))
    known = {3, 20, 21, 22, 55, 59}
    know(job, device, *known)

    eventually(lambda: send(runner) or known <= sent(job))
    send(runner)

    assert len(sent(job) - known) == 7
    assert states(job) == {"sent": 13, "queued": 47}
    lane = Lane.objects.get()
    assert (lane.strangers_day, lane.strangers_count) == (local_day("America/Lima", timezone.now()), 7)
    job.refresh_from_db()
    assert job.status == JobStatus.PROCESSING
    now = timezone.now()
    assert waits.waits(job, now) == [waits.Wait("new_people_limit", None, next_local_day("America/Lima", now))]

    Lane.objects.update(strangers_day=F("strangers_day") - timedelta(days=1))
    eventually(lambda: send(runner) or len(sent(job)) == 20)
    send(runner)
    assert len(sent(job)) == 20
    assert simulator.ledger()["duplicates"] == 0


def test_the_others_go_through_another_device(simulator: Simulator, runner: LaneRunner, account: Account) -> None:
    careful = fast(account, simulator, new_people_a_day=5)
    free = fast(account, simulator, instance_name="demo-2")
    job = make_job(account, 400, (careful, free))
    eventually(lambda: runner.run(1.0) or states(job) == {"sent": 400})
    assert Recipient.objects.filter(job=job, device=careful).count() <= 5
    assert simulator.ledger()["duplicates"] == 0
    assert Job.unscoped.get().status == JobStatus.COMPLETED


def test_what_did_not_go_out_does_not_count(simulator: Simulator, runner: LaneRunner, account: Account) -> None:
    device = fast(account, simulator, new_people_a_day=6, max_in_flight=1)
    job = make_job(account, 30, (device,))
    simulator.faults({"not-on-whatsapp": "1x3"})
    eventually(lambda: send(runner) or len(sent(job)) == 6)
    send(runner)
    assert states(job) == {"sent": 6, "failed": 3, "queued": 21}
    assert Lane.objects.get().strangers_count == 6


@pytest.mark.parametrize(("own", "written"), [(None, 4), (0, 30), (9, 9)])
def test_the_server_says_where_a_device_does_not(
    simulator: Simulator, runner: LaneRunner, account: Account, settings: LazySettings, own: int | None, written: int
) -> None:
    settings.NEW_PEOPLE_A_DAY = 4
    job = make_job(account, 30, (fast(account, simulator, new_people_a_day=own),))
    eventually(lambda: send(runner) or len(sent(job)) == written)
    send(runner)
    assert len(sent(job)) == written


def test_a_number_that_is_set_while_it_sends_holds_from_then_on(
    simulator: Simulator, runner: LaneRunner, account: Account
) -> None:
    device = fast(account, simulator, messages_per_minute=600, max_in_flight=1)
    job = make_job(account, 60, (device,))
    runner.run(0.5)
    Device.unscoped.update(new_people_a_day=3)
    eventually(lambda: runner.run(0.3) or Lane.objects.get().strangers_count == 3)
    before = sent(job)
    send(runner)
    assert sent(job) == before


def test_the_day_is_the_accounts() -> None:
    evening = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
    assert local_day("America/Lima", evening) == date(2026, 3, 1)
    assert next_local_day("America/Lima", evening) == datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
    assert local_day("no such place", evening) == date(2026, 3, 2)
