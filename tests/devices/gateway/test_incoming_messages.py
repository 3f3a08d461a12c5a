"""What people wrote, by Evolution API's webhooks: as a real 2.3.7 posted them, and in the shapes of other versions."""

from datetime import UTC, datetime
from typing import Any

import pytest

from devices.gateway.evolution.incoming_messages import incoming, kept
from tests.devices import recorded

PERSON = "51955000001@s.whatsapp.net"
AT = datetime(2026, 11, 27, 10, 18, 40, tzinfo=UTC)
STAMP = 1795774720
# Whose number and LID were told, of the real ones, and what they wrote.
REAL = {
    "upsert.button": ("+51955000008", "", "button", "BAJA"),
    "upsert.dup": ("+51955000001", "", "text", "dup id"),
    "upsert.ephemeral": ("+51955000011", "", "text", "STOP efimero"),
    "upsert.image-caption": ("+51955000006", "", "image", "BAJA en foto"),
    "upsert.lid-only": ("", "140000055915", "text", "STOP lidOnly never seen"),
    "upsert.lid-only-known": ("", "130000055915", "text", "STOP same person lidOnly after mapping"),
    "upsert.lid-with-phone": ("+51955000003", "", "text", "STOP fromLid with sender_pn"),
    "upsert.offline": ("+51955000010", "", "text", "offline late"),
    "upsert.pn": ("+51955000001", "", "text", "STOP pn"),
    "upsert.pn-withlid": ("+51955000002", "120000055915", "text", "STOP pn withLid"),
    "upsert.quoted-reply": ("+51955000005", "", "text", "BAJA respondiendo"),
    "upsert.reaction": ("+51955000007", "", "reaction", "👍"),
    "update.edit": ("+51955000009", "", "text", "STOP editado"),
}


def event(**key: Any) -> dict[str, Any]:
    data = {
        "key": {"remoteJid": PERSON, "fromMe": False, "id": "3A", **key},
        "messageTimestamp": STAMP,
        "message": {"conversation": "hola"},
    }
    return {"event": "messages.upsert", "data": data}


@pytest.mark.parametrize("real", recorded.webhooks(), ids=lambda real: real["situation"])
def test_a_real_webhook_says_who_wrote_what(real: dict[str, Any]) -> None:
    told = REAL.get(real["situation"].removeprefix("messages."))
    found = [(one.phone, one.lid, one.kind, one.text) for one in incoming(real["body"])]
    assert found == ([told] if told else [])
    assert (kept(real["body"]) is not None) == bool(told)


def test_a_reply_says_what_it_quotes_and_an_edit_what_it_edits() -> None:
    by_name = {real["situation"]: real["body"] for real in recorded.webhooks()}
    (reply,) = incoming(by_name["messages.upsert.quoted-reply"])
    (edit,) = incoming(by_name["messages.update.edit"])
    assert (reply.quoted_id, reply.is_edit) == ("3EB09D195BF2BE28AB9116", False)
    assert (edit.message_id, edit.is_edit) == ("3AEDITME", True)


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
    assert [(one.phone, one.text, one.at) for one in incoming(event(**key))] == [("+51955000001", "hola", AT)]


@pytest.mark.parametrize(
    "key",
    [
        {"fromMe": True},
        {"fromMe": None},
        {"fromMe": 0},
        {"remoteJid": "120363000000000001@g.us", "senderPn": PERSON},
        {"remoteJid": "status@broadcast", "senderPn": PERSON},
        {"remoteJid": "120363000000000001@newsletter"},
        {"remoteJid": "0@s.whatsapp.net"},
        {"remoteJid": "519550000010000000@s.whatsapp.net"},
        {"remoteJid": f"{PERSON}\n"},
        {"remoteJid": {"a": PERSON}},
    ],
)
def test_what_no_known_person_wrote_is_nobodys(key: dict[str, Any]) -> None:
    assert incoming(event(**key)) == []
    assert kept(event(**key)) is None


def test_what_whatsapp_writes_itself_nobody_wrote() -> None:
    told = event()
    told["data"]["messageStubType"] = 40
    assert incoming(told) == []


@pytest.mark.parametrize(
    ("stamp", "at"),
    [(STAMP, AT), (str(STAMP), AT), (None, None), ("soon", None), (10**30, None), (-(10**18), None), (True, None)],
)
def test_the_time_is_what_can_be_read_as_one(stamp: Any, at: datetime | None) -> None:
    told = event()
    told["data"]["messageTimestamp"] = stamp
    assert [one.at for one in incoming(told)] == [at]


def test_several_at_once() -> None:
    both = [event()["data"], event(remoteJid="51955000002@s.whatsapp.net")["data"], event(fromMe=True)["data"]]
    told = {"event": "MESSAGES_UPSERT", "data": both}
    assert [one.phone for one in incoming(told)] == ["+51955000001", "+51955000002"]
    assert incoming(kept(told)) == incoming(told)


def test_a_lid_alone_is_somebody_too() -> None:
    (message,) = incoming(event(remoteJid="120000055915:3@lid"))
    assert (message.phone, message.lid) == ("", "120000055915")


@pytest.mark.parametrize(
    ("message", "kind", "text"),
    [
        ({"conversation": "hola"}, "text", "hola"),
        ({"extendedTextMessage": {"text": "hola"}}, "text", "hola"),
        ({"viewOnceMessageV2": {"message": {"imageMessage": {"caption": "mira"}}}}, "image", "mira"),
        ({"documentWithCaptionMessage": {"message": {"documentMessage": {"caption": "cv"}}}}, "document", "cv"),
        ({"audioMessage": {"seconds": 3}}, "audio", ""),
        ({"buttonsResponseMessage": {"selectedDisplayText": "Sí"}}, "button", "Sí"),
        ({"messageContextInfo": {}, "conversation": "hola"}, "text", "hola"),
        ({"pollCreationMessage": {"name": "?"}}, "other", ""),
        ({"conversation": None}, "text", ""),
        ({"imageMessage": "?"}, "image", "?"),
        ({"conversation": "a\x00b\ud800c"}, "text", "abc"),
    ],
)
def test_a_message_is_its_kind_and_its_words(message: Any, kind: str, text: str) -> None:
    told = event()
    told["data"]["message"] = message
    (one,) = incoming(told)
    assert (one.kind, one.text) == (kind, text)
    assert incoming(kept(told)) == [one]


@pytest.mark.parametrize("message", [None, {}, "hola", [], {"protocolMessage": {"type": 0}}])
def test_what_says_nothing_is_nobodys(message: Any) -> None:
    told = event()
    told["data"]["message"] = message
    assert incoming(told) == []


def test_wrappers_without_end_are_not_followed() -> None:
    message: dict[str, Any] = {"conversation": "hola"}
    for _ in range(50):
        message = {"ephemeralMessage": {"message": message}}
    told = event()
    told["data"]["message"] = message
    assert incoming(told) == []


def test_of_an_event_only_what_is_read_is_kept() -> None:
    told = event()
    told["data"] |= {"pushName": "Ana", "contextInfo": {"stanzaId": "3B", "x": "secreto"}, "instanceId": "secreto"}
    assert kept({**told, "sender": "51900000001@s.whatsapp.net"}) == {
        "event": "messages.upsert",
        "data": [
            {
                "message": {"conversation": "hola"},
                "pushName": "Ana",
                "messageTimestamp": STAMP,
                "contextInfo": {"stanzaId": "3B"},
                "key": {"remoteJid": PERSON, "fromMe": False, "id": "3A"},
            }
        ],
    }
