"""Which gateway a device has: one entry for each Provider."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from accounts.encryption import Sealed
from devices.gateway.base import DeviceUnavailable, Gateway
from devices.gateway.evolution import EvolutionGateway
from devices.models import Device, Provider


def _evolution(device: Device) -> Gateway:
    return EvolutionGateway(device.base_url, device.instance_name, device.token)


GATEWAYS: Final[Mapping[str, Callable[[Device], Gateway]]] = MappingProxyType({Provider.EVOLUTION.value: _evolution})


def gateway_for(device: Device) -> Gateway:
    """Return what speaks to this device's gateway. Touches neither network nor database.

    Raises DeviceUnavailable, which concerns this device alone: token_unreadable, or unknown_provider for a row that
    another version of this program wrote.
    """
    if isinstance(device.token, Sealed):
        raise DeviceUnavailable("token_unreadable")
    make = GATEWAYS.get(device.provider)
    if make is None:
        raise DeviceUnavailable("unknown_provider")
    return make(device)
