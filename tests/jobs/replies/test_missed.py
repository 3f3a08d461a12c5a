"""What people wrote, and what became of our messages, while nobody stood at the door: read from the gateway's own store
and obeyed as if it had just been told, once however often it is read."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from devices.gateway.base import Acceptance
from devices.models import CatchUp, Device, Presence, Webhook
from devices.webhooks import absences, catching_up
from jobs.models import Answer, IncomingMessage, Recipient, Suppression
from jobs.replies import opting_out
from jobs.sending.outcomes import accepted
from tests.devices.webhooks.served import door, have_it_tell
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import record, sending_one
from tests.jobs.receipts.arrange import worked
from tests.simulator_process import Simulator
from tests.waiting import eventually

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("closes_sessions_of_other_threads"),
]
ANA, LUIS = "51987654321", "51987654322"


@pytest.fixture
def device(simulator: Simulator, settings: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    """A device of the simulator, whose instance tells a door of ours."""
    settings.EGRESS_ALLOWED_CIDRS = ["127.0.0.0/8"]
    monkeypatch.setattr(catching_up, "PAUSE_SECONDS", 0.0)
    opting_out._words.clear()
    simulator.renew()
    device = make_device(make_account(), simulator.url)
    with door() as address:
        have_it_tell(simulator, device, address)
        Webhook.objects.filter(device=device).update(set_at=timezone.now())
        yield device
        simulator.renew()


def messages(device: Device) -> list[tuple[str, str]]:
    rows = IncomingMessage.objects.for_account(device.account_id).order_by("at", "text")
    return [(row.phone, row.text) for row in rows]


def suppressed(device: Device) -> set[str]:
    return set(Suppression.objects.for_account(device.account_id).values_list("phone", flat=True))


def back_after(hours: int) -> None:
    """Somebody stands at the door again, after so long."""
    Presence.objects.update_or_create(id=1, defaults={"open_at": timezone.now() - timedelta(hours=hours)})
    assert absences.stand_at_the_door() == 1
    while catching_up.catch_up(timezone.now()):
        pass
    assert CatchUp.objects.get().missed_since is None


def test_a_stop_that_was_told_in_vain_is_obeyed_and_everything_is_kept_once(
    device: Device, simulator: Simulator
) -> None:
    simulator.incoming("demo-1", ANA, "hola")
    eventually(lambda: worked() or messages(device) == [(f"+{ANA}", "hola")])
    simulator.faults({"lost-webhooks": 1})
    simulator.incoming("demo-1", LUIS, "BAJA")
    simulator.incoming("demo-1", ANA, "¿precio?")
    simulator.faults({})

    back_after(hours=1)
    assert suppressed(device) == {f"+{LUIS}"}, "before the inbox is worked, as at the door"
    worked()
    assert sorted(text for _, text in messages(device)) == ["BAJA", "hola", "¿precio?"]

    back_after(hours=1)
    worked()
    assert len(messages(device)) == 3
    assert Answer.unscoped.count() == 1, "who left is told so once"


def test_who_came_back_while_nobody_was_there_is_not_taken_off_by_what_they_wrote_before(
    device: Device, simulator: Simulator
) -> None:
    now = timezone.now().timestamp()
    simulator.faults({"lost-webhooks": 1})
    simulator.incoming("demo-1", ANA, "STOP", at=now - 120)
    simulator.incoming("demo-1", ANA, "START", at=now - 60)
    simulator.incoming("demo-1", LUIS, "START", at=now - 120)
    simulator.incoming("demo-1", LUIS, "STOP", at=now - 60)

    back_after(hours=1)
    worked()
    assert suppressed(device) == {f"+{LUIS}"}


def test_receipts_that_were_told_in_vain_are_applied(device: Device, simulator: Simulator) -> None:
    job = make_job(device.account, 1, (device,), next_position=1)
    simulator.faults({"lost-webhooks": 1})
    told = simulator.post("/message/sendText/demo-1", {"number": "51900000000", "text": "Hola"}).json()
    claim = sending_one(Recipient.objects.get(job=job), device)
    record(accepted(claim, Acceptance(told["key"]["id"])))
    simulator.receipt("demo-1", told["key"]["id"], "READ")

    back_after(hours=1)
    worked()
    recipient = Recipient.objects.get(job=job)
    assert (recipient.state, recipient.read_at is not None) == ("read", True)
    job.refresh_from_db()
    assert (job.delivered, job.read) == (1, 1)
