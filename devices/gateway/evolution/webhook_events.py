"""What all events of Evolution API's webhook have in common."""

from collections.abc import Mapping
from typing import Any


def event_name(event: Mapping[str, Any]) -> str:
    """`MESSAGES_UPDATE` is how its settings spell it, `messages-update` how its addresses do."""
    name = event.get("event")
    return name.lower().replace("_", ".").replace("-", ".") if isinstance(name, str) else ""
