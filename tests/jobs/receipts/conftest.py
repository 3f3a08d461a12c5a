from collections.abc import Iterator

import pytest

from devices.models import Device
from tests.devices.webhooks.served import door, have_it_tell
from tests.factories import make_account, make_device
from tests.simulator_process import Simulator


@pytest.fixture
def gateways(simulator: Simulator) -> Iterator[list[Device]]:
    """Two devices whose gateways tell us everything; twenty messages a second each."""
    account = make_account()
    names = ("demo-1", "demo-2")
    devices = [make_device(account, simulator.url, instance_name=name, messages_per_minute=1200) for name in names]
    with door() as address:
        for device in devices:
            have_it_tell(simulator, device, address)
        yield devices
        simulator.renew()
