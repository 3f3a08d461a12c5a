"""How all instances of a server are, by its fetchInstances: one call, and the whole list, however long.

With the server's own key it names all of them, with an instance's key those that have that key. What stands in it is
the server's database: "open" from a first connection until WhatsApp ends it, so also while it reconnects, and of an
instance that is not loaded. It counts the messages of each instance for it, which costs its database something.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from devices.gateway import http
from devices.gateway.base import Probe
from devices.gateway.evolution.connection_state import STATES

# An instance takes 1 to 3 KB of it, so it is long enough for some thousands.
MAX_LIST_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class InstanceList:
    """The list that one server shows to one key. Its tokens stand in clear in it: nothing of it is kept or logged."""

    base_url: str
    key: str = field(repr=False)

    def call(self, timeout_seconds: float) -> dict[str, Probe] | None:
        url = f"{self.base_url}/instance/fetchInstances"
        try:
            answer = http.request(
                "GET", url, headers={"apikey": self.key}, timeout=timeout_seconds, most_bytes=MAX_LIST_BYTES
            )
        except http.Unreachable:
            return None
        return read(answer)


def read(answer: http.Response) -> dict[str, Probe] | None:
    """What the list says of each instance; of one that it names twice, or in a state we do not know, nothing."""
    rows = answer.json() if answer.status == 200 else None
    if not isinstance(rows, list):
        return None
    said = list(_read(rows))
    times = Counter(name for name, _ in said)
    return {name: STATES[state] for name, state in said if times[name] == 1 and state in STATES}


def _read(rows: list[Any]) -> Iterator[tuple[str, str]]:
    """Yield (name, state) of 2.x's flat rows, and of 1.x's, which are wrapped and say it in other words."""
    for row in rows:
        if not isinstance(row, dict):
            continue
        wrapped = row.get("instance")
        found = (
            (wrapped.get("instanceName"), wrapped.get("status"))
            if isinstance(wrapped, dict)
            else (row.get("name"), row.get("connectionStatus"))
        )
        if isinstance(found[0], str) and isinstance(found[1], str):
            yield found[0], found[1]
