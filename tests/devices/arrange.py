"""Arranges devices."""

from itertools import count
from typing import Any

from accounts.models import Account
from devices.models import Device
from tests.accounts import people
from tests.simulator_process import Simulator

_numbers = count(1)


def device(of: Account | None = None, simulator: Simulator | None = None, **fields: Any) -> Device:
    """A device, behind the simulator's instance demo-1 where a simulator is given."""
    there = {"base_url": simulator.url, "token": simulator.token} if simulator else {}
    return Device.unscoped.create(
        **{
            "account": of or people.account(),
            "name": f"Device {next(_numbers)}",
            "base_url": "http://127.0.0.1:9",  # nobody listens there
            "instance_name": "demo-1",
            "token": "hush-hush-token",
            **there,
            **fields,
        }
    )
