"""When what gateways told may have been lost is noted: nobody at the door, a broken webhook, a device that was away."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from devices.models import CatchUp, Device, Outage, Presence, Webhook
from devices.webhooks import absences, header_secrets, subscribing
from devices.webhooks.subscribing import Agreed
from tests.devices import arrange

pytestmark = pytest.mark.django_db
NOW = timezone.now()
LONG_AGO = NOW - timedelta(hours=5)


def told(device: Device, **row: Any) -> Device:
    """A device whose gateway was told where to tell us."""
    header_secrets.secret_of(device)
    Webhook.objects.filter(device=device).update(**{"set_at": LONG_AGO, "heard_at": LONG_AGO, **row})
    return device


def missed_since(device: Device) -> Any:
    return CatchUp.objects.filter(device=device).values_list("missed_since", flat=True).first()


def test_while_somebody_stands_at_the_door_nothing_is_missed() -> None:
    device = told(arrange.device())
    assert absences.stand_at_the_door() == 0  # the first ever
    assert absences.stand_at_the_door() == 0
    assert missed_since(device) is None


def test_after_an_absence_whatever_was_told_since_is_missed_by_every_device_that_tells() -> None:
    first, second = told(arrange.device()), told(arrange.device(instance_name="demo-2"))
    arrange.device(instance_name="demo-3")  # tells nobody
    gone = told(arrange.device(instance_name="demo-4"))
    Device.unscoped.filter(pk=gone.pk).update(deleted_at=NOW)
    Presence.objects.create(open_at=LONG_AGO)

    assert absences.stand_at_the_door() == 2
    assert absences.stand_at_the_door() == 0
    assert [missed_since(one) for one in (first, second, gone)] == [LONG_AGO, LONG_AGO, None]


def test_of_two_absences_the_longer_counts_and_the_reading_begins_anew() -> None:
    device = told(arrange.device())
    CatchUp.objects.create(
        device=device, missed_since=LONG_AGO, began_at=NOW, read_back_to=LONG_AGO, looks_in_vain=3, problem="no_answer"
    )
    Presence.objects.create(open_at=NOW - timedelta(hours=1))
    absences.stand_at_the_door()

    row = CatchUp.objects.get()
    assert (row.missed_since, row.began_at, row.read_back_to) == (LONG_AGO, None, None)
    assert (row.looks_in_vain, row.problem) == (0, "")


def test_the_server_notes_that_it_is_there_and_begins_and_ends_as_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[bool] = []
    monkeypatch.setattr(absences, "stand_at_the_door", lambda: noted.append(True))
    said: list[str] = []

    async def serve() -> None:
        asked: asyncio.Queue[dict[str, str]] = asyncio.Queue()

        async def say(message: dict[str, str]) -> None:
            said.append(message["type"])

        serving = asyncio.create_task(absences.Doorkeeper()({"type": "lifespan"}, asked.get, say))
        await asked.put({"type": "lifespan.startup"})
        while not noted:
            await asyncio.sleep(0.01)
        await asked.put({"type": "lifespan.shutdown"})
        await serving

    asyncio.run(serve())
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.parametrize(("problem", "was_set"), [("hook_elsewhere", False), ("", True)])
def test_a_webhook_that_did_not_stand_was_told_in_vain_since_it_was_last_heard(problem: str, was_set: bool) -> None:
    device = told(arrange.device())
    subscribing.note(device, Agreed(problem, was_set), NOW)
    assert missed_since(device) == LONG_AGO


def test_one_that_is_set_for_the_first_time_or_found_as_it_should_be_missed_nothing() -> None:
    new, well = arrange.device(), told(arrange.device(instance_name="demo-2"))
    header_secrets.secret_of(new)
    subscribing.note(new, Agreed("", was_set=True), NOW)
    subscribing.note(well, Agreed(""), NOW)
    assert not CatchUp.objects.exists()


@pytest.mark.parametrize(
    ("reason", "minutes", "is_missed"),
    [("unreachable", 5, True), ("unreachable", 0, False), ("instance_closed", 0, True)],
)
def test_who_comes_back_from_a_longer_outage_or_was_closed_may_have_missed_something(
    reason: str, minutes: int, is_missed: bool
) -> None:
    device = told(arrange.device())
    began_at = NOW - timedelta(minutes=10)
    Outage.objects.create(
        device=device, reason=reason, began_at=began_at, over_at=began_at + timedelta(minutes=minutes)
    )

    assert absences.note_outages() == is_missed
    assert missed_since(device) == (began_at if is_missed else None)
    assert absences.note_outages() == 0


def test_an_outage_that_was_caught_up_with_is_not_missed_again() -> None:
    device = told(arrange.device())
    Outage.objects.create(device=device, reason="unreachable", began_at=LONG_AGO, over_at=NOW - timedelta(hours=2))
    CatchUp.objects.create(device=device, began_at=NOW - timedelta(hours=1))
    assert absences.note_outages() == 0


def test_another_number_missed_nothing() -> None:
    device = told(arrange.device())
    CatchUp.objects.create(device=device, missed_since=LONG_AGO)
    absences.forget([device.pk])
    assert not CatchUp.objects.exists()
