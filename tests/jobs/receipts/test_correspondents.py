"""Who has written to a device: learned from the inbox."""

import json
import secrets
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from devices.health import correspondents
from devices.models import Correspondent, Device
from devices.phone_numbers import key_of
from devices.webhooks import inbox
from tests.factories import make_account, make_device
from tests.jobs.receipts.arrange import worked

pytestmark = pytest.mark.django_db


@pytest.fixture
def device(db: None) -> Device:
    return make_device(make_account())


def write(device: Device, *numbers: str, at: datetime | None = None) -> None:
    """Have these people's messages in the inbox, as the door leaves them."""
    inbox.keep(
        [
            (
                device.pk,
                json.dumps(
                    {
                        "event": "messages.upsert",
                        "data": {
                            "key": {
                                "remoteJid": f"{number}@s.whatsapp.net",
                                "fromMe": False,
                                "id": secrets.token_hex(9),
                            },
                            "message": {"conversation": "hola"},
                            "messageTimestamp": int(at.timestamp()) if at else None,
                        },
                    }
                ),
            )
            for number in numbers
        ]
    )


def known(device: Device) -> list[str]:
    return list(Correspondent.objects.filter(device=device).order_by("pk").values_list("phone_key", flat=True))


def test_whoever_writes_is_known_to_that_device_alone(device: Device) -> None:
    write(device, "51987654321", "51987654322", "51987654321")
    worked()
    assert known(device) == ["+51987654321", "+51987654322"]
    other = make_device(device.account)
    people = [(device.pk, "+51987654321"), (other.pk, "+51987654321"), (device.pk, "+51999999999")]
    with connection.cursor() as cursor:
        assert correspondents.known(cursor, people) == {(device.pk, "+51987654321")}


def test_however_often_and_in_whatever_order_the_first_and_the_last_time_stand(device: Device) -> None:
    first, last = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)
    for at in (last, first, last, first + timedelta(days=3)):
        write(device, "51987654321", at=at)
        worked()
    row = Correspondent.objects.get()
    assert (row.first_at, row.last_at) == (first, last)


def test_a_message_from_the_future_came_now(device: Device) -> None:
    write(device, "51987654321", at=timezone.now() + timedelta(days=400))
    worked()
    assert Correspondent.objects.get().last_at <= timezone.now()


@pytest.mark.parametrize("spelling", ["5521987654321", "552187654321"])
def test_a_person_is_known_in_every_spelling(device: Device, spelling: str) -> None:
    write(device, spelling)
    worked()
    assert known(device) == [key_of("+5521987654321")]


def test_a_device_that_is_deleted_has_known_nobody(device: Device) -> None:
    write(device, "51987654321")
    worked()
    device.delete()
    assert known(device) == []
    write(device, "51987654322")
    worked()
    assert known(device) == []
