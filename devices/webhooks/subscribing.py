"""Telling a device's gateway where to tell us what happens, and whether that arrives.

A gateway takes any address and never says that it cannot reach it: only an event that came here proves it. One comes
when the device connects, when it is restarted and when a message is delivered. A gateway keeps one webhook for each
instance, so another system's is not replaced unless a person says so.
"""

import ipaddress
import time
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeGuard
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.db.models import Value
from django.db.models.functions import Coalesce, Now

from devices.gateway.base import DeviceUnavailable, Hook
from devices.gateway.registry import gateway_for
from devices.models import Device, Webhook
from devices.webhooks import header_secrets

CALL_SECONDS: Final = 10.0
DOORS_KNOW_AFTER_SECONDS: Final = header_secrets.DOUBTED_FOR_SECONDS + 0.1
# What the device did must have arrived by then.
ARRIVES_WITHIN: Final = timedelta(seconds=20)


class Arrival(models.TextChoices):
    """Whether what the gateway tells arrives here."""

    PROVEN = "proven"
    UNPROVEN = "unproven"  # it is set, and nothing has happened yet of which it would tell
    WRONG = "wrong"


class Standing(NamedTuple):
    """How a device's webhook stands. `reason` is a code of `reasons`, where it is wrong."""

    arrival: Arrival
    reason: str = ""
    heard_at: datetime | None = None


def set_up(device: Device, now: datetime, *, replace: bool = False) -> str:
    """Have the device's gateway tell us what happens; return "" or why not. Not inside a transaction.

    `replace`: also where it tells another system, which then is told no more.
    """
    secret = header_secrets.secret_of(device)
    hook = Hook(f"{settings.PUBLIC_URL}/webhooks/{device.provider}/{device.uuid}", header_secrets.HEADER, secret)
    problem, was_set = _set(device, hook, replace=replace)
    rows = Webhook.objects.filter(device=device)
    if problem:
        rows.update(problem=problem, set_at=None)
    elif was_set:
        rows.update(problem="", set_at=now, link_told_at=None)  # another gateway has another clock
    else:
        rows.update(problem="", set_at=Coalesce("set_at", Value(now)))
    return problem


def renew_secret(device: Device, now: datetime) -> str:
    """Have the gateway send a new secret along; return "" or why not: then the one before it stays in force.

    Every door knows the new one before the gateway does: an event that is refused never comes again. Not inside a
    transaction.
    """
    header_secrets.secret_of(device)
    header_secrets.rotate(device)
    rotated_at = Webhook.objects.values_list("rotated_at", flat=True).get(device=device)
    time.sleep(DOORS_KNOW_AFTER_SECONDS)
    problem = set_up(device, now)
    if problem:
        header_secrets.take_back(device, rotated_at)
    return problem


def not_set(device: Device, reason: str) -> None:
    """Note that its gateway could not be told."""
    header_secrets.secret_of(device)  # a row of its own
    Webhook.objects.filter(device=device).update(problem=reason, set_at=None)


def provoked(device: Device, now: datetime) -> None:
    """Note that the device did something that its gateway tells of."""
    Webhook.objects.filter(device=device).update(provoked_at=now)


def standing(device: Device, now: datetime) -> Standing:
    webhook = Webhook.objects.filter(device=device).defer("secret", "secret_before").first()
    if webhook is None or (webhook.set_at is None and not webhook.problem):
        return Standing(Arrival.WRONG, "hook_missing")
    if webhook.set_at is None:
        return Standing(Arrival.WRONG, webhook.problem)
    heard = webhook.heard_at if _since(webhook.heard_at, webhook.set_at) else None
    if _since(webhook.refused_at, heard or webhook.set_at):
        return Standing(Arrival.WRONG, "hook_header_lost", heard)
    if heard is not None:
        return Standing(Arrival.PROVEN, "", heard)
    if _since(webhook.provoked_at, webhook.set_at) and now - webhook.provoked_at > ARRIVES_WITHIN:
        return Standing(Arrival.WRONG, "hook_unreached")
    return Standing(Arrival.UNPROVEN)


def heard(device_id: int) -> None:
    """Note that its gateway told us something, with the right secret."""
    Webhook.objects.filter(device=device_id).update(heard_at=Now())


def refused(device_id: int) -> None:
    """Note that somebody did with a wrong one, or without."""
    Webhook.objects.filter(device=device_id).update(refused_at=Now())


def _set(device: Device, hook: Hook, *, replace: bool) -> tuple[str, bool]:
    """What is wrong, and whether it was set just now, rather than found so."""
    try:
        setting = gateway_for(device).hook
    except DeviceUnavailable as error:
        return error.code, False
    if setting is None:
        return "", False
    if _is_of_this_machine(settings.PUBLIC_URL) and not _is_of_this_machine(device.base_url):
        return "hook_url_local", False
    found = setting.check(hook, CALL_SECONDS)
    if found not in {"hook_missing", "hook_header_lost"} and not (found == "hook_elsewhere" and replace):
        return found, False
    return setting.set(hook, CALL_SECONDS) or setting.check(hook, CALL_SECONDS), True


def _is_of_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _since(moment: datetime | None, start: datetime) -> TypeGuard[datetime]:
    return moment is not None and moment >= start
