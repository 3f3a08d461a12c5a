"""Arranges accounts, members and their tokens."""

from collections.abc import Mapping
from itertools import count
from typing import Any

from django.test import Client

from accounts.models import Account, ApiToken, Membership, Role, User
from tests.factories import make_account

_numbers = count(1)


def account(name: str = "", **fields: Any) -> Account:
    return make_account(name, **fields)


def user(email: str = "", *, password: str | None = None, **fields: Any) -> User:
    return User.objects.create_user(
        email or f"user{next(_numbers)}@example.com", password, **{"is_staff": True, **fields}
    )


def member(of: Account | None = None, role: Role = Role.ADMINISTRATOR, *, who: User | None = None) -> Membership:
    return Membership.unscoped.create(account=of or account(), user=who or user(), role=role)


def token_of(membership: Membership) -> str:
    return ApiToken.issue(membership, "test")[1]


def bearer(membership: Membership) -> dict[str, str]:
    """The header that speaks for this member, for a request of Django's test client."""
    return {"Authorization": f"Bearer {token_of(membership)}"}


def api(membership: Membership) -> Client:
    """A client whose calls carry a token of this member."""
    return Client(headers=bearer(membership))


def browser(membership: Membership | User, *, account_id: int | None = None) -> Client:
    """A client that is logged in to the admin."""
    client = Client()
    client.force_login(membership if isinstance(membership, User) else membership.user)
    if account_id is not None:
        session = client.session
        session["account_id"] = account_id
        session.save()
    return client


def rows(form: Mapping[str, Any]) -> dict[str, Any]:
    """What a browser posts for a form: None left out."""
    return {name: value for name, value in form.items() if value is not None}
