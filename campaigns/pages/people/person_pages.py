"""What an administrator does for somebody who asks: the page that tells what is held of them, and erases them."""

from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.audit import Actor
from accounts.models import Account
from campaigns.actions import person_acts
from campaigns.models import Contact
from campaigns.pages.people.contact_frame import ContactPages
from campaigns.wording.refusals import page_refusal
from devices import phone_numbers
from jobs.erasing.person import Waits
from jobs.models import Erasure
from jobs.wording import phone_problems

ERASURES_SHOWN: Final = 10
WAITS: Final = {
    Waits.NOTHING: gettext_lazy("under way"),
    Waits.SENDING: gettext_lazy("waits for a message that is on its way"),
    Waits.IMPORTS: gettext_lazy("waits for a file that is being read"),
    Waits.EVENTS: gettext_lazy("waits for what a gateway told before"),
}


class PersonPages(ContactPages):
    """The page, by number or of one contact. Administrators only."""

    def person_view(self, request: HttpRequest) -> HttpResponse:
        return self._person(request, None)

    def contact_person_view(self, request: HttpRequest, contact_id: int) -> HttpResponse:
        return self._person(request, self.found(request, contact_id))

    def _person(self, request: HttpRequest, contact: Contact | None) -> HttpResponse:
        if not self.has_delete_permission(request):
            raise PermissionDenied
        account = self._account(request)
        problem = ""
        if request.method == "POST":
            phone, problem = _meant(request.POST.get("written", ""), account, contact)
            is_erasing = request.POST.get("do") == "erase"
            if is_erasing and not problem and request.POST.get("sure") != "true":
                problem = _("Tick the box to erase: it cannot be undone.")
            if not problem:
                return self._erase(request, phone, contact) if is_erasing else _file(request, phone, contact)
        rows = Erasure.objects.for_account(account).order_by("-pk")[:ERASURES_SHOWN]
        content: dict[str, Any] = {
            "contact": contact,
            "has_number": contact is None or bool(contact.phone),
            "written": request.POST.get("written", ""),
            "problem": problem,
            "erasures": [
                {"asked_at": row.asked_at, "done_at": row.done_at, "waits": WAITS[Waits(row.waits_for)]} for row in rows
            ],
        }
        title = gettext_lazy("A person's data")
        status = 400 if problem else 200
        return self._show(request, "campaigns/contacts/person.html", title, content, original=contact, status=status)

    def _erase(self, request: HttpRequest, phone: str, contact: Contact | None) -> HttpResponse:
        person_acts.erase(Actor.of(request), phone, contact)
        messages.success(request, _("The person is being erased: in a moment nothing is left of them."))
        return HttpResponseRedirect(reverse("admin:campaigns_contact_person"))


def _meant(written: str, account: Account, contact: Contact | None) -> tuple[str, str]:
    """The number that is meant, and what is wrong with it: of a contact it must be theirs, or else their name."""
    if contact is not None and not contact.phone:
        is_theirs = written.strip() == str(contact)
        return "", "" if is_theirs else _("This is not the name of the contact.")
    try:
        phone = phone_numbers.read_kept_from(written, account.default_country)
    except phone_numbers.Unreadable as unreadable:
        return "", str(
            phone_problems.on_the_page(unreadable.code) if written.strip() else page_refusal("person_missing")
        )
    if contact is not None and phone_numbers.key_of(phone) != contact.phone_key:
        return "", _("This is not the number of the contact.")
    return phone, ""


def _file(request: HttpRequest, phone: str, contact: Contact | None) -> HttpResponse:
    text = person_acts.exported(Actor.of(request), phone, contact)
    headers = {"Content-Disposition": 'attachment; filename="person.json"', "Cache-Control": "no-store"}
    return HttpResponse(text, content_type="application/json; charset=utf-8", headers=headers)
