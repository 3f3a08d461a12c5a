"""How often an account writes to one person at most, over all its campaigns: {"messages": 3, "days": 7}. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

MOST_MESSAGES: Final = 30
MOST_DAYS: Final = 365


class BadCap(ValueError):
    """This is no frequency cap."""


@dataclass(frozen=True, slots=True)
class Cap:
    """So many commercial messages in so many days, each of 24 hours."""

    messages: int
    days: int

    @property
    def length(self) -> timedelta:
        return timedelta(days=self.days)


def as_json(cap: Cap | None) -> dict[str, int]:
    """As the account keeps it."""
    return {} if cap is None else {"messages": cap.messages, "days": cap.days}


def parse(raw: Any) -> Cap | None:
    """Read a cap; None where there is none: {} or null. Raises BadCap."""
    if raw is None or raw == {}:
        return None
    if not isinstance(raw, Mapping) or set(raw) != {"messages", "days"}:
        raise BadCap
    messages, days = raw["messages"], raw["days"]
    if type(messages) is not int or type(days) is not int:
        raise BadCap
    if not 1 <= messages <= MOST_MESSAGES or not 1 <= days <= MOST_DAYS:
        raise BadCap
    return Cap(messages, days)
