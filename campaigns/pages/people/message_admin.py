"""The admin's pages of what people write back: the list, and one person's conversation, where they are answered."""

from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from accounts.access.permissions import may
from accounts.audit import Actor
from accounts.lists import keyset
from accounts.models import Role
from accounts.pages.admin_base import AccountAdmin, ReadOnly
from accounts.requests import membership_of
from accounts.written.reading import is_storable, row_id, with_plain_line_ends
from campaigns.actions import message_acts
from campaigns.contacts import inbox
from campaigns.contacts.people import BadFilter
from campaigns.pages.people import message_pages
from campaigns.wording.refusals import page_refusal
from devices import phone_numbers
from devices.models import Device
from jobs.models import IncomingMessage
from jobs.replies.answering import LONGEST_TEXT
from jobs.wording import phone_problems
from jobs.wording.phrase import Phrase

PAGE_ROWS: Final = 30


@admin.register(IncomingMessage)
class IncomingMessageAdmin(ReadOnly, AccountAdmin):
    """Messages that came. Everybody of the account reads them; agents answer and settle."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:message_id>/answer/", wrap(self.answer_view), name="jobs_incomingmessage_answer"),
            path("<int:message_id>/settle/", wrap(self.settle_view), name="jobs_incomingmessage_settle"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Newest first; the filters are the API's, `?before=` an id turns the page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = self.get_queryset(request)
        try:
            filters = inbox.Filters.from_query(request.GET)
        except BadFilter:
            filters = inbox.Filters()
        membership = membership_of(request)
        account = membership.account if membership else None
        before = row_id(request.GET.get("before"))
        found = rows if account is None else filters.apply(rows, account)
        part = keyset.read(found.select_related("device"), ["-pk"], limit=PAGE_ROWS, after=[before] if before else None)
        query = request.GET.copy()
        query.pop("before", None)
        content = {
            "rows": message_pages.listed(account.pk if account else 0, part.rows),
            "filters": filters,
            "query": query.urlencode(),
            "is_narrowed": any(query.values()),
            "older": part.rows[-1].pk if part.has_next else None,
            "is_first": not before,
            "waiting": rows.filter(inbox.UNSETTLED).count(),
            "devices": Device.objects.for_account(account).order_by("name") if account else [],
            "has_any": bool(part.rows) or rows.exists(),
        }
        return self.show(request, "campaigns/messages/list.html", _("Messages received"), content)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The conversation with whoever wrote this message."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self._conversation(request, self.found(request, object_id))

    def answer_view(self, request: HttpRequest, message_id: int) -> HttpResponse:
        message = self._to_change(request, message_id)
        if request.method != "POST":  # a page that was reloaded
            return _to_conversation(message)
        text = with_plain_line_ends(request.POST.get("text", "")).strip()
        problem: Phrase = ""
        if not message.phone:
            problem = page_refusal("sender_unknown")
        elif not 0 < len(text) <= LONGEST_TEXT or not is_storable(text):
            problem = page_refusal("answer_text_invalid", limit=LONGEST_TEXT)
        else:
            try:
                message_acts.answer(Actor.of(request), message.phone, text, message.device)
            except message_acts.NeverWrote:
                problem = page_refusal("never_wrote")
            except message_acts.WantsNone:
                problem = page_refusal("wants_no_messages")
        if problem:
            return self._conversation(request, message, problem=problem, text=text, status=400)
        messages.success(request, _("Your answer is on its way, at the pace of the device."))
        return _to_conversation(message)

    def settle_view(self, request: HttpRequest, message_id: int) -> HttpResponse:
        """`leaves` "yes" or "no": what a near miss meant. `phone`: whose LID it is."""
        message = self._to_change(request, message_id)
        if request.method != "POST":
            return _to_conversation(message)
        problem: Phrase = ""
        try:
            if "phone" in request.POST:
                default = message.account.default_country
                written = request.POST["phone"][: phone_numbers.MAX_WRITTEN]
                message_acts.link(Actor.of(request), message, phone_numbers.read_one(written, default).e164)
                messages.success(request, _("Their messages are together now, and what they asked for is done."))
            elif (leaves := request.POST.get("leaves")) in ("yes", "no"):
                message_acts.settle(Actor.of(request), message, leaves=leaves == "yes")
                messages.success(request, _("Noted."))
            else:
                problem = page_refusal("settle_invalid")
        except message_acts.NotAsked:
            problem = page_refusal("nothing_to_settle")
        except phone_numbers.Unreadable as unreadable:
            problem = phone_problems.on_the_page(unreadable.code)
        if problem:
            return self._conversation(request, message, problem=problem, status=400)
        return _to_conversation(message)

    def _conversation(
        self, request: HttpRequest, message: IncomingMessage, *, problem: Any = "", text: str = "", status: int = 200
    ) -> HttpResponse:
        content = {
            **message_pages.conversation(message),
            "may_answer": may(membership_of(request), Role.AGENT),
            "problem": problem,
            "written": text,
            "longest": LONGEST_TEXT,
        }
        title = message.name or message.phone or _("Unknown sender")
        return self.show(request, "campaigns/messages/conversation.html", title, content, of=message, status=status)

    def _to_change(self, request: HttpRequest, message_id: int) -> IncomingMessage:
        if not may(membership_of(request), Role.AGENT):
            raise PermissionDenied
        message: IncomingMessage = self.found(request, message_id)
        return message


def _to_conversation(message: IncomingMessage) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:jobs_incomingmessage_change", args=[message.pk]))
