"""What the pages of contacts, labels and imports share: who may see and do what, and their frame."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.access.permissions import may
from accounts.models import Account, Role
from accounts.pages.admin_base import AccountAdmin
from accounts.requests import account_of, membership_of


class ContactPages(AccountAdmin):
    """What these pages share: read by everybody, changed by agents, deleted by administrators.

    `empty_template`: shown in place of a list of nothing, if there is one.
    """

    empty_template = ""
    empty_title: Any = ""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if self.empty_template and account_of(request) is not None and not self.get_queryset(request).exists():
            if not self.has_view_permission(request):
                raise PermissionDenied
            return self._show(request, self.empty_template, self.empty_title, {})
        return super().changelist_view(request, extra_context)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(membership_of(request), Role.AGENT)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(membership_of(request), Role.AGENT)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}  # deleting is for one at a time

    def list_address(self) -> str:
        return reverse(f"admin:campaigns_{self.opts.model_name}_changelist")

    def _account(self, request: HttpRequest) -> Account:
        account = account_of(request)
        if account is None:
            raise PermissionDenied
        return account

    def _changing(self, request: HttpRequest) -> Account:
        if not self.has_change_permission(request):
            raise PermissionDenied
        return self._account(request)

    def _show(
        self,
        request: HttpRequest,
        template: str,
        title: Any,
        content: dict[str, Any],
        *,
        original: Any = None,
        status: int = 200,
    ) -> HttpResponse:
        rights = {
            "may_change": self.has_change_permission(request),
            "may_delete": self.has_delete_permission(request),
        }
        return self.show(request, template, title, {**rights, **content}, of=original, status=status)


def download(text: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)
