"""The admin's pages of webhook endpoints: where they are, how they stand, and what each was told."""

import json
from datetime import timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.audit import Actor
from accounts.lists import keyset
from accounts.models import Role
from accounts.pages.admin_base import AccountAdmin, AccountForm, action, display
from accounts.written.reading import row_id
from devices import actions, reasons
from devices.endpoints import fields, outbox
from devices.endpoints.event_types import EVENT_TYPES
from devices.models import WebhookEndpoint
from devices.states import DeliveryState
from devices.validation import Refused

PAGE_ROWS: Final = 30


class EndpointForm(AccountForm):
    """An endpoint's form. Its own headers are written, never shown: left empty, they stay as they are."""

    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=500,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "url"}),
        help_text=gettext_lazy("What happens is POSTed there, such as https://crm.example.com/hooks"),
    )
    types = forms.MultipleChoiceField(
        label=gettext_lazy("Events"),
        choices=[(kind, kind) for kind in EVENT_TYPES],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=gettext_lazy("None ticked: all of them."),
    )
    header_lines = forms.CharField(
        label=gettext_lazy("Headers of your own"),
        required=False,
        max_length=20_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("One in a line, “Name: value”. They are kept encrypted."),
    )

    class Meta:
        model = WebhookEndpoint
        fields = ("description", "url", "types", "enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "header_lines" in self.fields and (names := list(json.loads(self.instance.headers or "{}"))):
            self.fields["header_lines"].help_text = _(
                "Saved: %(names)s. Leave it empty to keep them; a single “-” deletes them."
            ) % {"names": ", ".join(names)}

    def clean_url(self) -> str:
        return str(_clean(fields.url, self.cleaned_data["url"]))

    def clean_types(self) -> list[str]:
        kinds: list[str] = _clean(fields.types, self.cleaned_data["types"])
        return [] if len(kinds) == len(EVENT_TYPES) else kinds

    def clean_header_lines(self) -> str:
        written = self.cleaned_data["header_lines"].strip()
        if not written:
            return str(self.instance.headers)
        if written == "-":
            return ""
        said = [line.partition(":") for line in written.splitlines() if line.strip()]
        return json.dumps(_clean(fields.headers, {name.strip(): value.strip() for name, _colon, value in said}))


def _clean(clean: Any, value: Any) -> Any:
    try:
        return clean(value)
    except Refused as refused:
        raise forms.ValidationError(str(reasons.shown(refused.code)), code=refused.code) from None


@admin.register(WebhookEndpoint)
class EndpointAdmin(AccountAdmin):
    """Endpoints, for administrators."""

    view_role = Role.ADMINISTRATOR
    required_role = Role.ADMINISTRATOR
    form = EndpointForm
    list_display = ("name", "url", "what", "state", "created_at")
    ordering = ("id",)
    fields = ("description", "url", "types", "header_lines", "enabled")
    actions_detail = ("deliveries", "send_test", "rotate_secret")
    actions_row = ("deliveries",)

    @display(description=gettext_lazy("description"), ordering="description")
    def name(self, endpoint: WebhookEndpoint) -> str:
        return endpoint.description or "–"

    @display(description=gettext_lazy("events"))
    def what(self, endpoint: WebhookEndpoint) -> str:
        return ", ".join(endpoint.types) or _("all")

    @display(
        description=gettext_lazy("state"),
        label={
            gettext_lazy("well"): "success",
            gettext_lazy("fails"): "warning",
            gettext_lazy("switched off"): "danger",
        },
    )
    def state(self, endpoint: WebhookEndpoint) -> Any:
        if not endpoint.enabled:
            return gettext_lazy("switched off")
        return gettext_lazy("fails") if endpoint.failures else gettext_lazy("well")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}  # deleting is for one at a time

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path(
                "<int:endpoint_id>/deliveries/", wrap(self.deliveries_view), name="devices_webhookendpoint_deliveries"
            ),
            path("<int:endpoint_id>/replay/", wrap(self.replay_view), name="devices_webhookendpoint_replay"),
            *super().get_urls(),
        ]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.headers = form.cleaned_data["header_lines"]
        if not change:
            actions.create_endpoint(Actor.of(request), obj)
            return
        changed = set(form.changed_data) & {"description", "url", "types", "enabled"}
        if "header_lines" in form.changed_data:
            changed.add("headers")
        actions.change_endpoint(Actor.of(request), obj, changed)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        actions.delete_endpoint(Actor.of(request), obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        # What it was told, which may be a million rows, is not counted up.
        return [str(one) for one in objs], {self.opts.verbose_name_plural: len(objs)}, set(), []

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        return self._show_secret(request, obj, obj.secret)

    @action(description=gettext_lazy("What it was told"), icon="receipt_long", permissions=["view"])
    def deliveries(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(_deliveries_address(self.found(request, object_id)))

    @action(description=gettext_lazy("Send a test"), icon="send", permissions=["change"])
    def send_test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self.found(request, object_id)
        if request.method != "POST":
            return self.ask(
                request,
                endpoint,
                question=_("Send a test to %(endpoint)s?") % {"endpoint": endpoint},
                explanation=_("It is told webhook.test, signed as all else. What comes of it shows a moment later."),
                verb=_("Send a test"),
                back_url=_deliveries_address(endpoint),
            )
        actions.try_endpoint(Actor.of(request), endpoint)
        return HttpResponseRedirect(_deliveries_address(endpoint))

    @action(description=gettext_lazy("Renew the secret"), icon="key", permissions=["change"])
    def rotate_secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self.found(request, object_id)
        if request.method != "POST":
            return self.ask(
                request,
                endpoint,
                question=_("Give %(endpoint)s a new secret?") % {"endpoint": endpoint},
                explanation=_("For a day what it is told is signed with both, the new one and the one before."),
                verb=_("Renew the secret"),
                back_url=_deliveries_address(endpoint),
            )
        secret = actions.rotate_endpoint_secret(Actor.of(request), endpoint, timezone.now())
        return self._show_secret(request, endpoint, secret)

    def deliveries_view(self, request: HttpRequest, endpoint_id: int) -> HttpResponse:
        """Newest first; `?state=` narrows, `?before=` an id turns the page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        endpoint = self.found(request, endpoint_id)
        state = request.GET.get("state", "")
        rows = endpoint.deliveries.select_related("event").prefetch_related("attempts")
        if state in DeliveryState.values:
            rows = rows.filter(state=state)
        before = row_id(request.GET.get("before"))
        part = keyset.read(rows, ["-pk"], limit=PAGE_ROWS, after=[before] if before else None)
        content = {
            "endpoint": endpoint,
            "rows": [(one, outbox.message_id(one.event.uuid)) for one in part.rows],
            "state": state,
            "states": DeliveryState.choices,
            "older": part.rows[-1].pk if part.has_next else None,
            "is_first": not before,
            "off_because": reasons.shown(endpoint.disabled_reason),
            "failed": endpoint.deliveries.filter(state=DeliveryState.FAILED).exists(),
        }
        return self.show(request, "devices/deliveries.html", _("What it was told"), content, of=endpoint)

    def replay_view(self, request: HttpRequest, endpoint_id: int) -> HttpResponse:
        """Tell one event again, or all that were given up."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        endpoint = self.found(request, endpoint_id)
        back = HttpResponseRedirect(_deliveries_address(endpoint))
        if request.method != "POST":
            return back
        if wanted := row_id(request.POST.get("delivery")):
            deliveries = endpoint.deliveries.filter(pk=wanted)
            if not deliveries.exists():
                raise Http404
        else:
            deliveries = outbox.failed_since(endpoint, timezone.now() - outbox.KEPT_FOR - timedelta(days=1))
        number = actions.replay_deliveries(Actor.of(request), endpoint, deliveries)
        messages.success(
            request,
            ngettext("%(number)d event is told again.", "%(number)d events are told again.", number)
            % {"number": number},
        )
        return back

    def _show_secret(self, request: HttpRequest, endpoint: WebhookEndpoint, secret: str) -> HttpResponse:
        return self.show_once(
            request,
            endpoint,
            title=str(endpoint),
            heading=_("Copy the secret now. It is shown only this once."),
            label=_("Secret"),
            secret=secret,
            explanation=_("The libraries of Standard Webhooks take it as it is, and check our signatures with it."),
        )


def _deliveries_address(endpoint: WebhookEndpoint) -> str:
    return reverse("admin:devices_webhookendpoint_deliveries", args=[endpoint.pk])
