"""Which gateway a device has, and who reads what it tells: one entry each for each Provider."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from accounts.encryption import Sealed
from devices.gateway.base import DeviceUnavailable, Gateway, Made, WebhookReader
from devices.gateway.evolution import EvolutionGateway, EvolutionWebhooks, create_instance
from devices.models import Device, Provider


def _evolution(device: Device) -> Gateway:
    return EvolutionGateway(device.base_url, device.instance_name, device.token)


GATEWAYS: Final[Mapping[str, Callable[[Device], Gateway]]] = MappingProxyType({Provider.EVOLUTION.value: _evolution})
READERS: Final[Mapping[str, WebhookReader]] = MappingProxyType({Provider.EVOLUTION.value: EvolutionWebhooks()})
# (base_url, instance's name, the server's own key, seconds): by providers that make instances for whoever has the key.
MAKERS: Final[Mapping[str, Callable[[str, str, str, float], Made]]] = MappingProxyType(
    {Provider.EVOLUTION.value: create_instance}
)


def make_instance(device: Device, server_key: str, timeout_seconds: float) -> Made:
    """Have a device's instance made at its gateway; its token is the gateway's choice. Never raises."""
    make = MAKERS.get(device.provider)
    if make is None:
        return Made(reason="unknown_provider")
    return make(device.base_url, device.instance_name, server_key, timeout_seconds)


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
