"""QR and pairing codes: they show, expire and are followed by others, until a phone takes one."""

from collections.abc import Iterator

import pytest

from tests.devices.simulator.webhook_server import WebhookServer
from tests.simulator_process import Simulator, start_simulator
from tests.waiting import eventually

NOBODY_SCANS = ["--scan-after", "0", "--qr-after", "0.03"]
HASTY = ["--qr-lives", "0.1", "--qr-limit", "20"]


@pytest.fixture(scope="module")
def _shows() -> Iterator[Simulator]:
    with start_simulator("one", arguments=NOBODY_SCANS) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def _hurries() -> Iterator[Simulator]:
    with start_simulator("one", arguments=[*NOBODY_SCANS, *HASTY]) as simulator:
        yield simulator


@pytest.fixture
def shows(_shows: Simulator) -> Simulator:
    """An instance that was logged out; nobody scans a code by itself."""
    return logged_out(_shows)


@pytest.fixture
def hurries(_hurries: Simulator) -> Simulator:
    """The same, whose codes show for 0.1 s, and no more than twenty of them."""
    return logged_out(_hurries)


def logged_out(gateway: Simulator) -> Simulator:
    gateway.renew()
    gateway.set_state("one", "close")
    return gateway


def code_of(gateway: Simulator, query: str = "") -> str:
    return str(gateway.get(f"/instance/connect/one{query}").json()["code"])


def test_a_code_that_is_scanned_links_with_connecting_and_open_a_moment_apart(shows: Simulator) -> None:
    with WebhookServer() as server:
        events = ["CONNECTION_UPDATE", "QRCODE_UPDATED"]
        shows.post("/webhook/set/one", {"webhook": {"enabled": True, "url": server.url, "events": events}})
        code_of(shows)
        assert shows.scan("one") == "linked"
        eventually(lambda: shows.get("/instance/connectionState/one").json()["instance"]["state"] == "open")
        told = server.wait_for(3, "connection.update")
    assert [event["data"]["state"] for event in told] == ["connecting", "connecting", "open"]
    assert shows.scan("one") == "nothing shows"
    assert shows.get("/instance/connect/one").json() == {"instance": {"instanceName": "one", "state": "open"}}


def test_a_code_is_followed_by_another_and_then_links_nobody(hurries: Simulator) -> None:
    first = code_of(hurries)
    eventually(lambda: code_of(hurries) != first)
    assert hurries.scan("one", first) == "expired"
    assert hurries.get("/instance/connectionState/one").json()["instance"]["state"] == "connecting"


def test_a_pairing_code_is_typed(shows: Simulator) -> None:
    shown = shows.get("/instance/connect/one?number=51987654321").json()
    assert shows.scan("one", "WRONGONE") == "expired"
    assert shows.scan("one", shown["pairingCode"]) == "linked"


def test_to_a_phone_with_a_passkey_nothing_happens_but_that_the_next_code_shows(shows: Simulator) -> None:
    first = shows.get("/instance/connect/one").json()
    assert shows.scan("one", passkey=True) == "passkey"
    now = shows.get("/instance/connect/one").json()
    assert (now["count"], now["code"] == first["code"]) == (first["count"] + 1, False)


def test_after_so_many_codes_the_instance_is_closed(hurries: Simulator) -> None:
    code_of(hurries)
    eventually(lambda: hurries.get("/instance/connectionState/one").json()["instance"]["state"] == "close")
    assert hurries.scan("one") == "nothing shows"
    assert hurries.get("/instance/connect/one").json()["count"] < 20  # it begins anew
