"""Which rules bind a job: those of its account, where it is commercial. Pure.

They are read anew whenever recipients are: a rule that is switched on or off holds at once, also for a job under way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from functools import lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from accounts.rules import caps, presets
from accounts.rules.caps import Cap
from accounts.rules.presets import Rule
from devices.numbers import countries
from jobs.states import MessageKind

_ALWAYS: Final = "infinity"  # since then nobody was written to


class Limits(NamedTuple):
    """How often one person may be written to: fewer than so many since then, both. Moments as PostgreSQL reads them."""

    day_since: str
    day_most: int
    cap_since: str
    cap_most: int


@dataclass(frozen=True, slots=True)
class Binding:
    """The rules of countries, by their letters, and the cap, that a job's messages keep to."""

    rules: Mapping[str, Rule] = field(default_factory=dict)
    cap: Cap | None = None

    @property
    def limits_somebody(self) -> bool:
        """Whether anybody may be written to so often only."""
        return self.cap is not None or any(rule.a_day for rule in self.rules.values())

    def limits_of(self, phone: str, clock: ZoneInfo, now: datetime) -> Limits | None:
        """How often this person, whose clock is in that zone, may be written to as of now; None: ever so often."""
        rule = self.rules.get(_country(phone[: countries.BEGINNING]))
        a_day = rule.a_day if rule is not None else None
        if a_day is None and self.cap is None:
            return None
        return Limits(
            _ALWAYS if a_day is None else midnight(now, clock).isoformat(),
            a_day or 1,
            _ALWAYS if self.cap is None else (now - self.cap.length).isoformat(),
            1 if self.cap is None else self.cap.messages,
        )


UNBOUND: Final = Binding()


def binding_of(kind: str, country_rules: Sequence[str], frequency_cap: Mapping[str, Any]) -> Binding:
    """What binds messages of this kind in an account with these settings."""
    if kind != MessageKind.COMMERCIAL or not (country_rules or frequency_cap):
        return UNBOUND
    return Binding(presets.of(country_rules), caps.parse(frequency_cap))


def midnight(now: datetime, clock: ZoneInfo) -> datetime:
    """When the day began on this clock."""
    return datetime.combine(now.astimezone(clock).date(), time.min, clock)


@lru_cache(maxsize=16_384)
def _country(beginning: str) -> str:
    return countries.country_of(beginning)
