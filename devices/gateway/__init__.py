"""The gateways: `base` says what one is to the engine, `evolution` is the one there is."""

from typing import TYPE_CHECKING

from devices.gateway.base import Gateway
from devices.gateway.evolution import EvolutionGateway

if TYPE_CHECKING:
    from devices.models import Device


def gateway_for(device: "Device") -> Gateway:
    """Return what speaks to this device's gateway."""
    return EvolutionGateway(device.base_url, device.instance_name, device.token)
