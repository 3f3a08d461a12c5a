"""What the pages of campaigns and of segments have in common: who may, the feature flag, finding a row."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from accounts.access.permissions import may
from accounts.models import Account, Role
from accounts.pages.admin_base import AccountAdmin
from accounts.requests import account_of, membership_of


def are_enabled(request: HttpRequest) -> bool:
    """Whether the account has campaigns: its feature flag."""
    account = account_of(request)
    return account is not None and account.whatsapp_api_campaigns


class CampaignPages(AccountAdmin):
    """What campaigns and segments have in common: who may, the feature flag, the frame.

    Where the account's flag is off, what there is can still be read, and nothing done; the lists say why.
    """

    required_role = Role.ADMINISTRATOR  # to delete
    list_before_template = "campaigns/off_notice.html"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return are_enabled(request) and may(membership_of(request), Role.AGENT)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return are_enabled(request) and super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}  # deleting is for one at a time

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        more = {"campaigns_are_off": not are_enabled(request)}
        return super().changelist_view(request, {**more, **(extra_context or {})})

    def _writable(self, request: HttpRequest) -> Account:
        """The account, for somebody who may make and change things in it. Raises PermissionDenied."""
        account = account_of(request)
        if account is None or not self.has_add_permission(request):
            raise PermissionDenied
        return account

    def _find(self, request: HttpRequest, object_id: Any) -> Any:
        """The account's row, for somebody who may see it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.found(request, object_id)
