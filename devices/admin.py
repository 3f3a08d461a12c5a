"""The admin's pages of devices."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import floatformat
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from accounts.audit import Actor
from accounts.models import Role
from accounts.needed import StillNeeded
from accounts.pages.admin_base import AccountForm, action, display
from devices import actions, reasons, validation
from devices.health import breaker, history, timelock
from devices.linking import checking
from devices.linking.pairing import GatewayRefused
from devices.models import Device
from devices.needs import needs_of
from devices.pages import (
    endpoint_admin,  # noqa: F401 - it registers itself
    health_card,
)
from devices.pages.link_pages import LinkPages, hook_says, link_address
from devices.states import DeviceStatus
from devices.webhooks import subscribing


class DeviceForm(AccountForm):
    """A device's form. The token is written, never shown: left empty, it stays as it is."""

    base_url = forms.CharField(
        label=gettext_lazy("Gateway address"),
        max_length=500,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "url"}),
        help_text=gettext_lazy("Where Evolution API answers, such as https://gateway.example.com"),
    )
    token = forms.CharField(
        label=gettext_lazy("Token"),
        max_length=500,
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )

    create_instance = forms.BooleanField(
        label=gettext_lazy("Create the instance at the gateway"),
        required=False,
        widget=UnfoldBooleanWidget(),
        help_text=gettext_lazy(
            "The token is then the server's own key (AUTHENTICATION_API_KEY). It is used this once and not kept: the "
            "device gets the token that the gateway gives its instance."
        ),
    )
    # Of which field, and why it was not created; set on the class made for the one request.
    refusal: tuple[str, str] | None = None

    class Meta:
        model = Device
        exclude = ("account",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            self.fields.pop("create_instance", None)
        if "token" not in self.fields:  # who may only look is shown no form
            return
        self.fields["token"].required = self.instance.pk is None
        self.fields["token"].help_text = (
            gettext_lazy("The instance's own token, from the gateway.")
            if self.instance.pk is None
            else gettext_lazy("Saved. Leave it empty to keep it.")
        )
        # Never part of the page, not even as the value a change is measured by.
        self.initial.pop("token", None)

    def _get_validation_exclusions(self) -> set[str]:
        # A name is free again once its device was deleted: the constraint's condition needs this field.
        return super()._get_validation_exclusions() - {"deleted_at"}

    def clean_base_url(self) -> str:
        return _clean(validation.base_url, self.cleaned_data["base_url"])

    def clean_instance_name(self) -> str:
        return _clean(validation.instance_name, self.cleaned_data["instance_name"])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        places = ("provider", "base_url", "instance_name")
        if set(places) & set(self.changed_data) and all(cleaned.get(name) for name in places):
            device = Device(pk=self.instance.pk, **{name: cleaned[name] for name in places})
            if validation.is_instance_taken(device):
                self.add_error("instance_name", str(reasons.shown("instance_taken")))
        if self.refusal:
            field, code = self.refusal
            self.add_error(field, str(reasons.shown(code)))
        return cleaned

    def clean_token(self) -> str:
        written: str = self.cleaned_data["token"]
        return _clean(validation.token, written) if written else self.instance.token


def _with_creation(fieldsets: Any) -> list[Any]:
    """Those of a new device: its instance may be new as well."""
    return [
        (title, {**options, "fields": _after("instance_name", "create_instance", options["fields"])})
        for title, options in fieldsets
    ]


def _after(field: str, added: str, fields: Any) -> list[str]:
    return [name for one in fields for name in ((one, added) if one == field else (one,))]


def _clean(clean: Any, value: str) -> str:
    try:
        cleaned: str = clean(value)
    except validation.Refused as refused:
        raise forms.ValidationError(str(reasons.shown(refused.code)), code=refused.code) from None
    return cleaned


def _locked(device: Device) -> str:
    """A code of `reasons`, where a device that is well may write only to people who wrote to it."""
    return timelock.TIME_LOCK if timelock.of(device, timezone.now()) is not None else ""


@admin.register(Device)
class DeviceAdmin(LinkPages):
    """Devices: where each gateway is, how it is, and how hard it may be driven."""

    required_role = Role.ADMINISTRATOR
    form = DeviceForm
    list_display = ("name", "state", "why", "delivered", "pace", "enabled", "status_checked_at")
    list_filter = ("status", "enabled")
    search_fields = ("name", "instance_name", "base_url")
    fieldsets = (
        (None, {"fields": ("name", "enabled")}),
        (gettext_lazy("Gateway"), {"fields": ("provider", "base_url", "instance_name", "token")}),
        (
            gettext_lazy("Pace"),
            {
                "fields": (
                    "messages_per_minute",
                    "jitter_percent",
                    "daily_limit",
                    "new_people_a_day",
                    "warm_up_since",
                    "max_in_flight",
                )
            },
        ),
        (gettext_lazy("Connection"), {"fields": ("connection", "status_checked_at", "webhook_state")}),
    )
    readonly_fields = ("connection", "status_checked_at", "webhook_state")
    actions_detail = ("link", "check_connection")
    actions_row = ("link", "check_connection")
    list_before_template = "devices/evolution_notice.html"
    change_form_before_template = "devices/form_head.html"

    @display(
        description=gettext_lazy("status"),
        ordering="status",
        label={
            DeviceStatus.CONNECTED.value: "success",
            DeviceStatus.CONNECTING.value: "info",
            DeviceStatus.DISCONNECTED.value: "warning",
            DeviceStatus.BLOCKED.value: "danger",
        },
    )
    def state(self, device: Device) -> tuple[str, str]:
        return device.status, device.get_status_display()

    @display(description=gettext_lazy("reason"))
    def why(self, device: Device) -> str:
        """What is wrong, in one sentence; the form adds what to do."""
        sentence, dot, _more = str(reasons.shown(device.status_reason or _locked(device))).partition(". ")
        return sentence + dot.strip() or "–"

    @display(description=gettext_lazy("status"))
    def connection(self, device: Device) -> str:
        """The same two as one line of text, for the form."""
        reason = str(reasons.shown(device.status_reason or _locked(device)))
        status = device.get_status_display().capitalize()
        return f"{status}. {reason}" if reason else status

    @display(description=gettext_lazy("what the gateway tells us"))
    def webhook_state(self, device: Device) -> str:
        return hook_says(subscribing.standing(device, timezone.now()))

    @display(description=gettext_lazy("delivered, 7 days"), ordering="delivered_share")
    def delivered(self, device: Device) -> str:
        share: float | None = getattr(device, "delivered_share", None)
        return "–" if share is None else f"{floatformat(share, -1)} %"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Device]:
        devices: QuerySet[Device] = super().get_queryset(request)
        return devices.annotate(delivered_share=history.delivered_lately(timezone.now()))

    @display(description=gettext_lazy("pace"), ordering="messages_per_minute")
    def pace(self, device: Device) -> str:
        if device.messages_per_minute is None:
            return _("no limit")
        return _("%(count)s a minute") % {"count": device.messages_per_minute}

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.refusal = getattr(request, "refusal", None)
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if self.has_change_permission(request, obj):
            return fieldsets if obj else _with_creation(fieldsets[:-1])
        # A field that cannot be edited is shown as text: the token must not be one of them.
        return [
            (title, {**options, "fields": [name for name in options["fields"] if name != "token"]})
            for title, options in fieldsets
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A device whose instance is to be created is, before the admin opens its transaction; and is linked next."""
        if request.method == "POST" and request.POST.get("create_instance") and self.has_add_permission(request):
            form = self.get_form(request)(request.POST)
            if form.is_valid():
                device: Device = form.save(commit=False)
                try:
                    actions.create_with_instance(Actor.of(request), device)
                except GatewayRefused as refused:
                    field = actions.REFUSED_FIELD.get(refused.reason, "base_url")
                    request.refusal = (field, refused.reason)  # type: ignore[attr-defined]
                except actions.Taken as taken:
                    request.refusal = (taken.field, taken.code)  # type: ignore[attr-defined]
                else:
                    self.log_addition(request, device, [{"added": {}}])
                    self._check(request, device)
                    return HttpResponseRedirect(link_address(device))
        response: HttpResponse = super().add_view(request, form_url, extra_context)
        return response

    def save_model(self, request: HttpRequest, obj: Device, form: Any, change: bool) -> None:
        if change:
            actions.change(Actor.of(request), obj, form.changed_data)
        else:
            actions.create(Actor.of(request), obj)
        # The network is asked once the row is committed, and before the page is answered.
        transaction.on_commit(lambda: self._check(request, obj))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method == "GET" and (device := self.get_object(request, object_id)) is not None:
            breaker.look_soon([device.pk])  # somebody looks: where this is old, it is not the next time
            extra_context = {**(extra_context or {}), "health": health_card.content(device, timezone.now())}
        response: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        return response

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Of several at once none goes while something needs one of them: each has a page that asks."""
        listed, counts, perms_needed, protected = super().get_deleted_objects(objs, request)
        needs = needs_of(Actor.of(request).account.pk, list(objs))
        return listed, counts, perms_needed, [*protected, *(f"{need.kind}: {need.title}" for need in needs)]

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        device: Device = self.found(request, object_id)
        if not self.has_delete_permission(request, device):
            raise PermissionDenied
        needed = None
        if request.method == "POST":
            asked = {name: request.POST.get(name) == "true" for name in ("force", "with_instance")}
            try:
                actions.delete(Actor.of(request), [device], **asked)
            except StillNeeded as error:
                needed = error
            except GatewayRefused as refused:
                messages.error(request, str(reasons.shown(refused.reason)))
            else:
                messages.success(request, _("The device “%(device)s” was deleted.") % {"device": device})
                return HttpResponseRedirect(reverse("admin:devices_device_changelist"))
        return self.ask(
            request,
            device,
            question=_("Delete the device “%(device)s”?") % {"device": device},
            explanation=_("Its token is forgotten; what it has sent stays. This cannot be undone."),
            verb=_("Delete"),
            option=("with_instance", _("Delete its instance at the gateway too: its phone is no longer linked")),
            needed=needed,
        )

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Device]) -> None:
        actions.delete(Actor.of(request), list(queryset))

    @action(description=gettext_lazy("Link"), icon="qr_code_2", permissions=["change"])
    def link(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(link_address(self.found(request, object_id)))

    @action(description=gettext_lazy("Check connection"), icon="network_check", permissions=["change"])
    def check_connection(self, request: HttpRequest, object_id: str) -> HttpResponse:
        device: Device = self.found(request, object_id)
        self._check(request, device)
        return HttpResponseRedirect(reverse("admin:devices_device_change", args=[device.pk]))

    def _check(self, request: HttpRequest, device: Device) -> None:
        status = checking.check(device, now=timezone.now())
        said = {"device": device.name, "reason": reasons.shown(device.status_reason)}
        if status == DeviceStatus.CONNECTED:
            messages.success(request, _("%(device)s is connected.") % said)
        else:
            messages.warning(request, _("%(device)s cannot send yet. %(reason)s") % said)
