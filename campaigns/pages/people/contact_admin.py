"""The admin's pages of contacts: their list, and each of them."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.audit import Actor
from accounts.models import Account
from accounts.written.reading import row_id
from campaigns.actions import contact_acts
from campaigns.contacts import export, people
from campaigns.models import Contact
from campaigns.pages.people import consent_list, contact_list, contact_pages
from campaigns.pages.people.contact_forms import ContactForm, LabelNames
from campaigns.pages.people.contact_frame import download
from campaigns.pages.people.person_pages import PersonPages
from campaigns.states import Channel
from campaigns.wording.refusals import page_refusal


@admin.register(Contact)
class ContactAdmin(PersonPages):
    """Contacts. A million are normal: the list is paged by key and never counted."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("bulk/", wrap(self.bulk_view), name="campaigns_contact_bulk"),
            path("person/", wrap(self.person_view), name="campaigns_contact_person"),
            path("<int:contact_id>/person/", wrap(self.contact_person_view), name="campaigns_contact_of_person"),
            *super().get_urls(),
        ]

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
        return self._contact(request, self.found(request, object_id))

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
        if not is_new:
            content["consents"] = consent_list.page_of(contact, row_id(request.GET.get("consents")))
        status = 400 if form.is_bound else 200
        original = None if is_new else contact
        return self._show(request, "campaigns/contacts/contact.html", title, content, original=original, status=status)

    def _save(self, request: HttpRequest, contact: Contact, form: ContactForm) -> bool:
        """Whether nobody else has the number, and its owner was not erased."""
        try:
            contact_acts.save(Actor.of(request), contact, form.cleaned_data, Channel.ADMIN)
        except people.PhoneTaken:
            form.add_error("phone", str(page_refusal("phone_taken")))
            return False
        except people.PhoneErased:
            form.add_error("phone", str(page_refusal("phone_erased")))
            return False
        return True

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        contact = self.found(request, object_id)
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
        ids = [pk for raw in request.POST.getlist("id") if (pk := row_id(raw)) is not None]
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
            return download("".join(export.pages(rows)), "contacts.csv")
        self._changing(request)
        names, problem = self._names(request, action)
        if "confirmed" not in request.POST or problem:
            return self._ask_bulk(request, account, action, rows, wanted, [] if is_all else ids, problem)
        changed = contact_acts.BULK[action](Actor.of(request), rows, names)
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
