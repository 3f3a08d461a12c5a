"""The admin's bell and the page behind it: what this person is told, marked as read when they have seen it."""

from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.lists import keyset
from accounts.models import Account, User
from accounts.pages.admin_base import AccountAdmin, ReadOnly
from accounts.requests import account_of
from accounts.written.reading import row_id
from campaigns.models import Notification
from campaigns.notices import inbox
from campaigns.pages.notification_pages import bell, shown

PAGE_ROWS: Final = 30
PANEL_ROWS: Final = 6
LARGEST_ID: Final = 2**63 - 1


@admin.register(Notification)
class NotificationAdmin(ReadOnly, AccountAdmin):
    """A person's own notifications in the account they act in: nobody sees another's."""

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).filter(user_id=request.user.pk)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("panel/", wrap(self.panel_view), name="campaigns_notification_panel"),
            path("read/", wrap(require_POST(self.read_view)), name="campaigns_notification_read"),
            path("<int:notification_id>/open/", wrap(self.open_view), name="campaigns_notification_open"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """All of them, newest first; `?before=` an id turns the page."""
        _reader(request)
        rows = self.get_queryset(request)
        before = row_id(request.GET.get("before"))
        part = keyset.read(rows, ["-pk"], limit=PAGE_ROWS, after=[before] if before else None)
        context = {
            "notifications": shown(part.rows),
            "older": part.rows[-1].pk if part.has_next else None,
            "is_first": not before,
            "has_unread": self.get_queryset(request).unread().exists(),
        }
        return self.show(request, "campaigns/notifications/page.html", _("Notifications"), context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:campaigns_notification_changelist"))

    def panel_view(self, request: HttpRequest) -> HttpResponse:
        """The newest unread ones, for the bell's panel: a piece of HTML."""
        account, user = _reader(request)
        newest = list(self.get_queryset(request).unread().order_by("-pk")[:PANEL_ROWS])
        context = {"notifications": shown(newest), **bell(account, user)}
        response = render(request, "campaigns/notifications/panel.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def read_view(self, request: HttpRequest) -> HttpResponse:
        """Mark `id`s as read, or all with `all`. Answers the bell as it is then; a form without script its page."""
        account, user = _reader(request)
        ids = None if "all" in request.POST else [pk for raw in request.POST.getlist("id") if (pk := row_id(raw))]
        inbox.mark_read(account, user, ids)
        if "application/json" in request.headers.get("Accept", ""):
            return JsonResponse(bell(account, user))
        return HttpResponseRedirect(reverse("admin:campaigns_notification_changelist"))

    def open_view(self, request: HttpRequest, notification_id: int) -> HttpResponse:
        """Go to what it is about; whoever goes there has read it."""
        account, user = _reader(request)
        told = self.get_queryset(request).filter(pk=min(notification_id, LARGEST_ID)).first()
        if told is None:
            raise Http404
        inbox.mark_read(account, user, [told.pk])
        if "job_id" in told.details:
            return HttpResponseRedirect(reverse("admin:jobs_job_live", args=[told.details["job_id"]]))
        if told.campaign_id is None:
            return HttpResponseRedirect(reverse("admin:devices_device_change", args=[told.details["device_id"]]))
        return HttpResponseRedirect(reverse("admin:campaigns_campaign_page", args=[told.campaign_id]))


def _reader(request: HttpRequest) -> tuple[Account, User]:
    account, user = account_of(request), request.user
    if account is None or not isinstance(user, User):
        raise PermissionDenied
    return account, user
