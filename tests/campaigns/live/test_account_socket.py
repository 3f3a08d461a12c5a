"""`/ws/account/{id}`: changes of campaigns and devices, told to whoever watches."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from channels.db import database_sync_to_async
from django.conf import settings
from django.utils import timezone

from accounts.live.broadcast import redis
from campaigns.live import changes
from campaigns.models import Campaign, Notification
from campaigns.notices import inbox
from campaigns.wording import campaign_notes
from config.asgi import application
from devices.models import Device
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
    }
    assert await tell() == 0  # nothing changed

    await database_sync_to_async(campaigns_of.launched)(made, timezone.now())
    await database_sync_to_async(Device.unscoped.update)(status="disconnected", status_reason="instance_closed")
    assert await tell() == 2
    first, second = await client.receive_json_from(), await client.receive_json_from()
    assert (first["status"], first["delivery_stats"]["pending"]) == ("running", 1)
    assert (second["status"], "QR" in second["status_reason"]) == ("disconnected", True)
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
