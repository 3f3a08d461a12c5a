"""The door for gateways on a port of its own, as they reach it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from devices.models import Device
from devices.webhooks import header_secrets
from devices.webhooks.receiver import Receiver
from tests.devices.webhooks.arrange import nobody
from tests.simulator_process import Simulator
from tests.waiting import eventually

EVENTS = ["MESSAGES_UPDATE", "MESSAGES_UPSERT", "CONNECTION_UPDATE"]


@contextmanager
def door() -> Iterator[str]:
    """Serve it; its address. Whoever uses it closes the sessions of other threads."""
    config = uvicorn.Config(Receiver(nobody), port=0, lifespan="off", log_config=None, access_log=False, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def have_it_tell(simulator: Simulator, device: Device, door_url: str) -> None:
    """Set the webhook of a device's instance, as we do."""
    webhook = {
        "enabled": True,
        "url": f"{door_url}/webhooks/{device.provider}/{device.uuid}",
        "headers": {header_secrets.HEADER: header_secrets.secret_of(device)},
        "events": EVENTS,
    }
    answer = simulator.post(f"/webhook/set/{device.instance_name}", {"webhook": webhook})
    assert answer.status_code == 201, answer.text
