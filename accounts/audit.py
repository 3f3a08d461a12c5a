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


def record(actor: Actor, action: str, subject: models.Model | str, **details: Any) -> AuditEntry:
    """Write one entry, in the transaction of what it tells: `record(actor, "device.created", device, id=device.pk)`.

    Details are plain JSON: names of fields, ids and counts, no secret and nothing of a person.
    """
    entry: AuditEntry = AuditEntry.unscoped.create(
        account=actor.account, user=actor.user, action=action, subject=str(subject)[:200], details=details
    )
    return entry
