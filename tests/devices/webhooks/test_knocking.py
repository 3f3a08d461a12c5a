"""We go the last part of a webhook's way ourselves, and see whether it leads here."""

from typing import Any

import pytest
from django.utils import timezone

from devices.gateway.base import Hook
from devices.models import Device, Webhook
from devices.pages.link_pages import hook_says
from devices.webhooks import header_secrets, subscribing
from devices.webhooks.knocking import knock
from devices.webhooks.subscribing import Arrival
from tests.devices.raw_servers import Connection, serve
from tests.devices.webhooks.served import door
from tests.factories import make_account, make_device
from tests.simulator_process import Simulator

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("closes_sessions_of_other_threads", "loopback_is_open"),
]


@pytest.fixture
def device(transactional_db: None, simulator: Simulator) -> Device:
    return make_device(make_account(), simulator.url)


def test_an_address_that_leads_here_is_found_to_and_proves_nothing_of_the_gateway(
    device: Device, settings: Any
) -> None:
    with door() as url:
        settings.PUBLIC_URL = url
        assert subscribing.set_up(device, timezone.now(), replace=True) == ""
    standing = subscribing.standing(device, timezone.now())
    assert standing == (Arrival.UNPROVEN, "", None, True)
    assert "lleva aquí" in hook_says(standing)
    row = Webhook.objects.get()
    assert (row.heard_at, row.refused_at) == (None, None)


def test_a_proxy_that_drops_our_header_is_told_before_the_gateway_says_anything(device: Device, settings: Any) -> None:
    with door() as url:
        settings.PUBLIC_URL = url
        hook = subscribing.hook_of(device)
        assert knock(hook._replace(header="X-Other")) == "hook_header_lost"
        # Of another installation, likewise: it does not know the secret.
        assert knock(hook._replace(secret="0" * 64)) == "hook_header_lost"
        assert subscribing.set_up(device, timezone.now(), replace=True) == ""
    Webhook.objects.update(knock_problem="hook_header_lost", refused_at=None)
    assert subscribing.standing(device, timezone.now())[:2] == (Arrival.WRONG, "hook_header_lost")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno",
        b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"\x00\xff garbage",
        b"",
    ],
    ids=["somebody else", "a password", "moved", "cut short", "no HTTP", "nothing"],
)
def test_whoever_else_answers_there_is_not_taken_for_us(answer: bytes) -> None:
    def behave(connection: Connection) -> None:
        connection.read_request()
        connection.send(answer)

    with serve(behave) as server:
        assert knock(Hook(f"http://127.0.0.1:{server.port}/webhooks/evolution/1", header_secrets.HEADER, "s")) == (
            "hook_not_from_here"
        )
