"""What a request knows of its caller, for type checkers: who, in which account, with which role.

`AccountMiddleware` and the classes of `authentication` put it there.
"""

from typing import TYPE_CHECKING

from django.http import HttpRequest
from rest_framework.request import Request

from accounts.models import Account, Membership, User


class ApiRequest(Request):
    """A request to an API view that RolePermission let through. For annotations only."""

    if TYPE_CHECKING:
        account: Account
        membership: Membership
        user: User


def membership_of(request: HttpRequest | Request) -> Membership | None:
    """The caller's membership in the account they act in; None for nobody and for members of no account."""
    membership: Membership | None = getattr(request, "membership", None)
    return membership


def account_of(request: HttpRequest | Request) -> Account | None:
    """The account the caller acts in."""
    membership = membership_of(request)
    return None if membership is None else membership.account
