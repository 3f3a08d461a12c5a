"""The audit log: who did what to which thing. Append-only."""

from typing import Any

from django.db import models
from django.http import HttpRequest
from rest_framework.request import Request

from accounts.models import Account, AuditEntry, User
from accounts.requests import account_of


def record(
    actor: HttpRequest | Request | User | None,
    action: str,
    subject: models.Model | str,
    *,
    account: Account | None = None,
    **details: Any,
) -> AuditEntry:
    """Write one entry: `record(request, "device.created", device, name=device.name)`.

    `actor` is a request (its user and account are taken), a user, or None for the system itself; the
    last two name the `account`. Details must be plain JSON and hold no secret.
    """
    user = actor if isinstance(actor, User) else None
    if isinstance(actor, HttpRequest | Request):
        user = actor.user if isinstance(actor.user, User) else None
        account = account or account_of(actor)
    if account is None:
        raise ValueError("an audit entry belongs to an account: name it")
    entry: AuditEntry = AuditEntry.unscoped.create(
        account=account, user=user, action=action, subject=str(subject)[:200], details=details
    )
    return entry
