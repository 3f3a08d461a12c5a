"""A simulator of these tests' own (receipts come fast), and a server for its webhooks."""

from collections.abc import Callable, Iterator

import pytest

from tests.devices.simulator.webhook_server import WebhookServer
from tests.simulator_process import Simulator, start_simulator
from tests.waiting import GIVE_UP_SECONDS

# For requests: to connect it has all the time it needs, then it waits for its answer hardly at all.
GIVES_UP_SOON = (GIVE_UP_SECONDS, 0.05)
ARGUMENTS = [
    "--webhook-delay",
    "20",
    "--webhook-retry",
    "0.05",
    "--scan-after",
    "0.4",
    "--keep-alive",
    "1",
    "--qr-after",
    "0.03",
]


@pytest.fixture(scope="session")
def _gateway() -> Iterator[Simulator]:
    with start_simulator("one", "two:TOKEN-OF-TWO", arguments=ARGUMENTS) as simulator:
        yield simulator


@pytest.fixture
def gateway(_gateway: Simulator) -> Simulator:
    """Two open instances, `one` with the usual token and `two` with one of its own; nothing sent yet."""
    _gateway.renew()
    return _gateway


@pytest.fixture
def webhooks(gateway: Simulator) -> Iterator[WebhookServer]:
    """A server that collects what instance `one` reports."""
    with WebhookServer() as server:
        webhook = {"enabled": True, "url": server.url, "events": []}
        assert gateway.post("/webhook/set/one", {"webhook": webhook}).status_code == 201
        yield server


@pytest.fixture
def send(gateway: Simulator) -> Callable[..., object]:
    """Send a text through instance `one` and return the response."""

    def send_text(number: str = "51987654321", text: str = "hola", **more: object) -> object:
        return gateway.post("/message/sendText/one", {"number": number, "text": text}, **more)

    return send_text
