"""The door for gateways: who may tell us something, what is kept of it, and what they are answered."""

import asyncio
import json
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.db.models.functions import Now

from config.asgi import application
from devices.models import Device, Webhook
from devices.webhooks import header_secrets, inbox, receiver
from devices.webhooks.receiver import MAX_BYTES, Receiver
from tests.devices.webhooks.arrange import address, kept, nobody, receipt, secret, tell, told
from tests.factories import make_account, make_device

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("closes_sessions_of_other_threads"),
]


@pytest.fixture
def device(transactional_db: None) -> Device:
    return make_device(make_account())


def code(answer) -> str:
    return json.loads(answer.body)["code"]


def test_an_event_is_kept_without_its_key_before_it_is_answered(device: Device) -> None:
    answer = told(address(device), receipt(), secret(device))
    assert (answer.status, json.loads(answer.body)) == (200, {"status": "success"})
    (event,) = kept()
    assert event["data"] == receipt()["data"]
    assert "apikey" not in event


@pytest.mark.parametrize("rest", ["/", "/messages-update", "/messages-update/", "/send-message"])
def test_by_events_addresses_are_the_same_door(device: Device, rest: str) -> None:
    assert told(address(device, rest), receipt(), secret(device)).status == 200
    assert len(kept()) == 1


def test_the_program_has_the_door(device: Device) -> None:
    assert told(address(device), receipt(), secret(device), door=application).status == 200
    assert len(kept()) == 1


def test_what_is_of_no_use_is_answered_and_not_kept(device: Device) -> None:
    for event in (
        {"event": "messages.upsert", "data": {"message": {"conversation": "hola"}}},
        receipt(fromMe=False),
        {},
    ):
        assert told(address(device), event, secret(device)).status == 200
    assert kept() == []


def test_a_wrong_secret_and_an_unknown_device_are_told_alike(device: Device) -> None:
    another = make_device(device.account, instance_name="demo-2")
    hidden = make_device(device.account, instance_name="demo-3")
    own = secret(hidden)
    hidden.delete()
    nobodys = Device(uuid="12345678-1234-1234-1234-123456789012")
    answers = [
        told(address(device), receipt()),
        told(address(device), receipt(), (b"x-webhook-secret", b"")),
        told(address(device), receipt(), (b"x-webhook-secret", b"\xff\x00")),
        told(address(device), receipt(), secret(another)),
        told(address(another), receipt()),
        told(address(nobodys), receipt(), secret(device)),
        told(address(hidden), receipt(), own),
    ]
    assert {(answer.status, answer.body) for answer in answers} == {(401, answers[0].body)}
    assert code(answers[0]) == "webhook_unauthorized"
    assert kept() == []


def test_a_device_without_a_secret_is_told_nothing(device: Device) -> None:
    assert told(address(device), receipt(), (b"x-webhook-secret", b"")).status == 401


def test_both_secrets_count_for_a_day_after_a_rotation(device: Device) -> None:
    before = secret(device)
    header_secrets.rotate(device)
    now = secret(device)
    assert now != before
    assert [told(address(device), receipt(), one).status for one in (before, now)] == [200, 200]
    Webhook.objects.update(rotated_at=Now() - timedelta(days=1, seconds=1))
    assert [told(address(device), receipt(), one).status for one in (before, now)] == [401, 200]


def test_a_new_secret_counts_at_once_at_a_door_that_knew_the_old_one(device: Device, monkeypatch) -> None:
    monkeypatch.setattr(receiver, "DOUBTED_FOR_SECONDS", 0.0)
    old = secret(device)

    async def both() -> list[int]:
        door = Receiver(nobody)
        first = await tell(door, address(device), receipt(), [old])
        await asyncio.to_thread(header_secrets.rotate, device)
        new = await asyncio.to_thread(secret, device)
        return [first.status, (await tell(door, address(device), receipt(), [new])).status]

    assert asyncio.run(both()) == [200, 200]


def test_secrets_are_encrypted_and_long(device: Device) -> None:
    own = header_secrets.secret_of(device)
    assert len(own) >= 40
    assert header_secrets.secret_of(device) == own
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM devices_webhook")
        assert own not in cursor.fetchone()[0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"event": ' + b"9" * 5_000 + b"}",
    ],
)
def test_garbage_is_refused_for_good(device: Device, body: bytes) -> None:
    answer = told(address(device), body, secret(device))
    assert (answer.status, code(answer)) == (400, "parse_error")
    assert kept() == []


def test_a_body_over_a_megabyte_is_refused_before_it_is_read_to_its_end(device: Device) -> None:
    answer = told(address(device), b"x" * (5 * MAX_BYTES), secret(device))
    assert (answer.status, code(answer)) == (400, "webhook_too_large")
    assert answer.taken * 65_536 <= MAX_BYTES + 2 * 65_536


def test_of_whom_nothing_is_known_no_body_is_read(device: Device) -> None:
    answer = told(address(device), b"x" * (5 * MAX_BYTES))
    assert (answer.status, answer.taken) == (401, 0)


def test_odd_texts_are_kept(device: Device) -> None:
    event = receipt(note="\0 \ud800 ñ", more=[1e400, 10**40])
    assert told(address(device), event, secret(device)).status == 200
    assert kept()[0]["data"]["note"] == "\0 \ud800 ñ"


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/webhooks/", "POST", 404),
        ("/webhooks/evolution/", "POST", 404),
        ("/webhooks/evolution/abc", "POST", 404),
        ("/webhooks/evolution/-----------------------------------", "POST", 404),
        ("/webhooks/pigeon/{uuid}", "POST", 404),
        ("/webhooks/evolution/{uuid}", "GET", 405),
        ("/elsewhere", "POST", 299),
    ],
)
def test_other_addresses(device: Device, path: str, method: str, status: int) -> None:
    assert told(path.format(uuid=device.uuid), receipt(), secret(device), method=method).status == status


def test_what_cannot_be_kept_now_is_to_come_again(device: Device, monkeypatch) -> None:
    own = secret(device)

    def away(events: object) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(inbox, "keep", away)
    answer = told(address(device), receipt(), own)
    assert (answer.status, code(answer)) == (503, "come_again")
    assert int(answer.headers[b"retry-after"]) > 0


def test_who_cannot_be_looked_up_now_is_to_come_again(device: Device, monkeypatch) -> None:
    own = secret(device)

    def away(*_: object) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(header_secrets, "known", away)
    assert told(address(device), receipt(), own).status == 503


def test_many_at_once_are_kept_by_few_commits(device: Device, monkeypatch) -> None:
    own = secret(device)
    commits = []
    keep = inbox.keep

    def counted(events) -> None:
        commits.append(len(events))
        keep(events)

    monkeypatch.setattr(inbox, "keep", counted)

    async def many() -> list[int]:
        door = Receiver(nobody)
        exchanges = [tell(door, address(device), receipt(f"ID-{number}"), [own]) for number in range(200)]
        return [answer.status for answer in await asyncio.gather(*exchanges)]

    assert asyncio.run(many()) == [200] * 200
    assert {event["data"]["keyId"] for event in kept()} == {f"ID-{number}" for number in range(200)}
    assert len(commits) < 100
