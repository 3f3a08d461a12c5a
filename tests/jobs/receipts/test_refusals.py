"""Which refusals show that WhatsApp lets a device write only to people who wrote to it."""

from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings
from django.db.models import F
from django.utils import timezone

from accounts.audit import Actor
from devices import actions
from devices.gateway import registry
from devices.health import timelock
from devices.models import Acknowledgement, Correspondent, Device, Incident
from devices.phone_numbers import key_of
from jobs.models import Job, Recipient
from tests.devices.gateway.pigeon import PigeonGateway
from tests.factories import make_device
from tests.jobs.receipts.arrange import ids, sent_job, tell, worked

pytestmark = pytest.mark.django_db


@pytest.fixture
def job_and_device(db: None) -> tuple[Job, Device]:
    return sent_job(8)


def hear(device: Device, *receipts: tuple[str, str]) -> None:
    tell(device, *receipts)
    worked()
    device.refresh_from_db()


def know(job: Job, device: Device, *positions: int) -> None:
    now = timezone.now()
    for phone in Recipient.objects.filter(job=job, position__in=positions).values_list("phone", flat=True):
        Correspondent.objects.create(device=device, phone_key=key_of(phone), first_at=now, last_at=now)


def is_locked(device: Device) -> bool:
    return timelock.of(device, timezone.now()) is not None


def test_three_in_a_row_lock_a_device_for_a_day(job_and_device: tuple[Job, Device]) -> None:
    job, device = job_and_device
    one, two, three, *_ = ids(job)
    hear(device, (one, "ERROR"), (two, "ERROR"))
    assert not is_locked(device)
    hear(device, (three, "ERROR"))
    lock = timelock.of(device, timezone.now())
    assert lock is not None
    assert lock.until - lock.began_at == pytest.approx(timedelta(hours=24), abs=timedelta(seconds=1))
    assert timelock.of(device, lock.until) is None
    assert (device.status, device.status_reason) == ("connected", "")


def test_the_same_refusal_told_again_counts_once(job_and_device: tuple[Job, Device]) -> None:
    job, device = job_and_device
    one, two, *_ = ids(job)
    for _ in range(3):
        hear(device, (one, "ERROR"), (two, "ERROR"), (one, "ERROR"))
    assert not is_locked(device)


@pytest.mark.parametrize("together", [True, False])
def test_a_stranger_who_is_delivered_to_between_begins_the_count_anew(
    job_and_device: tuple[Job, Device], together: bool
) -> None:
    job, device = job_and_device
    one, two, three, four, five, *_ = ids(job)
    told = [(one, "ERROR"), (two, "ERROR"), (three, "DELIVERY_ACK"), (four, "ERROR"), (five, "ERROR")]
    for some in [told] if together else [[each] for each in told]:
        hear(device, *some)
    assert not is_locked(device)
    hear(device, (ids(job)[5], "ERROR"))
    assert is_locked(device)


def test_a_refusal_that_is_lifted_counts_no_more(job_and_device: tuple[Job, Device]) -> None:
    job, device = job_and_device
    one, two, three, *_ = ids(job)
    hear(device, (one, "ERROR"), (two, "ERROR"))
    hear(device, (two, "DELIVERY_ACK"))
    hear(device, (three, "ERROR"))
    assert not is_locked(device)


def test_people_who_wrote_say_nothing_of_strangers(job_and_device: tuple[Job, Device]) -> None:
    job, device = job_and_device
    know(job, device, 1, 2, 3)
    one, two, three, four, five, six, *_ = ids(job)
    hear(device, (one, "ERROR"), (two, "ERROR"), (three, "DELIVERY_ACK"), (four, "ERROR"), (five, "ERROR"))
    assert not is_locked(device)
    hear(device, (six, "ERROR"))
    assert is_locked(device)


def test_refusals_long_apart_are_no_burst(job_and_device: tuple[Job, Device]) -> None:
    job, device = job_and_device
    one, two, three, *_ = ids(job)
    hear(device, (one, "ERROR"), (two, "ERROR"))
    Acknowledgement.objects.update(refused_at=F("refused_at") - timedelta(minutes=61))
    hear(device, (three, "ERROR"))
    assert not is_locked(device)


def test_each_device_counts_its_own(job_and_device: tuple[Job, Device]) -> None:
    job, device = job_and_device
    other_job, other = sent_job(2)
    hear(device, *((one, "ERROR") for one in ids(job)[:2]))
    hear(other, *((one, "ERROR") for one in ids(other_job)))
    assert not is_locked(device)
    assert not is_locked(other)


def test_none_is_looked_for_where_that_is_switched_off(
    job_and_device: tuple[Job, Device], settings: LazySettings
) -> None:
    settings.TIME_LOCK_ERRORS = 0
    job, device = job_and_device
    hear(device, *((one, "ERROR") for one in ids(job)))
    assert not is_locked(device)


def test_what_was_under_way_is_part_of_the_same_incident_and_one_after_its_end_is_another(
    job_and_device: tuple[Job, Device],
) -> None:
    job, device = job_and_device
    hear(device, *((one, "ERROR") for one in ids(job)[:3]))
    until = device.only_known_until
    hear(device, *((one, "ERROR") for one in ids(job)[3:5]))
    assert device.only_known_until == until
    assert Incident.objects.get().over_at is None
    Device.unscoped.update(only_known_until=timezone.now())
    hear(device)
    assert device.only_known_until is None
    assert Incident.objects.get().over_at is not None
    hear(device, *((one, "ERROR") for one in ids(job)[5:7]))
    assert not is_locked(device)
    hear(device, (ids(job)[7], "ERROR"))
    assert is_locked(device)
    assert Incident.objects.count() == 2


def test_another_number_begins_anew(job_and_device: tuple[Job, Device]) -> None:
    job, device = job_and_device
    know(job, device, 7)
    hear(device, *((one, "ERROR") for one in ids(job)[:3]))
    actor = Actor(device.account)
    device.daily_limit = 5
    actions.change(actor, device, ["daily_limit"])
    assert is_locked(device)
    device.instance_name = "another"
    actions.change(actor, device, ["instance_name"])
    device.refresh_from_db()
    assert not is_locked(device)
    assert Incident.objects.get().over_at is not None
    assert not Correspondent.objects.exists()
    hear(device, *((one, "ERROR") for one in ids(job)[3:5]))
    assert not is_locked(device)


class Tells(PigeonGateway):
    """A gateway that knows until when its number is locked."""

    def __init__(self, until: datetime | None) -> None:
        self.limits = self
        self.until = until

    def only_known_until(self, timeout_seconds: float) -> datetime | None:
        return self.until


@pytest.mark.parametrize("hours", [2, None])
def test_a_gateway_that_knows_until_when_is_asked(
    job_and_device: tuple[Job, Device], monkeypatch: pytest.MonkeyPatch, hours: int | None
) -> None:
    job, device = job_and_device
    until = timezone.now() + timedelta(hours=hours) if hours else None
    monkeypatch.setattr(registry, "GATEWAYS", {device.provider: lambda device: Tells(until)})
    hear(device, *((one, "ERROR") for one in ids(job)[:3]))
    if until:
        assert device.only_known_until == until
    else:
        assert device.only_known_until > timezone.now() + timedelta(hours=23)


def test_a_device_that_is_gone_is_not_locked(job_and_device: tuple[Job, Device]) -> None:
    job, device = job_and_device
    make_device(device.account)
    device.delete()
    hear(device, *((one, "ERROR") for one in ids(job)[:3]))
    assert device.only_known_until is None
    assert not Incident.objects.exists()
