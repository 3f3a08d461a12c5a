"""What each role may do: the one order of roles, asked by the API, the WebSocket and the admin alike.

| | administrator | agent | viewer |
| --- | --- | --- | --- |
| read jobs, campaigns, contacts, devices (never secrets) | ✓ | ✓ | ✓ |
| send, create and run campaigns, import contacts | ✓ | ✓ | |
| devices, tokens, members, account settings, resend unknowns, delete | ✓ | | |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from django.http import Http404
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.errors import ApiError
from accounts.models import Membership, Role

if TYPE_CHECKING:  # DRF's views load this module while they are loading themselves
    from rest_framework.views import APIView

_RANK: Final = {Role.VIEWER: 0, Role.AGENT: 1, Role.ADMINISTRATOR: 2}


def may(membership: Membership | None, needed: Role) -> bool:
    """Whether this member has at least the needed role. Nobody may do nothing."""
    return membership is not None and _RANK[Role(membership.role)] >= _RANK[needed]


class RolePermission(BasePermission):
    """Lets a call through when the caller's role in the account suffices.

    Reading needs a viewer, deleting an administrator, anything else an agent. A view that differs says so:

        required_role = Role.ADMINISTRATOR                                  # every unsafe method
        required_role = {"POST": Role.AGENT, "retry": Role.ADMINISTRATOR}   # by method or viewset action
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        membership: Membership | None = request.membership  # type: ignore[attr-defined]
        if membership is None:
            if request.user is None:
                return False  # DRF answers 401
            raise ApiError("no_membership", status=403)
        # Another account's address does not exist, whatever the role.
        account_id = view.kwargs.get("account_id")
        if account_id is not None and str(account_id) != str(membership.account_id):
            raise Http404
        return may(membership, needed_role(view, request.method or ""))


def needed_role(view: APIView, method: str) -> Role:
    declared: Role | Mapping[str, Role] | None = getattr(view, "required_role", None)
    if isinstance(declared, Mapping):
        action: str | None = getattr(view, "action", None)
        for key in (action, method):
            if key is not None and key in declared:
                return declared[key]
    if method in SAFE_METHODS:
        return Role.VIEWER
    if isinstance(declared, Role):
        return declared
    return Role.ADMINISTRATOR if method == "DELETE" else Role.AGENT
