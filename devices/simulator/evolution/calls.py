"""What a route's function is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devices.simulator.evolution.instances import Instance
from devices.simulator.evolution.world import World
from devices.simulator.serving.server import Request


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a known route. `key` is the apikey header; the query keeps each name's last value."""

    world: World
    request: Request
    query: Mapping[str, str]
    body: Mapping[str, Any]
    key: str
    found: Instance | None

    @property
    def instance(self) -> Instance:
        """The instance the path names; only for routes that name one."""
        if self.found is None:
            raise LookupError("this route names no instance")
        return self.found

    @property
    def has_global_key(self) -> bool:
        return self.key.encode() == self.world.global_key
