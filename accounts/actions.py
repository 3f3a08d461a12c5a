"""What a person does to an account, its members and their tokens: one function an act, with its one audit entry in the
same transaction. The admin and `bootstrap` call these; what changes nothing leaves no entry.
"""

import secrets
from collections.abc import Iterable
from enum import Enum
from typing import Any, Final

from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from accounts.models import Account, ApiToken, Membership, Role, User
from accounts.rules import caps
from accounts.rules.caps import Cap
from accounts.rules.presets import RULES

MOST_REASON_CHARACTERS: Final = 500


class Same(Enum):
    """What stands for a setting that stays as it is."""

    SAME = "same"


SAME: Final = Same.SAME


def create_account(name: str) -> Account:
    """Find the account of this name, or make it, in nobody's name."""
    with transaction.atomic():
        account, is_new = Account.objects.get_or_create(name=name)
        if is_new:
            audit.record(Actor(account), "account.created", account)
    return account


def change_account(actor: Actor, account: Account, fields: Iterable[str]) -> None:
    """Write these columns of the account's settings."""
    names = sorted(fields)
    if not names:
        return
    with transaction.atomic():
        account.save(update_fields=names)
        audit.record(actor, "account.changed", account, fields=names)


def change_rules(
    actor: Actor,
    account: Account,
    *,
    country_rules: Iterable[str] | None = None,
    cap: Cap | Same | None = SAME,
    reason: str,
) -> bool:
    """Have its commercial campaigns keep to the rules of these countries, and to this cap; what is not given stays.

    Returns whether that changed anything. Raises RulesRefused: `reason_missing`, `country_rules_invalid`.
    """
    with transaction.atomic():
        locked = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        countries = sorted(set(locked.country_rules if country_rules is None else country_rules))
        frequency_cap = locked.frequency_cap if isinstance(cap, Same) else caps.as_json(cap)
        before = set(locked.country_rules)
        details: dict[str, Any] = {}
        if on := sorted(set(countries) - before):
            details["on"] = on
        if off := sorted(before - set(countries)):
            details["off"] = off
        if frequency_cap != locked.frequency_cap:
            details["frequency_cap"] = frequency_cap
        if not details:
            return False
        if set(on) - RULES.keys():
            raise RulesRefused("country_rules_invalid")
        if not (reason := reason.strip()):
            raise RulesRefused("reason_missing")
        account.country_rules, account.frequency_cap = countries, frequency_cap
        Account.objects.filter(pk=account.pk).update(country_rules=countries, frequency_cap=frequency_cap)
        audit.record(actor, "account.rules_changed", account, **details, reason=reason[:MOST_REASON_CHARACTERS])
    return True


class RulesRefused(ValueError):
    """The rules cannot be changed so. `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def enter_account(actor: Actor) -> None:
    """Note that somebody acts in an account that they are no member of."""
    audit.record(actor, "account.entered", actor.account)


# --- Members ---------------------------------------------------------------------------------------------


def appoint(actor: Actor, user: User, role: Role) -> Membership:
    """Give a person this role in the account, a member or not yet one."""
    with transaction.atomic():
        member, is_new = Membership.unscoped.get_or_create(account=actor.account, user=user, defaults={"role": role})
        # From here on whoever else appoints the same person waits.
        member = Membership.unscoped.select_for_update(no_key=True).get(pk=member.pk)
        if is_new:
            audit.record(actor, "membership.created", member)
        elif member.role != role:
            member.role = role
            member.save(update_fields=["role"])
            audit.record(actor, "membership.changed", member, fields=["role"])
    return member


def remove_member(actor: Actor, member: Membership) -> None:
    """Take a person out of the account, with their tokens for it."""
    with transaction.atomic():
        audit.record(actor, "membership.deleted", member, id=str(member.pk))
        member.delete()


def reset_password(actor: Actor, member: Membership) -> str:
    """Give a member a password made up here; return it."""
    password = secrets.token_urlsafe(12)
    member.user.set_password(password)
    with transaction.atomic():
        member.user.save(update_fields=["password"])
        audit.record(actor, "membership.password_reset", member)
    return password


def change_own_password(actor: Actor | None, user: User, password: str) -> None:
    """Give oneself another password. Where nobody's account is acted in there is no log for it to stand in."""
    user.set_password(password)
    with transaction.atomic():
        user.save(update_fields=["password"])
        if actor is not None:
            audit.record(actor, "user.password_changed", user)


# --- Tokens ----------------------------------------------------------------------------------------------


def issue_token(actor: Actor, member: Membership, name: str) -> tuple[ApiToken, str]:
    """Make a token; return it with its plain text, which exists nowhere else."""
    with transaction.atomic():
        token, plain = ApiToken.issue(member, name)
        audit.record(actor, "apitoken.created", token, id=token.pk, membership=member.pk)
    return token, plain


def revoke_token(actor: Actor, token: ApiToken) -> None:
    with transaction.atomic():
        token.revoke()
        audit.record(actor, "apitoken.revoked", token, id=token.pk)
