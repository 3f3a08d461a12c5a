"""The admin's pages of contacts: their list, each of them, their labels, and files of them on their way in."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.views import ChangeList

from accounts.access.permissions import may
from accounts.audit import Actor
from accounts.errors import ApiError
from accounts.models import Account, Role
from accounts.needed import StillNeeded
from accounts.pages.admin_base import AccountAdmin, display
from accounts.requests import account_of, membership_of
from campaigns.actions import contact_acts, import_acts
from campaigns.contacts import export, labels, people
from campaigns.imports import upload
from campaigns.models import Contact, ContactImport, Label
from campaigns.pages import contact_list, contact_pages
from campaigns.pages.contact_forms import ContactForm, LabelForm, LabelNames, MappingForm
from campaigns.wording.refusals import page_refusal


class ContactPages(AccountAdmin):
    """What the three kinds of pages share: read by everybody, changed by agents, deleted by administrators."""

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

    def _find(self, request: HttpRequest, object_id: Any) -> Any:
        """The account's row. Another's does not exist."""
        row = self.get_object(request, str(object_id))
        if row is None:
            raise Http404
        return row

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


# --- Contacts ----------------------------------------------------------------------------------------


@admin.register(Contact)
class ContactAdmin(ContactPages):
    """Contacts. A million are normal: the list is paged by key and never counted."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [path("bulk/", wrap(self.bulk_view), name="campaigns_contact_bulk"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        content = contact_pages.contact_page(request, self._account(request))
        return self._show(request, "campaigns/contacts/list.html", gettext_lazy("Contacts"), content)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return self._contact(request, Contact(account=self._changing(request)))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self._contact(request, self._find(request, object_id))

    def _contact(self, request: HttpRequest, contact: Contact) -> HttpResponse:
        account = self._account(request)
        is_new = contact.pk is None
        if request.method == "POST":
            self._changing(request)
            form = ContactForm(account, contact, request.POST)
            if form.is_valid() and self._save(request, contact, form):
                messages.success(request, _("“%(contact)s” was saved.") % {"contact": contact})
                return HttpResponseRedirect(reverse("admin:campaigns_contact_change", args=[contact.pk]))
        else:
            form = ContactForm(account, contact)
        title = gettext_lazy("New contact") if is_new else str(contact)
        content = contact_pages.one_contact(account, contact, form)
        status = 400 if form.is_bound else 200
        original = None if is_new else contact
        return self._show(request, "campaigns/contacts/contact.html", title, content, original=original, status=status)

    def _save(self, request: HttpRequest, contact: Contact, form: ContactForm) -> bool:
        """Whether nobody else has the number."""
        try:
            contact_acts.save(Actor.of(request), contact, form.cleaned_data, _source(request))
        except people.PhoneTaken:
            form.add_error("phone", str(page_refusal("phone_taken")))
            return False
        return True

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        contact = self._find(request, object_id)
        if not self.has_delete_permission(request, contact):
            raise PermissionDenied
        if request.method != "POST":
            return self.ask(
                request,
                contact,
                question=_("Delete “%(contact)s”?") % {"contact": contact},
                explanation=_("Its labels and attributes go too; what was sent to it stays. This cannot be undone."),
                verb=_("Delete"),
                back_url=reverse("admin:campaigns_contact_change", args=[contact.pk]),
            )
        contact_acts.delete(Actor.of(request), contact)
        messages.success(request, _("The contact was deleted."))
        return HttpResponseRedirect(self.list_address())

    # --- Many at once ---------------------------------------------------------------------------------

    def bulk_view(self, request: HttpRequest) -> HttpResponse:
        """Label, unlabel, opt out, opt in, export: those ticked, or all that the list's filters mean."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        account = self._account(request)
        action = request.POST.get("action", "")
        if request.method != "POST" or action not in {*contact_acts.BULK, "export"}:
            return HttpResponseRedirect(self.list_address())
        wanted = contact_list.Wanted.from_query(request.POST)
        back = self.list_address() + wanted.address()
        is_all = request.POST.get("scope") == "all"
        ids = [int(raw) for raw in request.POST.getlist("id") if raw.isascii() and raw.isdecimal() and len(raw) < 19]
        if not is_all and not ids:
            messages.warning(request, _("Tick the contacts you mean first."))
            return HttpResponseRedirect(back)
        rows: QuerySet[Contact] = (
            wanted.rows(account) if is_all else Contact.objects.for_account(account).filter(pk__in=ids)
        )
        if action == "export":
            if is_all:
                address = reverse("contacts_export", args=[account.pk])
                return HttpResponseRedirect(f"{address}?{wanted.api_query()}")
            contact_acts.exported(Actor.of(request), contacts=len(ids))
            return _download("".join(export.pages(rows)), "contacts.csv")
        self._changing(request)
        names, problem = self._names(request, action)
        if "confirmed" not in request.POST or problem:
            return self._ask_bulk(request, account, action, rows, wanted, [] if is_all else ids, problem)
        changed = contact_acts.BULK[action](Actor.of(request), rows, names, _source(request))
        said = ngettext("%(count)s contact was changed.", "%(count)s contacts were changed.", changed)
        messages.success(request, said % {"count": changed})
        return HttpResponseRedirect(back)

    def _names(self, request: HttpRequest, action: str) -> tuple[list[str], str]:
        """The labels that are meant, and what is wrong with them."""
        if action not in {"label", "unlabel"} or "confirmed" not in request.POST:
            return [], ""
        names, problem = [], ""
        for written in request.POST.getlist("labels"):
            try:
                names += LabelNames(required=False).clean(written)
            except ValidationError as error:
                problem = " ".join(error.messages)
        if not names and not problem:
            problem = _("Name a label at least.")
        return names, problem

    def _ask_bulk(
        self,
        request: HttpRequest,
        account: Account,
        action: str,
        rows: QuerySet[Contact],
        wanted: contact_list.Wanted,
        ids: list[int],
        problem: str,
    ) -> HttpResponse:
        number = rows.order_by().count()
        questions = {
            "label": ngettext("Add labels to %(count)s contact", "Add labels to %(count)s contacts", number),
            "unlabel": ngettext(
                "Remove labels from %(count)s contact", "Remove labels from %(count)s contacts", number
            ),
            "opt_out": ngettext("Opt out %(count)s contact?", "Opt out %(count)s contacts?", number),
            "opt_in": ngettext("Opt in %(count)s contact?", "Opt in %(count)s contacts?", number),
        }
        content = {
            "action": action,
            "question": questions[action] % {"count": number},
            "wanted": wanted,
            "ids": ids,
            "problem": problem,
            "written": ", ".join(request.POST.getlist("labels")),
            "label_names": contact_pages.label_names(account),
            "back_url": self.list_address() + wanted.address(),
        }
        status = 400 if problem else 200
        return self._show(request, "campaigns/contacts/bulk.html", gettext_lazy("Contacts"), content, status=status)


def _source(request: HttpRequest) -> str:
    """Who told us of a consent, as a contact keeps it."""
    return str(getattr(request.user, "email", ""))[:100]


def _download(text: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


# --- Labels ------------------------------------------------------------------------------------------


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

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        account = account_of(request)
        if account is not None and not Label.objects.for_account(account).exists():
            if not self.has_view_permission(request):
                raise PermissionDenied
            return self._show(request, "campaigns/contacts/no_labels.html", gettext_lazy("Labels"), {})
        return super().changelist_view(request, extra_context)

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
        label = self._find(request, object_id)
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


# --- Imports -----------------------------------------------------------------------------------------


@admin.register(ContactImport)
class ContactImportAdmin(ContactPages):
    """Files of contacts: uploaded, their columns said, checked, and imported on a person's word."""

    list_display = ("file", "state", "rows", "new", "updated", "skipped", "bad", "created_at")
    list_display_links = ("file",)
    search_fields = ("file_name",)
    ordering = ("-id",)

    @display(description=gettext_lazy("file"), ordering="file_name")
    def file(self, row: ContactImport) -> str:
        return row.file_name

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
        return rows.defer("errors", "mapping") if match and (match.url_name or "").endswith("changelist") else rows

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:import_id>/columns/", wrap(self.columns_view), name="campaigns_contactimport_columns"),
            path("<int:import_id>/start/", wrap(self.start_view), name="campaigns_contactimport_start"),
            path("<int:import_id>/errors.csv", wrap(self.errors_view), name="campaigns_contactimport_errors"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        account = account_of(request)
        if account is not None and not ContactImport.objects.for_account(account).exists():
            if not self.has_view_permission(request):
                raise PermissionDenied
            return self._show(request, "campaigns/contacts/no_imports.html", gettext_lazy("Contact imports"), {})
        return super().changelist_view(request, extra_context)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        self._changing(request)
        error: Any = ""
        if request.method == "POST":
            try:
                row = import_acts.accept_file(Actor.of(request), request.FILES.get("file"), is_asked_first=True)
            except ApiError as refused:
                error = page_refusal(refused.code)
            else:
                return HttpResponseRedirect(_import_address(row, "columns"))
        status = 400 if error else 200
        content = {"error": error}
        return self._show(
            request, "campaigns/contacts/upload.html", gettext_lazy("Import contacts"), content, status=status
        )

    def columns_view(self, request: HttpRequest, import_id: int) -> HttpResponse:
        """Say what the columns are; saying so has the file checked."""
        row = self._find(request, import_id)
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
        update_existing = form.cleaned_data["update_existing"] == "true"
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
        row = self._find(request, object_id)
        content = contact_pages.one_import(row)
        return self._show(request, "campaigns/contacts/import.html", str(row), content, original=row)

    def start_view(self, request: HttpRequest, import_id: int) -> HttpResponse:
        row = self._find(request, import_id)
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
        return _download(contact_pages.errors_file(self._find(request, import_id)), "errors.csv")

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        row = self._find(request, object_id)
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
