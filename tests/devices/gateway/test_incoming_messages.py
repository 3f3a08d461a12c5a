"""Who wrote, by Evolution API's webhooks: as a real 2.3.7 posted them, and in the shapes of other versions."""

from datetime import UTC, datetime
from typing import Any

import pytest

from devices.gateway.base import Sender
from devices.gateway.evolution.incoming_messages import kept, senders
from tests.devices import recorded

PERSON = "51955000001@s.whatsapp.net"
AT = datetime(2026, 11, 27, 10, 18, 40, tzinfo=UTC)
STAMP = 1795774720
# Whose number was told, of the real ones.
REAL = {
    "button": "+51955000008",
    "dup": "+51955000001",
    "ephemeral": "+51955000011",
    "image-caption": "+51955000006",
    "lid-only": "",
    "lid-only-known": "",
    "lid-with-phone": "+51955000003",
    "offline": "+51955000010",
    "pn": "+51955000001",
    "pn-withlid": "+51955000002",
    "quoted-reply": "+51955000005",
    "reaction": "+51955000007",
}


def event(**key: Any) -> dict[str, Any]:
    data = {"key": {"remoteJid": PERSON, "fromMe": False, "id": "3A", **key}, "messageTimestamp": STAMP}
    return {"event": "messages.upsert", "data": data}


@pytest.mark.parametrize("real", recorded.webhooks(), ids=lambda real: real["situation"])
def test_a_real_webhook_says_who_wrote(real: dict[str, Any]) -> None:
    kind, _, name = real["situation"].partition(".upsert.")
    phone = REAL[name] if kind == "messages" else ""
    assert [sender.phone for sender in senders(real["body"])] == ([phone] if phone else [])
    assert (kept(real["body"]) is not None) == bool(phone)


@pytest.mark.parametrize(
    "key",
    [
        {},
        {"remoteJid": "51955000001:12@s.whatsapp.net"},
        {"remoteJid": "51955000001@c.us"},
        {"remoteJid": "120000055915@lid", "remoteJidAlt": PERSON},
        {"remoteJid": "120000055915@lid", "senderPn": PERSON},
        {"remoteJid": "120000055915@lid", "remoteJidAlt": None, "senderPn": PERSON},
    ],
)
def test_every_version_says_it_somewhere(key: dict[str, Any]) -> None:
    assert senders(event(**key)) == [Sender("+51955000001", AT)]


@pytest.mark.parametrize(
    "key",
    [
        {"fromMe": True},
        {"fromMe": None},
        {"fromMe": 0},
        {"remoteJid": "120363000000000001@g.us", "senderPn": PERSON},
        {"remoteJid": "status@broadcast", "senderPn": PERSON},
        {"remoteJid": "120363000000000001@newsletter"},
        {"remoteJid": "120000055915@lid"},
        {"remoteJid": "0@s.whatsapp.net"},
        {"remoteJid": "519550000010000000@s.whatsapp.net"},
        {"remoteJid": f"{PERSON}\n"},
        {"remoteJid": {"a": PERSON}},
    ],
)
def test_what_no_known_person_wrote_is_nobodys(key: dict[str, Any]) -> None:
    assert senders(event(**key)) == []
    assert kept(event(**key)) is None


def test_what_whatsapp_writes_itself_nobody_wrote() -> None:
    told = event()
    told["data"]["messageStubType"] = 40
    assert senders(told) == []


@pytest.mark.parametrize(
    ("stamp", "at"),
    [(STAMP, AT), (str(STAMP), AT), (None, None), ("soon", None), (10**30, None), (-(10**18), None), (True, None)],
)
def test_the_time_is_what_can_be_read_as_one(stamp: Any, at: datetime | None) -> None:
    told = event()
    told["data"]["messageTimestamp"] = stamp
    assert senders(told) == [Sender("+51955000001", at)]


def test_several_at_once() -> None:
    both = [event()["data"], event(remoteJid="51955000002@s.whatsapp.net")["data"], event(fromMe=True)["data"]]
    told = {"event": "MESSAGES_UPSERT", "data": both}
    assert [sender.phone for sender in senders(told)] == ["+51955000001", "+51955000002"]
    assert senders(kept(told)) == senders(told)


def test_nothing_that_was_written_is_kept() -> None:
    told = event()
    told["data"] |= {"message": {"conversation": "secreto"}, "pushName": "Ana", "contextInfo": {"x": "secreto"}}
    assert kept({**told, "sender": "51900000001@s.whatsapp.net"}) == {
        "event": "messages.upsert",
        "data": [{"key": {"remoteJid": PERSON, "fromMe": False, "id": "3A"}, "messageTimestamp": STAMP}],
    }
