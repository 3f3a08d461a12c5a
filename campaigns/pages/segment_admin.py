"""The admin's pages of segments: their list and their form."""

import json
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import ErrorDetail
from unfold.views import ChangeList

from accounts.audit import Actor
from accounts.models import Account
from accounts.needed import StillNeeded
from accounts.pages.admin_base import display
from campaigns.actions import segment_acts
from campaigns.api.serializers import SegmentSerializer, segment_name_taken
from campaigns.models import Segment
from campaigns.pages import campaign_form, campaign_pages, form_problems
from campaigns.pages.campaign_frame import CampaignPages
from campaigns.wording import audience_words


class SegmentChangeList(ChangeList):  # type: ignore[misc]
    """A list whose rows lead to the segments' forms."""

    def url_for_result(self, result: Segment) -> str:
        return reverse("admin:campaigns_segment_edit", args=[result.pk])


@admin.register(Segment)
class SegmentAdmin(CampaignPages):
    """Audiences with a name, which campaigns share."""

    list_display = ("name", "conditions", "used_by", "created_at")
    search_fields = ("name",)
    ordering = ("name",)

    @display(description=gettext_lazy("audience"))
    def conditions(self, segment: Segment) -> str:
        return "; ".join(audience_words.described(segment.audience)) or "–"

    @display(description=gettext_lazy("campaigns"))
    def used_by(self, segment: Segment) -> int:
        return segment.campaign_count  # type: ignore[attr-defined,no-any-return]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Segment]:
        rows: QuerySet[Segment] = super().get_queryset(request)
        return rows.annotate(campaign_count=Count("campaigns"))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return SegmentChangeList

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("new/", wrap(self.new_view), name="campaigns_segment_new"),
            path("<int:segment_id>/edit/", wrap(self.edit_view), name="campaigns_segment_edit"),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:campaigns_segment_new"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        segment = self._find(request, object_id)
        return HttpResponseRedirect(reverse("admin:campaigns_segment_edit", args=[segment.pk]))

    def new_view(self, request: HttpRequest) -> HttpResponse:
        account = self._writable(request)
        if request.method == "POST":
            return self._save(request, account, None)
        form = {"name": "", "audience": "{}"}
        context = campaign_pages.segment_form(account, form, {}, None)
        return self.show(request, "campaigns/segment.html", _("New segment"), context)

    def edit_view(self, request: HttpRequest, segment_id: int) -> HttpResponse:
        """Its form; to whoever may only read, how it is."""
        segment = self._find(request, segment_id)
        if request.method == "POST":
            return self._save(request, self._writable(request), segment)
        form = {"name": segment.name, "audience": json.dumps(segment.audience, ensure_ascii=False)}
        context = {
            **campaign_pages.segment_form(segment.account, form, {}, segment),
            "conditions": audience_words.described(segment.audience),
            "may_change": self.has_change_permission(request),
            "may_delete": self.has_delete_permission(request, segment),
        }
        template = "campaigns/segment.html" if context["may_change"] else "campaigns/segment_read.html"
        return self.show(request, template, str(segment), context, of=segment)

    def _save(self, request: HttpRequest, account: Account, segment: Segment | None) -> HttpResponse:
        form = {"name": request.POST.get("name", ""), "audience": request.POST.get("audience", "")}
        errors: dict[str, Any] = {}
        try:
            audience = campaign_form.audience_of(form)
        except (ValueError, RecursionError):
            audience, errors = {}, {"audience": [ErrorDetail("", "json_invalid")]}
        serializer = SegmentSerializer(segment, data={**form, "audience": audience}, context={"account": account})
        if serializer.is_valid() and not errors:
            try:
                saved = segment_acts.save(Actor.of(request), segment or Segment(), serializer.validated_data)
            except segment_acts.SegmentNameTaken:
                errors = dict(segment_name_taken().detail)  # type: ignore[arg-type]
            else:
                messages.success(request, _("The segment “%(segment)s” was saved.") % {"segment": saved})
                return HttpResponseRedirect(reverse("admin:campaigns_segment_changelist"))
        context = campaign_pages.segment_form(
            account, form, form_problems.by_field({**serializer.errors, **errors}), segment
        )
        context |= {"may_change": True, "may_delete": False}
        title = _("New segment") if segment is None else str(segment)
        return self.show(request, "campaigns/segment.html", title, context, of=segment, status=400)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        segment = self._find(request, object_id)
        if not self.has_delete_permission(request, segment):
            raise PermissionDenied
        back_url = reverse("admin:campaigns_segment_edit", args=[segment.pk])
        needed = None
        if request.method == "POST":
            try:
                segment_acts.delete(Actor.of(request), segment, force=request.POST.get("force") == "true")
            except StillNeeded as error:
                needed = error
            else:
                messages.success(request, _("The segment “%(segment)s” was deleted.") % {"segment": segment})
                return HttpResponseRedirect(reverse("admin:campaigns_segment_changelist"))
        return self.ask(
            request,
            segment,
            question=_("Delete the segment “%(segment)s”?") % {"segment": segment},
            explanation=_("Its contacts stay. Campaigns that are for it keep its audience as their own."),
            verb=_("Delete"),
            back_url=back_url,
            needed=needed,
        )
