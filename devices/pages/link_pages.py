"""The page that links a device to a phone, and those that ask before it is parted from it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from accounts.audit import Actor
from accounts.pages.admin_base import AccountAdmin
from devices import actions, phone_numbers, reasons
from devices.health import probes
from devices.linking import pairing
from devices.linking.pairing import GatewayRefused
from devices.linking.shown import Shown
from devices.models import Device
from devices.webhooks import catching_up, subscribing
from devices.webhooks.catching_up import CaughtUp
from devices.webhooks.subscribing import Arrival, Standing

Act = Callable[[Actor, Device, datetime], None]
_ACTS: Final[dict[str, Act]] = {
    "log-out": actions.log_out,
    "restart": actions.restart,
    "renew-secret": actions.renew_webhook_secret,
}


def link_address(device: Device) -> str:
    return reverse("admin:devices_device_link", args=[device.pk])


def content(device: Device, shown: Shown, now: datetime) -> dict[str, Any]:
    """What the page shows. Its clock may differ from ours: it is told how long a code still shows."""
    expires_at = shown.expires_at
    hook = subscribing.standing(device, now)
    return {
        "device": device,
        "shown": shown,
        "reason": reasons.shown(shown.reason),
        "seconds_left": max(0, round((expires_at - now).total_seconds())) if expires_at else None,
        "typed": f"{shown.typed[:4]}-{shown.typed[4:]}" if shown.typed else "",
        "hook": hook,
        "hook_says": hook_says(hook),
        "store_says": store_says(catching_up.standing(device)),
    }


def hook_says(hook: Standing) -> str:
    """Whether what its gateway tells arrives, in one sentence or two."""
    match hook.arrival:
        case Arrival.PROVEN:
            return _("What its gateway tells arrives: what is delivered and read is seen.")
        case Arrival.UNPROVEN if hook.reason:
            return str(reasons.shown(hook.reason))
        case Arrival.UNPROVEN if hook.leads_here:
            return _("Its gateway is told where to tell us, and that address leads here. Its first word is awaited.")
        case Arrival.UNPROVEN:
            return _("Its gateway is told where to tell us. The first message, or a restart, shows that it arrives.")
        case Arrival.WRONG:
            return str(reasons.shown(hook.reason))


def store_says(caught_up: CaughtUp) -> str:
    """How far it is known what its gateway told in vain; "" where it never did."""
    why = str(reasons.shown(caught_up.reason))
    if caught_up.missed_since is not None:
        said = _("What its gateway told in vain since %(moment)s is being read from the gateway's own store.") % {
            "moment": date_format(localtime(caught_up.missed_since), "SHORT_DATETIME_FORMAT")
        }
        return f"{said} {why}" if why else said
    if caught_up.read_at is not None:
        return _("What its gateway had told in vain was last read from the gateway's own store on %(moment)s.") % {
            "moment": date_format(localtime(caught_up.read_at), "SHORT_DATETIME_FORMAT")
        }
    return why


class LinkPages(AccountAdmin):
    """Joins them to the admin of devices. For administrators: whoever sees a code can link."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:device_id>/link/", wrap(self.link_view), name="devices_device_link"),
            path("<int:device_id>/webhook/", wrap(self.hook_view), name="devices_device_hook"),
            path("<int:device_id>/link/<slug:name>/", wrap(self.link_act_view), name="devices_device_link_act"),
            *super().get_urls(),
        ]

    def link_view(self, request: HttpRequest, device_id: int) -> HttpResponse:
        """What shows now. A POST has a code shown, and comes back here."""
        device = self._linkable(request, device_id)
        now = timezone.now()
        if request.method == "POST":
            self._start(request, device, now)
            return HttpResponseRedirect(link_address(device))
        shown = pairing.look(device, now)
        title = _("Link “%(device)s”") % {"device": device}
        return self.show(request, "devices/link.html", title, content(device, shown, timezone.now()), of=device)

    def link_act_view(self, request: HttpRequest, device_id: int, name: str) -> HttpResponse:
        """Log out, restart, renew the secret: asked first."""
        device = self._linkable(request, device_id)
        act = _ACTS.get(name)
        if act is None:
            raise Http404
        if request.method != "POST":
            return self.ask(request, device, **_question(name, device), back_url=link_address(device))
        try:
            act(Actor.of(request), device, timezone.now())
        except GatewayRefused as refused:
            messages.error(request, str(reasons.shown(refused.reason)))
        else:
            said = {
                "log-out": _("“%(device)s” was logged out. It sends no more until it is linked again."),
                "restart": _("“%(device)s” is connecting anew."),
                "renew-secret": _("The gateway of “%(device)s” has a new secret. The one before counts for a day yet."),
            }
            messages.success(request, said[name] % {"device": device})
            probes.check(device, now=timezone.now())
        return HttpResponseRedirect(link_address(device))

    def hook_view(self, request: HttpRequest, device_id: int) -> HttpResponse:
        """Have its gateway tell us; where it tells another system, it is asked first."""
        device = self._linkable(request, device_id)
        if request.method != "POST":
            return self.ask(
                request,
                device,
                question=_("Replace the webhook of “%(device)s”?") % {"device": device},
                explanation=_("The other system is told no more of what happens in this instance."),
                verb=_("Replace"),
                back_url=link_address(device),
            )
        replace = request.POST.get("keep") != "true"
        try:
            actions.set_webhook(Actor.of(request), device, timezone.now(), replace=replace)
        except GatewayRefused as refused:
            messages.error(request, str(reasons.shown(refused.reason)))
        else:
            messages.success(request, _("Its gateway is told where to tell us."))
        return HttpResponseRedirect(link_address(device))

    def _start(self, request: HttpRequest, device: Device, now: datetime) -> None:
        written = request.POST.get("number", "").strip()
        try:
            country = Actor.of(request).account.default_country
            number = phone_numbers.read_one(written, country).e164 if written else ""
            actions.start_pairing(Actor.of(request), device, number, now)
        except phone_numbers.Unreadable:
            messages.error(request, str(reasons.shown("number_invalid")))
        except GatewayRefused as refused:
            messages.error(request, str(reasons.shown(refused.reason)))

    def _linkable(self, request: HttpRequest, device_id: int) -> Device:
        """The account's device, for somebody who may link it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        device: Device = self.found(request, device_id)
        return device


def _question(name: str, device: Device) -> dict[str, Any]:
    said = {"device": device}
    if name == "restart":
        return {
            "question": _("Restart the connection of “%(device)s”?") % said,
            "explanation": _(
                "Its gateway connects to WhatsApp anew, to the same phone. What is being sent waits for a moment."
            ),
            "verb": _("Restart"),
        }
    if name == "renew-secret":
        return {
            "question": _("Renew the webhook secret of “%(device)s”?") % said,
            "explanation": _(
                "Its gateway is told a new one. What it still has to tell with the one before is taken for a day. "
                "Where it cannot be told, everything stays as it is."
            ),
            "verb": _("Renew the secret"),
        }
    return {
        "question": _("Log out “%(device)s”?") % said,
        "explanation": _(
            "Its phone is no longer linked: nothing is sent through it until a code is scanned again. What it has sent "
            "stays."
        ),
        "verb": _("Log out the device"),
    }
