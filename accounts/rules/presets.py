"""What the laws of countries ask of commercial messages, as far as we keep to it for an account that has them on.

docs/country-rules.md names their sources, and says what we promise and what not: this is no legal advice. A rule is of
the country of the recipient's number.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from functools import lru_cache
from typing import Final

import holidays

# What a contact may be written to on: the words of `campaigns.states.Basis`.
CONSENT: Final = "consent"
LEGITIMATE_INTEREST: Final = "legitimate_interest"
CONTRACT: Final = "contract"

Span = tuple[time, time]  # from, until before


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """What one country asks.

    `bases`: on one of which an agreement must rest; empty: none is asked for. `hours`: by weekday, Monday 0, on the
    recipient's clock; None: at all times. `a_day`: how many messages a person may get on one day, over all campaigns.
    """

    country: str
    bases: frozenset[str] = frozenset()
    hours: Mapping[int, Span] | None = None
    has_holidays: bool = False  # on which nobody is written to
    a_day: int | None = None
    clock: str = "UTC"  # a day's, where it is asked of many people at once
    is_default: bool = field(default=False)  # on for new accounts

    def on(self, day: date) -> Span | None:
        """When people may be written to on this day of their calendar; None: not at all."""
        if self.hours is None:
            return time.min, time.max
        if self.has_holidays and day in _holidays(self.country, day.year):
            return None
        return self.hours.get(day.weekday())


@lru_cache(maxsize=256)
def _holidays(country: str, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, years=year))


def _before(hour: int) -> time:
    """A minute before the full hour: what is claimed then is on its way by it, even to a slow gateway."""
    return time(hour - 1, 59)


_COLOMBIAN_HOURS: Final = {
    **dict.fromkeys(range(5), (time(7), _before(19))),
    5: (time(8), _before(15)),
}

RULES: Final[Mapping[str, Rule]] = {
    rule.country: rule
    for rule in (
        Rule("PE", bases=frozenset({CONSENT}), clock="America/Lima", is_default=True),
        Rule("CO", hours=_COLOMBIAN_HOURS, has_holidays=True, a_day=1, clock="America/Bogota", is_default=True),
        Rule("BR", bases=frozenset({CONSENT, LEGITIMATE_INTEREST}), clock="America/Sao_Paulo"),
        Rule("CL", bases=frozenset({CONSENT, LEGITIMATE_INTEREST}), clock="America/Santiago"),
        Rule("ES", bases=frozenset({CONSENT, CONTRACT}), clock="Europe/Madrid"),
        Rule("US", hours=dict.fromkeys(range(7), (time(8), _before(21))), clock="America/New_York"),
    )
}
DEFAULT: Final = tuple(sorted(rule.country for rule in RULES.values() if rule.is_default))


def default() -> list[str]:
    """The countries whose rules are on for a new account."""
    return list(DEFAULT)


def of(countries: Iterable[str]) -> dict[str, Rule]:
    """The rules of these countries; a country that has none here is passed over."""
    return {country: RULES[country] for country in countries if country in RULES}
