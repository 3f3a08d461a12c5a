"""What Evolution API's webhooks say of messages: as a real 2.3.7 posted them, and in the shapes of other versions."""

from typing import Any

import pytest

from devices.gateway.base import Receipt, Tick
from devices.gateway.evolution.message_updates import is_urgent, kept, receipts
from tests.devices import recorded

ID = "3EB058B1700E94DF37D633"


def update(**data: Any) -> dict[str, Any]:
    return {"event": "messages.update", "data": {"keyId": ID, "fromMe": True, "status": "READ", **data}}


@pytest.mark.parametrize("real", recorded.webhooks(), ids=lambda real: real["situation"])
def test_a_real_webhook_says_what_it_says(real: dict[str, Any]) -> None:
    said = [(receipt.message_id, receipt.tick.value) for receipt in receipts(real["body"])]
    assert said == ([(real["body"]["data"]["keyId"], real["tick"])] if real["tick"] else [])
    assert kept(real["body"]) == (real["body"] if said else None)
    assert is_urgent(real["body"]) == (real["tick"] == "refused")


@pytest.mark.parametrize("tick", Tick)
def test_every_tick_was_seen(tick: Tick) -> None:
    assert tick.value in {real["tick"] for real in recorded.webhooks()}


@pytest.mark.parametrize(
    "data",
    [
        {"remoteJid": "51987001002@s.whatsapp.net", "fromMe": True, "id": ID, "status": "READ", "owner": "t1"},
        {"key": {"id": ID, "fromMe": True, "remoteJid": "x@lid"}, "update": {"status": 4}},
        [{"keyId": ID, "fromMe": True, "status": 4}],
    ],
)
def test_other_versions_say_it_in_other_places(data: Any) -> None:
    assert receipts({"event": "messages.update", "data": data}) == [Receipt(ID, Tick.READ)]


def test_an_event_is_known_in_every_spelling() -> None:
    for name in ("MESSAGES_UPDATE", "messages-update", "Messages.Update"):
        assert receipts({**update(), "event": name}) == [Receipt(ID, Tick.READ)]


def test_one_event_may_hold_several() -> None:
    both = [update()["data"], update(keyId="B", status="DELIVERY_ACK")["data"]]
    assert receipts({**update(), "data": both}) == [Receipt(ID, Tick.READ), Receipt("B", Tick.DELIVERED)]


@pytest.mark.parametrize(
    "data",
    [
        {"fromMe": False},
        {"fromMe": None},
        {"fromMe": 1},
        {"status": "PENDING"},
        {"status": "EDITED"},
        {"status": True},
        {"status": 4.0},
        {"status": ["READ"]},
        {"keyId": ""},
        {"keyId": 7},
        {"keyId": "x" * 81},
        {"keyId": "a\0b"},
        {"keyId": {"id": ID}},
    ],
)
def test_what_is_no_receipt_of_ours_is_left_out(data: dict[str, Any]) -> None:
    assert receipts(update(**data)) == []
