"""Webhooks are kept set: what could not be set, and what changed since, is seen to; another system's is left alone."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from accounts.models import Membership
from devices.gateway.evolution.webhook_settings import WebhookSettings
from devices.health import acknowledgements, probes
from devices.linking import checking
from devices.models import Acknowledgement, Device, DeviceDay, Incident, Webhook
from devices.webhooks import header_secrets, keeping, subscribing
from devices.webhooks.subscribing import Arrival
from tests.devices import arrange
from tests.simulator_process import Simulator
from tests.waiting import eventually

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback_is_open")]
OURS = "http://127.0.0.1:9"
NOW = timezone.now()


@pytest.fixture(autouse=True)
def our_address(settings: Any) -> None:
    settings.PUBLIC_URL = OURS


def set_there(gateway: Simulator) -> Any:
    return gateway.get("/webhook/find/demo-1").json()


def change_there(gateway: Simulator, **webhook: Any) -> None:
    changed = {"enabled": True, "url": set_there(gateway)["url"], "events": [], "headers": {}, **webhook}
    assert gateway.post("/webhook/set/demo-1", {"webhook": changed}).status_code == 201


def row() -> Webhook:
    return Webhook.objects.get()


def seconds_to_the_next(now: datetime) -> float:
    look_at = row().look_at
    assert look_at is not None
    return (look_at - now).total_seconds()


def test_one_that_was_made_while_its_gateway_was_away_is_set_when_that_is_back(
    device: Device, gateway: Simulator
) -> None:
    there, device.base_url = device.base_url, "http://127.0.0.1:9"
    device.save()
    checking.check(device, NOW)
    assert (row().problem, row().set_at) == ("unreachable", None)
    assert keeping.keep(NOW + timedelta(hours=1)) == 0  # it is known not to answer
    Device.unscoped.update(base_url=there, status="connected", status_reason="")
    assert keeping.keep(NOW + timedelta(hours=1)) == 1
    assert (row().problem, row().set_at) == ("", NOW + timedelta(hours=1))
    assert set_there(gateway)["headers"] == {header_secrets.HEADER: header_secrets.secret_of(device)}


def test_who_has_none_at_all_gets_one(device: Device, gateway: Simulator) -> None:
    assert keeping.keep(NOW) == 1
    assert set_there(gateway)["url"].startswith(OURS)


@pytest.mark.parametrize(
    "change", [{"enabled": False}, {"deleted_at": NOW}, {"status": "blocked", "status_reason": "unauthorized"}]
)
def test_whoever_cannot_be_asked_or_need_not_be_is_left_alone(device: Device, change: dict[str, Any]) -> None:
    header_secrets.secret_of(device)
    Device.unscoped.update(**change)
    assert keeping.keep(NOW) == 0


def test_what_fails_is_tried_again_ever_more_seldom(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WebhookSettings, "check", lambda *_: "gateway_error")
    waits, now = [], NOW
    for _ in range(6):
        assert keeping.keep(now) == 1
        waits.append(seconds_to_the_next(now) / 60)
        assert keeping.keep(now) == 0
        now = row().look_at or now
    assert waits == [1, 2, 5, 15, 60, 60]
    monkeypatch.undo()
    assert keeping.keep(now) == 1
    assert (row().problem, row().looks_in_vain) == ("", 0)
    assert seconds_to_the_next(now) > 4 * 3600


def test_another_systems_webhook_is_said_and_never_replaced(device: Device, gateway: Simulator) -> None:
    keeping.keep(NOW)
    change_there(gateway, url="https://n8n.example/hook", events=["MESSAGES_UPSERT"])
    for hours in (7, 9, 24):
        assert keeping.keep(NOW + timedelta(hours=hours)) == 1
    assert set_there(gateway)["url"] == "https://n8n.example/hook"
    assert subscribing.standing(device, NOW)[:2] == (Arrival.WRONG, "hook_elsewhere")


@pytest.mark.parametrize("broken", [{"headers": {}}, {"enabled": False}, {"events": ["CALL"]}])
def test_what_was_changed_there_is_mended(device: Device, gateway: Simulator, broken: dict[str, Any]) -> None:
    keeping.keep(NOW)
    before = set_there(gateway)
    change_there(gateway, **{"headers": before["headers"], "events": before["events"], **broken})
    assert keeping.keep(NOW + timedelta(hours=4)) == 0
    assert keeping.keep(NOW + timedelta(hours=6)) == 1
    after = set_there(gateway)
    assert [after[name] for name in ("url", "headers", "events", "enabled")] == [
        before[name] for name in ("url", "headers", "events", "enabled")
    ]


def test_a_lost_header_is_looked_at_soon_and_not_as_often_as_anybody_comes(device: Device) -> None:
    now = timezone.now()
    keeping.keep(now)
    for _ in range(3):
        subscribing.refused(device.pk)
        assert 9 * 60 < seconds_to_the_next(now) <= 10 * 60
    Webhook.objects.update(looked_at=F("looked_at") - timedelta(minutes=20))
    subscribing.refused(device.pk)
    assert keeping.keep(timezone.now()) == 1


def test_another_public_url_is_told_at_once_and_once(device: Device, gateway: Simulator, settings: Any) -> None:
    keeping.keep(NOW)
    settings.PUBLIC_URL = "http://127.0.0.2:9"
    later = NOW + timedelta(minutes=6)
    assert keeping.keep(later) == 1
    assert set_there(gateway)["url"].startswith("http://127.0.0.2:9/webhooks/")
    assert keeping.keep(later + timedelta(minutes=6)) == 0


def silenced(device: Device) -> None:
    """Taken out for its silence."""
    ago = timezone.now() - timedelta(hours=1)
    Device.unscoped.update(status="connected", status_reason="")
    Acknowledgement.objects.create(device=device, connects_to="x", heard_at=ago, unanswered=9, silent_since=ago)
    assert acknowledgements._take_out(device.pk)


def test_a_silence_of_which_the_webhook_was_the_cause_is_over_when_that_is_mended(
    device: Device, gateway: Simulator
) -> None:
    now = timezone.now()
    keeping.keep(now)
    change_there(gateway, enabled=False)
    silenced(device)
    assert keeping.keep(timezone.now()) == 1
    assert set_there(gateway)["enabled"]
    assert Acknowledgement.objects.get().out_until is None
    assert Device.unscoped.get().next_check_at <= timezone.now()


def test_a_silence_with_a_webhook_that_is_as_it_should_be_goes_on(device: Device) -> None:
    keeping.keep(timezone.now())
    silenced(device)
    assert keeping.keep(timezone.now()) == 1
    assert Acknowledgement.objects.get().out_until > timezone.now()


@pytest.mark.parametrize("is_zombie", [False, True])
def test_a_link_of_which_the_gateway_knows_that_it_is_alive_is_no_zombies(
    device: Device, gateway: Simulator, is_zombie: bool
) -> None:
    """Nobody listens at our address: whatever it tells is lost."""
    gateway.set_state("demo-1", "open")
    gateway.faults({"zombie": 1} if is_zombie else {})
    keeping.keep(timezone.now())
    silenced(device)
    for number in range(5):
        body = {"number": f"5198765432{number}", "text": "hola"}
        assert gateway.post("/message/sendText/demo-1", body).status_code == 201
    heard = subscribing.gateway_for(device).hook
    assert heard is not None
    since = timezone.now() - timedelta(minutes=1)
    if not is_zombie:
        eventually(lambda: heard.has_heard(since))
    assert heard.has_heard(since) is not is_zombie
    assert keeping.keep(timezone.now()) == 1
    gateway.faults({})
    standing = subscribing.standing(device, timezone.now())
    if is_zombie:
        assert Acknowledgement.objects.get().out_until > timezone.now()
        assert Incident.objects.get().over_at is None
    else:
        assert not Acknowledgement.objects.exists()
        assert Incident.objects.get().over_at is not None
        assert standing[:2] == (Arrival.WRONG, "hook_unreached")
        probes.check(device, timezone.now())
        assert device.status == "connected"


def test_what_is_sent_and_never_told_of_shows_that_nothing_arrives(device: Device) -> None:
    keeping.keep(NOW)
    DeviceDay.objects.create(device=device, day=NOW.date(), last_accepted_at=NOW + timedelta(minutes=5))
    assert subscribing.standing(device, NOW + timedelta(minutes=9))[:2] == (Arrival.UNPROVEN, "hook_not_from_here")
    late = NOW + timedelta(minutes=11)
    assert subscribing.standing(device, late)[:2] == (Arrival.WRONG, "hook_unreached")
    subscribing.heard(device.pk)
    Webhook.objects.update(heard_at=late)
    assert subscribing.standing(device, late).arrival == Arrival.PROVEN


def test_a_provider_that_raises_costs_nobody_else(
    device: Device, admin: Membership, gateway: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = WebhookSettings.check

    def checked(self: WebhookSettings, *more: Any) -> str:
        if self._instance.name == "demo-1":
            raise RuntimeError
        return check(self, *more)

    monkeypatch.setattr(WebhookSettings, "check", checked)
    another = arrange.device(admin.account, gateway, instance_name="demo-2")
    assert keeping.keep(NOW) == 2
    problems = dict(Webhook.objects.values_list("device", "problem"))
    assert problems[device.pk] == "unexpected_answer"
    assert problems[another.pk] != "unexpected_answer"
