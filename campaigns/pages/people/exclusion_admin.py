"""The admin's pages of exclusion lists: what is in force of each, a newer file, on and off, deleting."""

from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.audit import Actor
from accounts.errors import ApiError
from accounts.pages.admin_base import display
from campaigns.actions import exclusion_acts
from campaigns.models import ContactImport
from campaigns.pages.people.contact_frame import ContactPages
from campaigns.pages.people.contact_pages import FORM_NAMES
from campaigns.wording.refusals import page_refusal
from jobs.models import ExclusionList, ListKind

IMPORTS_SHOWN: Final = 10


class FileForm(forms.Form):
    """What is said of a file besides the file."""

    file_date = forms.DateField(required=False, input_formats=["%Y-%m-%d"])

    def clean_file_date(self) -> Any:
        day = self.cleaned_data["file_date"]
        if day is not None and day > timezone.localdate():
            raise forms.ValidationError(_("The date of the file is yet to come."))
        return day


class ListForm(FileForm):
    """A new list."""

    name = forms.CharField(max_length=100)
    kind = forms.ChoiceField(choices=ListKind.choices)


@admin.register(ExclusionList)
class ExclusionListAdmin(ContactPages):
    """Lists of numbers that come by file: read by everybody, loaded by agents, switched off by administrators."""

    empty_template = "campaigns/contacts/no_exclusion_lists.html"
    empty_title = gettext_lazy("Exclusion lists")
    list_display = ("name", "registry", "holds", "numbers", "file_date", "loaded")
    search_fields = ("name",)
    ordering = ("name", "id")
    list_select_related = ("load",)
    list_before_template = "campaigns/contacts/exclusions_notice.html"

    @display(description=gettext_lazy("registry"), ordering="kind")
    def registry(self, row: ExclusionList) -> str:
        return row.get_kind_display()

    @display(description=gettext_lazy("in use"), ordering="is_on", boolean=True)
    def holds(self, row: ExclusionList) -> bool:
        return row.is_on and row.load_id is not None

    @display(description=gettext_lazy("numbers"))
    def numbers(self, row: ExclusionList) -> int:
        return row.load.numbers if row.load else 0

    @display(description=gettext_lazy("date of the file"))
    def file_date(self, row: ExclusionList) -> str:
        return date_format(row.load.file_date) if row.load and row.load.file_date else "–"

    @display(description=gettext_lazy("loaded"))
    def loaded(self, row: ExclusionList) -> str:
        return render_to_string("jobs/cells/moment.html", {"moment": row.load and row.load.loaded_at})

    def list_address(self) -> str:
        return reverse("admin:jobs_exclusionlist_changelist")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExclusionList]:
        rows: QuerySet[ExclusionList] = super().get_queryset(request)
        return rows.select_related("load__loaded_by")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:list_id>/load/", wrap(self.load_view), name="jobs_exclusionlist_load"),
            path("<int:list_id>/on/", wrap(self.on_view), name="jobs_exclusionlist_on"),
            path("<int:list_id>/off/", wrap(self.off_view), name="jobs_exclusionlist_off"),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        self._changing(request)
        form = ListForm(request.POST or None)
        error: Any = ""
        if form.is_valid():
            said = form.cleaned_data
            row = ExclusionList(name=said["name"], kind=said["kind"])
            try:
                made = exclusion_acts.create(
                    Actor.of(request), row, request.FILES.get("file"), said["file_date"], is_asked_first=True
                )
            except ApiError as refused:
                error = page_refusal(refused.code)
            else:
                return HttpResponseRedirect(_columns_address(made))
        return self._upload(request, form, error, None)

    def load_view(self, request: HttpRequest, list_id: int) -> HttpResponse:
        """A newer file of a list."""
        row = self.found(request, list_id)
        self._changing(request)
        form = FileForm(request.POST if request.method == "POST" else None)
        error: Any = ""
        if form.is_valid():
            try:
                made = exclusion_acts.load(
                    Actor.of(request),
                    row,
                    request.FILES.get("file"),
                    form.cleaned_data["file_date"],
                    is_asked_first=True,
                )
            except ApiError as refused:
                error = page_refusal(refused.code)
            else:
                return HttpResponseRedirect(_columns_address(made))
        return self._upload(request, form, error, row)

    def _upload(self, request: HttpRequest, form: forms.Form, error: Any, row: ExclusionList | None) -> HttpResponse:
        content = {"form": form, "error": error, "row": row, "kinds": ListKind.choices}
        title = gettext_lazy("New exclusion list") if row is None else gettext_lazy("Load a newer file")
        status = 400 if form.is_bound else 200
        return self._show(
            request, "campaigns/contacts/exclusion_upload.html", title, content, original=row, status=status
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.found(request, object_id)
        imports: QuerySet[ContactImport] = ContactImport.objects.for_account(row.account_id).filter(exclusion_list=row)
        content = {
            "row": row,
            "load": row.load,
            "forms": [FORM_NAMES.get(form) or _("numbers") for form in row.load.forms] if row.load else [],
            "imports": imports.defer("errors", "warnings", "mapping").order_by("-id")[:IMPORTS_SHOWN],
            "is_own": row.kind == ListKind.OWN,
        }
        return self._show(request, "campaigns/contacts/exclusion_list.html", str(row), content, original=row)

    def on_view(self, request: HttpRequest, list_id: int) -> HttpResponse:
        """Have a list hold again."""
        row = self.found(request, list_id)
        self._changing(request)
        if request.method == "POST":
            exclusion_acts.change(Actor.of(request), row, is_on=True)
        return HttpResponseRedirect(_address(row))

    def off_view(self, request: HttpRequest, list_id: int) -> HttpResponse:
        """Have a list hold no more: an administrator's, and asked first."""
        row = self.found(request, list_id)
        if not self.has_delete_permission(request, row):
            raise PermissionDenied
        if request.method == "POST":
            exclusion_acts.change(Actor.of(request), row, is_on=False)
        elif row.is_on:
            return self.ask(
                request,
                row,
                question=_("Switch off the exclusion list “%(list)s”?") % {"list": row},
                explanation=_("Its numbers may be written to again, by the next campaign and by those under way."),
                verb=_("Switch off"),
                back_url=_address(row),
            )
        return HttpResponseRedirect(_address(row))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        row = self.found(request, object_id)
        if not self.has_delete_permission(request, row):
            raise PermissionDenied
        if request.method != "POST":
            return self.ask(
                request,
                row,
                question=_("Delete the exclusion list “%(list)s”?") % {"list": row},
                explanation=_("Its numbers may be written to again, by the next campaign and by those under way."),
                verb=_("Delete"),
                back_url=_address(row),
            )
        exclusion_acts.delete(Actor.of(request), row)
        messages.success(request, _("The exclusion list was deleted."))
        return HttpResponseRedirect(self.list_address())


def _address(row: ExclusionList) -> str:
    return reverse("admin:jobs_exclusionlist_change", args=[row.pk])


def _columns_address(row: ContactImport) -> str:
    return reverse("admin:campaigns_contactimport_columns", args=[row.pk])
