"""Our signatures are those of Standard Webhooks: its own library takes them."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from devices.endpoints import signatures

BODY = '{"type":"job.completed","data":{"title":"Más ñandúes 🐦"}}'.encode()


@pytest.fixture
def now() -> datetime:
    """The library asks its own clock: within five minutes of it."""
    return datetime.now(tz=UTC)


def test_the_library_of_the_standard_takes_what_we_sign(now: datetime) -> None:
    secret = signatures.new_secret()
    headers = signatures.sign("msg_1", now, BODY, [secret])
    assert Webhook(secret).verify(BODY, headers)["type"] == "job.completed"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(signatures.new_secret()).verify(BODY, headers)


def test_a_call_is_signed_as_of_when_it_is_made(now: datetime) -> None:
    secret = signatures.new_secret()
    old = signatures.sign("msg_1", now - timedelta(minutes=6), BODY, [secret])
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, old)


def test_a_day_after_a_rotation_only_the_new_secret_signs(now: datetime) -> None:
    before, fresh = signatures.new_secret(), signatures.new_secret()
    both = signatures.in_force(fresh, before, now - timedelta(hours=23), now)
    headers = signatures.sign("msg_1", now, BODY, both)
    for secret in (before, fresh):
        assert Webhook(secret).verify(BODY, headers)
    assert signatures.in_force(fresh, before, now - timedelta(hours=24), now) == [fresh]
    assert signatures.in_force(fresh, "", now, now) == [fresh]


def test_a_secret_has_as_many_bytes_as_the_standard_asks_for() -> None:
    secret = signatures.new_secret()
    assert secret.startswith("whsec_")
    assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"))) <= 64
    assert secret != signatures.new_secret()
