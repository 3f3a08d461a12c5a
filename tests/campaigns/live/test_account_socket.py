"""`/ws/account/{id}`: changes of campaigns and devices, told to whoever watches."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from channels.db import database_sync_to_async
from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.live.broadcast import redis
from accounts.models import Role
from campaigns.live import changes
from campaigns.models import Campaign, Notification
from campaigns.notices import inbox
from campaigns.wording import campaign_notes
from config.asgi import application
from devices.gateway.base import Link, LinkCode, Linking
from devices.gateway.evolution.phone_linking import PhoneLinking
from devices.health import breaker, probes
from devices.health.probes import Health
from devices.linking import pairing
from devices.models import Device, Webhook
from devices.states import DeviceStatus
from jobs.models import Job
from tests.accounts import people
from tests.campaigns import campaigns_of
from tests.factories import make_device
from tests.websocket_client import WebsocketClient

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Channels' communicator keeps its threads from closing theirs.
    pytest.mark.usefixtures("closes_sessions_of_other_threads"),
]


@pytest.fixture(autouse=True)
def nothing_was_told():
    for key in redis().scan_iter(f"{changes._TOLD}*"):
        redis().delete(key)


def socket(path, token=""):
    headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
    return WebsocketClient(application, path, headers)


async def opened(account_id, token, part=""):
    client = socket(f"/ws/account/{account_id}{part}", token)
    connected, _ = await client.connect()
    assert connected
    return client


@database_sync_to_async
def arrange():
    member = campaigns_of.member()
    made = campaigns_of.campaign(member.account)
    campaigns_of.contact(member.account, labels=["vip"])
    return member, made, make_device(member.account), people.token_of(member)


tell = database_sync_to_async(lambda: changes.tell_changes(timezone.now()))


async def test_changes_reach_the_watcher():
    member, made, device, token = await arrange()
    assert await tell() == 0  # nobody watches
    client = await opened(member.account_id, token)
    assert await client.receive_json_from() == {
        "type": "subscribed",
        "account_id": member.account_id,
        "message": f"Suscrito a los cambios de la cuenta {member.account_id}",
    }
    assert await tell() == 2
    first, second = await client.receive_json_from(), await client.receive_json_from()
    assert (first["type"], first["id"], first["status"]) == ("campaign_changed", made.pk, "pending")
    assert set(first) == {"type", "id", "status", "delivery_stats"}
    assert second == {
        "type": "device_changed",
        "id": device.pk,
        "name": device.name,
        "enabled": True,
        "status": "connected",
        "status_reason": "",
        "code": "",
        "webhook_problem": "",
    }
    assert await tell() == 0  # nothing changed

    await database_sync_to_async(campaigns_of.launched)(made, timezone.now())
    await database_sync_to_async(Device.unscoped.update)(status="disconnected", status_reason="instance_closed")
    assert await tell() == 2
    first, second = await client.receive_json_from(), await client.receive_json_from()
    assert (first["status"], first["delivery_stats"]["pending"]) == ("running", 1)
    assert (second["status"], "QR" in second["status_reason"]) == ("disconnected", True)
    documented = json.dumps({**second, "id": 3, "name": "Ventas"}, ensure_ascii=False)
    assert documented in (Path(settings.BASE_DIR) / "docs/events.md").read_text().splitlines()
    await client.disconnect()


@database_sync_to_async
def long_over(campaign, last_receipt_at):
    ago = timezone.now() - timedelta(days=2)
    if not campaign.runs.exists():
        campaigns_of.launched(campaign, ago)
    Job.unscoped.update(status="completed", finished_at=ago, last_receipt_at=last_receipt_at)
    Campaign.unscoped.update(updated_at=ago)


async def test_receipts_long_after_the_end_are_told_too():
    member, made, _, token = await arrange()
    await long_over(made, None)
    client = await opened(member.account_id, token)
    await client.receive_json_from()
    assert await tell() == 1  # the device
    await long_over(made, timezone.now())
    assert await tell() == 1
    await client.receive_json_from()
    told = await client.receive_json_from()
    assert (told["type"], told["id"]) == ("campaign_changed", made.pk)
    await client.disconnect()


async def test_what_a_person_does_is_told_at_once():
    member, made, _, token = await arrange()
    client = await opened(member.account_id, token)
    await client.receive_json_from()
    await database_sync_to_async(_cancel)(member, made)
    event = await client.receive_json_from()
    assert (event["type"], event["id"], event["status"]) == ("campaign_changed", made.pk, "cancelled")
    await client.disconnect()


def _cancel(member, made):
    answer = people.api(member).post(f"/api/v1/accounts/{member.account_id}/whatsapp_api_campaigns/{made.pk}/cancel")
    assert answer.status_code == 200


async def test_other_accounts_hear_nothing_and_cannot_listen():
    member, made, _, _ = await arrange()
    other, _, _, token = await arrange()
    listener = await opened(other.account_id, token)
    await listener.receive_json_from()
    await database_sync_to_async(changes.campaign_changed)(made)
    assert await listener.receive_nothing(0.2)
    await listener.disconnect()

    theirs = f"/ws/account/{member.account_id}"
    for path in (theirs, f"{theirs}/notifications", "/ws/account/x", "/ws/account/0"):
        intruder = socket(path, token)
        await intruder.connect()
        assert (await intruder.receive_output())["code"] == 4404
    nobody = socket(f"/ws/account/{member.account_id}")
    await nobody.connect()
    assert (await nobody.receive_output())["code"] == 4401


async def test_pings_are_answered_and_nonsense_is_no_reason_to_close():
    member, _, _, token = await arrange()
    client = await opened(member.account_id, token)
    await client.receive_json_from()
    await client.send_json_to({"type": "ping", "timestamp": "\ud800"})
    assert (await client.receive_from()).encode() == rb'{"type": "pong", "timestamp": "\ud800"}'
    await client.send_to(text_data='{"type": "ping", "timestamp": NaN}')
    assert (await client.receive_json_from())["type"] == "invalid_message"
    await client.send_json_to({"type": "ping", "timestamp": 5})
    assert await client.receive_json_from() == {"type": "pong", "timestamp": 5}
    await client.send_to(text_data="{")
    assert (await client.receive_json_from())["type"] == "invalid_message"
    await client.disconnect()


@database_sync_to_async
def told_to(member, made):
    counts = {"sent": 998, "total": 1000, "failed": 2, "suppressed": 0, "unknown": 0}
    details = campaign_notes.ended_details("Rebajas", "", counts)
    told = Notification.unscoped.create(
        account=member.account, user=member.user, campaign=made, code="campaign_completed", details=details
    )
    inbox.tell_live(told)
    return told


async def test_a_notification_reaches_its_own_person_alone():
    member, made, _, token = await arrange()
    colleague = await database_sync_to_async(campaigns_of.member)(of=member.account)
    mine = await opened(member.account_id, token)
    theirs = await opened(member.account_id, await database_sync_to_async(people.token_of)(colleague))
    await mine.receive_json_from()
    await theirs.receive_json_from()
    told = await told_to(member, made)
    event = await mine.receive_json_from()
    assert (event["id"], event["campaign_id"], event["unread"]) == (told.pk, made.pk, 1)
    assert await theirs.receive_nothing()
    documented = json.dumps({**event, "id": 12, "campaign_id": 7}, ensure_ascii=False)
    assert documented in (Path(settings.BASE_DIR) / "docs/events.md").read_text().splitlines()
    await mine.disconnect()
    await theirs.disconnect()


async def test_a_bell_hears_of_its_person_and_has_nothing_else_looked_for():
    member, made, _, token = await arrange()
    bell = await opened(member.account_id, token, "/notifications")
    subscribed = await bell.receive_json_from()
    assert (subscribed["type"], subscribed["account_id"]) == ("subscribed", member.account_id)
    documented = json.dumps({**subscribed, "account_id": 1}, ensure_ascii=False).replace(f" {member.account_id}", " 1")
    assert documented in (Path(settings.BASE_DIR) / "docs/events.md").read_text().splitlines()
    assert await tell() == 0  # that of which nobody would hear
    await database_sync_to_async(changes.campaign_changed)(made)
    told = await told_to(member, made)
    assert (await bell.receive_json_from())["id"] == told.pk  # and not the campaign's change before it
    watcher = await opened(member.account_id, token)
    await watcher.receive_json_from()
    assert await tell() == 2
    assert await bell.receive_nothing()
    await bell.disconnect()
    await watcher.disconnect()


async def test_devices_that_stand_as_they_stood_are_not_gone_through(monkeypatch):
    member, _, device, token = await arrange()
    for _ in range(3):
        await database_sync_to_async(make_device)(member.account)
    client = await opened(member.account_id, token)
    assert await tell() == 5
    gone_through = []
    monkeypatch.setattr(changes.events, "device_changed", gone_through.append)
    await database_sync_to_async(Device.unscoped.update)(status_checked_at=timezone.now())
    assert await tell() == 0
    assert gone_through == []
    monkeypatch.undo()
    await database_sync_to_async(Device.unscoped.filter(pk=device.pk).update)(enabled=False)
    assert await tell() == 1
    await client.disconnect()


async def test_every_change_of_a_devices_health_is_told_and_several_at_once_as_one():
    member, _, device, token = await arrange()
    client = await opened(member.account_id, token)
    await client.receive_json_from()
    assert await tell() == 2
    for _ in range(2):
        await client.receive_json_from()
    change = database_sync_to_async(_change)
    for act in (
        lambda: breaker.take_out(device.pk, "unreachable"),
        lambda: breaker.is_back(device.pk),
        lambda: probes.note(device, Health(DeviceStatus.DISCONNECTED, "instance_closed"), timezone.now()),
        lambda: Webhook.objects.create(device=device, secret="x", problem="hook_elsewhere"),
    ):
        await change(act)
        assert await tell() == 1
        told = await client.receive_json_from()
        assert told["type"] == "device_changed"
    assert (told["code"], told["webhook_problem"]) == ("instance_closed", "hook_elsewhere")
    await change(lambda: breaker.is_back(device.pk))
    await change(lambda: breaker.take_out(device.pk, "no_answer"))
    assert await tell() == 1
    assert (await client.receive_json_from())["code"] == "no_answer"
    await client.disconnect()


def _change(act):
    act()


# --- Codes, to who may link ---------------------------------------------------------------------------------


def a_code(number: int, link: Link = Link.OPENING) -> Linking:
    return Linking(link, "", LinkCode(f"2@{number}", "ABCD1234", number) if link is Link.OPENING else None)


async def test_a_code_reaches_administrators_alone():
    member, _, device, token = await arrange()
    sockets = {}
    for role in (Role.AGENT, Role.VIEWER):
        other = await database_sync_to_async(people.member)(member.account, role)
        sockets[role] = await opened(member.account_id, await database_sync_to_async(people.token_of)(other))
    stranger, _, _, theirs = await arrange()
    sockets["stranger"] = await opened(stranger.account_id, theirs)
    sockets["bell"] = await opened(member.account_id, token, "/notifications")
    mine = await opened(member.account_id, token)
    for socket_ in (mine, *sockets.values()):
        await socket_.receive_json_from()
    now = timezone.now()
    await database_sync_to_async(pairing.keep)(device, a_code(1), now)
    event = await mine.receive_json_from()
    assert event["qr"].startswith("data:image/png;base64,")
    told = parse_datetime(event["expires_at"])
    assert told - now == PhoneLinking.code_lives
    documented = {
        **event,
        "id": 3,
        "qr": "data:image/png;base64,…",
        "qr_text": "2@…",
        "expires_at": "2026-11-30T12:00:45Z",
    }
    lines = (Path(settings.BASE_DIR) / "docs/events.md").read_text().splitlines()
    assert json.dumps(documented, ensure_ascii=False) in lines
    for socket_ in sockets.values():
        assert await socket_.receive_nothing(0.2)
        await socket_.disconnect()
    await mine.disconnect()


async def test_codes_are_followed_only_while_somebody_watches_and_told_only_when_they_change(monkeypatch):
    member, _, device, token = await arrange()
    seen = iter([a_code(1), a_code(2), a_code(2, Link.OPEN)])
    monkeypatch.setattr(PhoneLinking, "look", lambda *_: next(seen))
    follow = database_sync_to_async(pairing.follow)
    now = timezone.now()
    await database_sync_to_async(pairing.keep)(device, a_code(1), now)
    assert await follow(now + timedelta(seconds=2)) == 0  # nobody watches
    client = await opened(member.account_id, token)
    await client.receive_json_from()
    for seconds in (2, 4, 6):
        assert await follow(now + timedelta(seconds=seconds)) == 1
    second, linked = await client.receive_json_from(), await client.receive_json_from()
    assert (second["qr_text"], second["codes_shown"]) == ("2@2", 2)
    assert (linked["status"], linked["qr"], linked["expires_at"]) == ("connected", "", None)
    assert await follow(now + timedelta(seconds=8)) == 0
    await client.disconnect()
