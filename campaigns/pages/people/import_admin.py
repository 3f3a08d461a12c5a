"""The admin's pages of imports: a file of contacts on its way in, from the upload to the result."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.audit import Actor
from accounts.errors import ApiError
from accounts.pages.admin_base import display
from campaigns.actions import import_acts
from campaigns.imports import upload
from campaigns.models import ContactImport
from campaigns.pages.people import contact_pages
from campaigns.pages.people.contact_forms import MappingForm
from campaigns.pages.people.contact_frame import ContactPages, download
from campaigns.wording.refusals import page_refusal


@admin.register(ContactImport)
class ContactImportAdmin(ContactPages):
    """Files of contacts: uploaded, their columns said, checked, and imported on a person's word."""

    empty_template = "campaigns/contacts/no_imports.html"
    empty_title = gettext_lazy("Contact imports")
    list_display = ("file", "what", "state", "rows", "new", "updated", "skipped", "bad", "created_at")
    list_display_links = ("file",)
    search_fields = ("file_name",)
    ordering = ("-id",)

    @display(description=gettext_lazy("file"), ordering="file_name")
    def file(self, row: ContactImport) -> str:
        return row.file_name

    @display(description=gettext_lazy("kind"), ordering="kind")
    def what(self, row: ContactImport) -> str:
        return row.get_kind_display()

    @display(description=gettext_lazy("status"), ordering="status")
    def state(self, row: ContactImport) -> str:
        return render_to_string("campaigns/contacts/cells/import_state.html", {"row": row})

    @display(description=gettext_lazy("New contacts"), ordering="created_count")
    def new(self, row: ContactImport) -> int:
        return row.created_count

    @display(description=gettext_lazy("Updated"), ordering="updated_count")
    def updated(self, row: ContactImport) -> int:
        return row.updated_count

    @display(description=gettext_lazy("Skipped"), ordering="skipped_count")
    def skipped(self, row: ContactImport) -> int:
        return row.skipped_count

    @display(description=gettext_lazy("Lines with errors"), ordering="error_count")
    def bad(self, row: ContactImport) -> int:
        return row.error_count

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContactImport]:
        rows: QuerySet[ContactImport] = super().get_queryset(request)
        match = request.resolver_match
        return (
            rows.defer("errors", "warnings", "mapping")
            if match and (match.url_name or "").endswith("changelist")
            else rows
        )

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:import_id>/columns/", wrap(self.columns_view), name="campaigns_contactimport_columns"),
            path("<int:import_id>/start/", wrap(self.start_view), name="campaigns_contactimport_start"),
            path("<int:import_id>/errors.csv", wrap(self.errors_view), name="campaigns_contactimport_errors"),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        self._changing(request)
        error: Any = ""
        is_of_suppressions = request.GET.get("kind") == ContactImport.Kind.SUPPRESSIONS
        kind = ContactImport.Kind.SUPPRESSIONS if is_of_suppressions else ContactImport.Kind.CONTACTS
        if request.method == "POST":
            try:
                row = import_acts.accept_file(
                    Actor.of(request), request.FILES.get("file"), kind=kind, is_asked_first=True
                )
            except ApiError as refused:
                error = page_refusal(refused.code)
            else:
                return HttpResponseRedirect(_import_address(row, "columns"))
        status = 400 if error else 200
        content = {"error": error, "is_of_suppressions": is_of_suppressions}
        title = gettext_lazy("Import suppressed numbers") if is_of_suppressions else gettext_lazy("Import contacts")
        return self._show(request, "campaigns/contacts/upload.html", title, content, status=status)

    def columns_view(self, request: HttpRequest, import_id: int) -> HttpResponse:
        """Say what the columns are; saying so has the file checked."""
        row = self.found(request, import_id)
        account = self._changing(request)
        if row.status not in (ContactImport.Status.CHECKING, ContactImport.Status.READY):
            return HttpResponseRedirect(_import_address(row))
        problems: list[str] = []
        if request.method == "POST":
            form = MappingForm(row, request.POST)
            if form.is_valid():
                is_otherwise = form.is_read_otherwise
                problems = [] if is_otherwise else form.problems()
                if not problems and self._remap(request, row, form, with_columns=not is_otherwise):
                    if is_otherwise:
                        messages.info(request, _("The file was read again. See whether the columns are right now."))
                    return HttpResponseRedirect(_import_address(row, "columns" if is_otherwise else "change"))
        else:
            form = MappingForm(row)
        content = contact_pages.columns_of(account, row, form, problems)
        return self._show(
            request,
            "campaigns/contacts/columns.html",
            gettext_lazy("Columns"),
            content,
            original=row,
            status=400 if form.is_bound else 200,
        )

    def _remap(self, request: HttpRequest, row: ContactImport, form: MappingForm, *, with_columns: bool) -> bool:
        update_existing = form.cleaned_data["update_existing"] != "false"
        try:
            import_acts.map_columns(Actor.of(request), row, form.given(with_columns=with_columns), update_existing)
        except upload.BadMapping:
            messages.error(request, str(page_refusal("mapping_invalid")))
            return False
        except ApiError as refused:
            messages.warning(request, str(page_refusal(refused.code)))
        return True

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Where an import is: being checked, its report, under way, its result. The page asks for itself again."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.found(request, object_id)
        content = contact_pages.one_import(row)
        return self._show(request, "campaigns/contacts/import.html", str(row), content, original=row)

    def start_view(self, request: HttpRequest, import_id: int) -> HttpResponse:
        row = self.found(request, import_id)
        self._changing(request)
        if request.method == "POST":
            try:
                import_acts.start(Actor.of(request), row)
            except ApiError as refused:
                messages.warning(request, str(page_refusal(refused.code)))
        return HttpResponseRedirect(_import_address(row))

    def errors_view(self, request: HttpRequest, import_id: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return download(contact_pages.errors_file(self.found(request, import_id)), "errors.csv")

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        row = self.found(request, object_id)
        if not self.has_delete_permission(request, row):
            raise PermissionDenied
        if request.method != "POST":
            return self.ask(
                request,
                row,
                question=_("Delete the import “%(file)s”?") % {"file": row},
                explanation=_("One that is under way stops. The contacts that it made stay."),
                verb=_("Delete"),
                back_url=_import_address(row),
            )
        import_acts.delete(Actor.of(request), row)
        messages.success(request, _("The import was deleted."))
        return HttpResponseRedirect(self.list_address())


def _import_address(row: ContactImport, page: str = "change") -> str:
    return reverse(f"admin:campaigns_contactimport_{page}", args=[row.pk])
