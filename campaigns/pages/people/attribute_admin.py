"""The admin's pages of custom attributes: what each of them is, for audiences to compare."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.audit import Actor
from accounts.pages.admin_base import AccountForm, display
from campaigns.actions import contact_acts
from campaigns.models import AttributeKind, AttributeName
from campaigns.pages.people.contact_frame import ContactPages


class AttributeForm(AccountForm):
    class Meta:
        model = AttributeName
        fields = ("kind",)


@admin.register(AttributeName)
class AttributeNameAdmin(ContactPages):
    """Custom attributes. They come with the contacts that have them, and stay; what they are can be said."""

    empty_template = "campaigns/contacts/no_attributes.html"
    empty_title = gettext_lazy("Attributes")
    form = AttributeForm
    list_display = ("name", "what")
    search_fields = ("name",)
    ordering = ("name",)
    list_before_template = "campaigns/contacts/attributes_notice.html"

    @display(description=gettext_lazy("type"), ordering="kind")
    def what(self, attribute: AttributeName) -> str:
        return str(AttributeKind(attribute.kind).label)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        contact_acts.say_kind(Actor.of(request), obj, form.cleaned_data["kind"])

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        more = {"show_save_and_continue": False, "show_save_and_add_another": False}
        response: HttpResponse = super().changeform_view(
            request, object_id, form_url, {**more, **(extra_context or {})}
        )
        return response

    def response_change(self, request: HttpRequest, obj: AttributeName) -> HttpResponse:
        messages.success(request, _("The attribute “%(attribute)s” was saved.") % {"attribute": obj})
        return HttpResponseRedirect(self.list_address())
