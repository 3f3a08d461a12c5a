"""Whom the rules of countries and the account's cap keep a campaign from writing to, as conditions in SQL.

Of a contact as `contact`, beside `written`, when it was last written to commercially (`jobs.rules.often`), where that
is asked. A person's hours only leave somebody out where there are none: else they wait for them in the job.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from accounts.models import Account
from accounts.rules.presets import CONSENT, Rule
from campaigns.models import Campaign
from devices.numbers.countries import is_of_sql
from jobs import windows
from jobs.rules.binding import Binding, binding_of, midnight
from jobs.states import MessageKind
from jobs.suppression import COUNTRY_HOURS, NO_CONSENT, TOO_RECENT

REASONS: Final = (NO_CONSENT, COUNTRY_HOURS, TOO_RECENT)
_PHONE: Final = "contact.phone"


@dataclass(frozen=True, slots=True)
class Terms:
    """Those of a campaign of this kind. `left_out`: who is left out, by reason. `joined`: what stands beside the
    contacts for that, asking for the account's id once. `slow`: countries whose hours some of them may wait for."""

    kind: str = MessageKind.COMMERCIAL
    left_out: Mapping[str, str] = field(default_factory=dict)
    joined: str = ""
    slow: Sequence[Rule] = ()


NONE: Final = Terms()


def terms_of(account: Account, kind: str, sending_window: Mapping[str, Any], now: datetime) -> Terms:
    """What binds a campaign of this kind that would be sent from `now` on. Raises BadWindow."""
    binding = binding_of(kind, account.country_rules, account.frequency_cap)
    window = windows.parse(sending_window)
    openings = {
        rule: windows.opening(windows.in_country(window, rule), ZoneInfo(rule.clock), now)
        for rule in binding.rules.values()
        if rule.hours
    }
    conditions = {
        NO_CONSENT: [_disagrees(rule) for rule in binding.rules.values() if rule.bases],
        COUNTRY_HOURS: [is_of_sql(_PHONE, rule.country) for rule, opening in openings.items() if opening is None],
        TOO_RECENT: _too_recent(binding, openings, now),
    }
    return Terms(
        kind,
        {reason: f"({' OR '.join(some)})" for reason, some in conditions.items() if some},
        _WRITTEN if conditions[TOO_RECENT] else "",
        tuple(rule for rule, opening in openings.items() if opening is not None),
    )


def of_campaign(campaign: Campaign, now: datetime) -> Terms:
    """What binds a campaign that would be sent from `now` on, or when it is scheduled."""
    window = campaign.sending_window or campaign.account.sending_window
    return terms_of(campaign.account, campaign.kind, window, max(campaign.scheduled_at or now, now))


_WRITTEN: Final = (
    " LEFT JOIN jobs_lastwritten AS written ON written.account_id = %s AND written.phone_key = contact.phone_key"
)


def _disagrees(rule: Rule) -> str:
    """Whoever rests on none of the bases that the rule takes."""
    on_others = ", ".join(f"'{basis}'" for basis in sorted(rule.bases - {CONSENT}))
    ways = ["contact.opted_in_at IS NOT NULL"] if CONSENT in rule.bases else []
    if on_others:
        ways.append(f"contact.other_basis IN ({on_others})")
    return f"({is_of_sql(_PHONE, rule.country)} AND NOT ({' OR '.join(ways)}))"


def _too_recent(binding: Binding, openings: Mapping[Rule, datetime | None], now: datetime) -> list[str]:
    some: list[str] = []
    if binding.cap is not None:
        some.append(_written_since(now - binding.cap.length, binding.cap.messages))
    for rule in binding.rules.values():
        if rule.a_day is not None:
            # The day they would be written to: where it is evening that is another one.
            day = midnight(openings.get(rule) or now, ZoneInfo(rule.clock))
            some.append(f"({is_of_sql(_PHONE, rule.country)} AND {_written_since(day, rule.a_day)})")
    return some


def _written_since(since: datetime, most: int) -> str:
    # The newest stand first: so many are as new where the last of so many is.
    return f"coalesce(written.times[{most}] >= '{since.isoformat()}', false)"
