"""The admin's pages of labels: their list with how many carry each, renaming, deleting."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.views import ChangeList

from accounts.audit import Actor
from accounts.needed import StillNeeded
from accounts.pages.admin_base import display
from campaigns.actions import contact_acts
from campaigns.contacts import labels
from campaigns.models import Label
from campaigns.pages.people.contact_forms import LabelForm
from campaigns.pages.people.contact_frame import ContactPages


class LabelChangeList(ChangeList):  # type: ignore[misc]
    """A list whose labels know how many contacts carry them, counted for the page at once."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Label] = list(self.result_list)
        counts = labels.count(rows[0].account_id, [label.name for label in rows]) if rows else {}
        for label in rows:
            label.contacts = counts[label.name]  # type: ignore[attr-defined]
        self.result_list = rows


@admin.register(Label)
class LabelAdmin(ContactPages):
    """Labels, each with how many carry it. Renaming and deleting reach the contacts."""

    empty_template = "campaigns/contacts/no_labels.html"
    empty_title = gettext_lazy("Labels")
    form = LabelForm
    list_display = ("name", "carriers", "created_at")
    search_fields = ("name",)
    ordering = ("name",)
    list_before_template = "campaigns/contacts/labels_notice.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LabelChangeList

    @display(description=gettext_lazy("contacts"))
    def carriers(self, label: Label) -> str:
        return render_to_string("campaigns/contacts/cells/carriers.html", {"label": label})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            contact_acts.rename_label(Actor.of(request), obj, form.cleaned_data["name"])
        else:
            contact_acts.create_label(Actor.of(request), obj)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        # It has but a name: there is nothing to go on editing.
        more = {"show_save_and_continue": False, "show_save_and_add_another": False}
        response: HttpResponse = super().changeform_view(
            request, object_id, form_url, {**more, **(extra_context or {})}
        )
        return response

    def response_add(self, request: HttpRequest, obj: Label, post_url_continue: Any = None) -> HttpResponse:
        return self._saved(request, obj)

    def response_change(self, request: HttpRequest, obj: Label) -> HttpResponse:
        return self._saved(request, obj)

    def _saved(self, request: HttpRequest, label: Label) -> HttpResponse:
        # Django's own words take every name for masculine.
        messages.success(request, _("The label “%(label)s” was saved.") % {"label": label})
        return HttpResponseRedirect(self.list_address())

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        label = self.found(request, object_id)
        if not self.has_delete_permission(request, label):
            raise PermissionDenied
        needed = None
        if request.method == "POST":
            try:
                contact_acts.delete_label(Actor.of(request), label, force=request.POST.get("force") == "true")
            except StillNeeded as error:
                needed = error
            else:
                messages.success(request, _("The label “%(label)s” was deleted.") % {"label": label.name})
                return HttpResponseRedirect(self.list_address())
        carriers = labels.count(label.account_id, [label.name])[label.name]
        explanation = ngettext(
            "%(count)s contact carries it and loses it; the contact stays. This cannot be undone.",
            "%(count)s contacts carry it and lose it; the contacts stay. This cannot be undone.",
            carriers,
        )
        return self.ask(
            request,
            label,
            question=_("Delete the label “%(label)s”?") % {"label": label},
            explanation=explanation % {"count": carriers},
            verb=_("Delete"),
            needed=needed,
        )
