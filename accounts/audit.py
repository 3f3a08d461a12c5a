"""The audit log: who did what to which thing. Append-only."""

from dataclasses import dataclass
from typing import Any, Self

from django.db import models
from django.http import HttpRequest
from rest_framework.request import Request

from accounts.models import Account, AuditEntry, User
from accounts.requests import account_of


@dataclass(frozen=True)
class Actor:
    """Who acts, in which account. No user: the system itself, or somebody at its terminal."""

    account: Account
    user: User | None = None

    @classmethod
    def of(cls, request: HttpRequest | Request) -> Self:
        """The caller of the API or of an admin page. Raises ValueError where they act in no account."""
        account = account_of(request)
        if account is None:
            raise ValueError("who acts in no account can change nothing")
        return cls(account, request.user if isinstance(request.user, User) else None)


def record(
    actor: Actor | HttpRequest | Request | User | None,
    action: str,
    subject: models.Model | str,
    *,
    account: Account | None = None,
    **details: Any,
) -> AuditEntry:
    """Write one entry: `record(request, "device.created", device, name=device.name)`.

    `actor` is an Actor, a request (its user and account are taken), a user, or None for the system itself;
    the last two name the `account`. Details must be plain JSON and hold no secret.
    """
    user = actor if isinstance(actor, User) else None
    if isinstance(actor, Actor):
        user, account = actor.user, actor.account
    if isinstance(actor, HttpRequest | Request):
        user = actor.user if isinstance(actor.user, User) else None
        account = account or account_of(actor)
    if account is None:
        raise ValueError("an audit entry belongs to an account: name it")
    entry: AuditEntry = AuditEntry.unscoped.create(
        account=account, user=user, action=action, subject=str(subject)[:200], details=details
    )
    return entry
