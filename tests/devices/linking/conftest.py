"""A gateway at which nobody scans a code by itself, and a device there."""

from collections.abc import Iterator

import pytest

from accounts.models import Membership
from devices.models import Device
from tests.accounts import people
from tests.devices import arrange
from tests.simulator_process import Simulator, start_simulator


@pytest.fixture(scope="session")
def _linking_gateway() -> Iterator[Simulator]:
    with start_simulator("demo-1", arguments=["--scan-after", "0", "--qr-after", "0.02"]) as simulator:
        yield simulator


@pytest.fixture
def gateway(_linking_gateway: Simulator) -> Simulator:
    """Its instance demo-1 was logged out."""
    _linking_gateway.renew()
    _linking_gateway.set_state("demo-1", "close")
    return _linking_gateway


@pytest.fixture
def admin(db: None) -> Membership:
    return people.member()


@pytest.fixture
def device(gateway: Simulator, admin: Membership) -> Device:
    return arrange.device(admin.account, gateway)
