"""Telling a device's gateway where to tell us what happens, and whether that arrives.

A gateway takes any address and never says that it cannot reach it: only an event that came here proves it. One comes
when the device connects, when it is restarted and when a message is delivered. Until then we go the last part of the
way ourselves (`knocking`). A gateway keeps one webhook for each
instance, so another system's is not replaced unless a person says so.
"""

import ipaddress
import time
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, TypeGuard
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Coalesce, Greatest, Least, Now

from devices.gateway.base import DeviceUnavailable, Hook
from devices.gateway.registry import gateway_for
from devices.health import breaker
from devices.models import Device, DeviceDay, Webhook
from devices.webhooks import absences, header_secrets
from devices.webhooks.knocking import knock

CALL_SECONDS: Final = 10.0
DOORS_KNOW_AFTER_SECONDS: Final = header_secrets.DOUBTED_FOR_SECONDS + 0.1
# What the device did must have arrived by then.
ARRIVES_WITHIN: Final = timedelta(seconds=20)


# Of messages that were sent, something is told within this.
TOLD_WITHIN: Final = timedelta(minutes=10)
_SPARE: Final = timedelta(minutes=1)
# When it is seen to again: where all is well, where it could not be set, and where only a person can mend it.
KEEP_EVERY: Final = timedelta(hours=6)
BACK_OFF: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 60))
FOR_A_PERSON: Final = timedelta(hours=1)
REFUSED_AT_MOST_EVERY: Final = timedelta(minutes=10)
_FOR_A_PERSON: Final = frozenset({"hook_elsewhere", "hook_url_local"})


class Arrival(models.TextChoices):
    """Whether what the gateway tells arrives here."""

    PROVEN = "proven"
    UNPROVEN = "unproven"  # it is set, and nothing has happened yet of which it would tell
    WRONG = "wrong"


class Standing(NamedTuple):
    """How a device's webhook stands. `reason` is a code of `reasons`, where it is wrong or may be."""

    arrival: Arrival
    reason: str = ""
    heard_at: datetime | None = None
    leads_here: bool = False  # PUBLIC_URL does, as we found ourselves


class Agreed(NamedTuple):
    """What came of agreeing with a gateway on its webhook: codes of `reasons`, "" where all is well."""

    problem: str = ""
    was_set: bool = False  # just now, rather than found so
    knock_problem: str | None = None  # None: we did not knock


def set_up(device: Device, now: datetime, *, replace: bool = False) -> str:
    """Have the device's gateway tell us what happens; return "" or why not. Not inside a transaction.

    `replace`: also where it tells another system, which then is told no more.
    """
    agreed = agree(device, hook_of(device), replace=replace)
    note(device, agreed, now)
    return agreed.problem


def hook_of(device: Device) -> Hook:
    """What its gateway is to be told."""
    url = f"{settings.PUBLIC_URL}/webhooks/{device.provider}/{device.uuid}"
    return Hook(url, header_secrets.HEADER, header_secrets.secret_of(device))


def note(device: Device, agreed: Agreed, now: datetime) -> None:
    """Note what came of it, and when it is to be seen to again."""
    problem, was_set, knock_problem = agreed
    if problem or was_set:
        absences.note_broken(device)
    row = Webhook.objects.filter(device=device)
    looks: dict[str, Any] = {"looked_at": now, "public_url": settings.PUBLIC_URL}
    if knock_problem is not None:
        looks |= {"knock_problem": knock_problem, "knocked_at": now}
    if problem:
        in_vain = row.values_list("looks_in_vain", flat=True).first() or 0
        wait = FOR_A_PERSON if problem in _FOR_A_PERSON else BACK_OFF[min(in_vain, len(BACK_OFF) - 1)]
        row.update(problem=problem, set_at=None, look_at=now + wait, looks_in_vain=min(in_vain + 1, 99), **looks)
        return
    looks |= {"look_at": now + breaker.sooner(KEEP_EVERY), "looks_in_vain": 0}
    if was_set:
        row.update(problem="", set_at=now, link_told_at=None, **looks)  # another gateway has another clock
    else:
        row.update(problem="", set_at=Coalesce("set_at", Value(now)), **looks)


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


def not_set(device: Device, reason: str, now: datetime) -> None:
    """Note that its gateway could not be told."""
    header_secrets.secret_of(device)  # a row of its own
    note(device, Agreed(reason), now)


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
    leads_here = webhook.knocked_at is not None and not webhook.knock_problem
    if heard is not None:
        return Standing(Arrival.PROVEN, "", heard, True)
    if _since(webhook.provoked_at, webhook.set_at) and now - webhook.provoked_at > ARRIVES_WITHIN:
        return Standing(Arrival.WRONG, "hook_unreached", None, leads_here)
    if now - webhook.set_at > TOLD_WITHIN and _has_sent(device, webhook.set_at, now):
        return Standing(Arrival.WRONG, "hook_unreached", None, leads_here)
    if webhook.knock_problem == "hook_header_lost":
        return Standing(Arrival.WRONG, webhook.knock_problem)
    return Standing(Arrival.UNPROVEN, webhook.knock_problem, None, leads_here)


def heard(device_id: int) -> None:
    """Note that its gateway told us something, with the right secret."""
    Webhook.objects.filter(device=device_id).update(heard_at=Now())


def refused(device_id: int) -> None:
    """Note that somebody did with a wrong one, or without: it is looked at, though not as often as anybody may come."""
    soon = Least("look_at", Greatest(Now(), F("looked_at") + Value(REFUSED_AT_MOST_EVERY)))
    Webhook.objects.filter(device=device_id).update(refused_at=Now(), look_at=soon)


def agree(device: Device, hook: Hook, *, replace: bool = False) -> Agreed:
    """Have the gateway tell us, and see whether its way leads here. Touches no database."""
    try:
        setting = gateway_for(device).hook
    except DeviceUnavailable as error:
        return Agreed(error.code)
    if setting is None:
        return Agreed()
    if _is_of_this_machine(settings.PUBLIC_URL) and not _is_of_this_machine(device.base_url):
        return Agreed("hook_url_local")
    found = setting.check(hook, CALL_SECONDS)
    if found not in {"hook_missing", "hook_header_lost"} and not (found == "hook_elsewhere" and replace):
        return Agreed(found, knock_problem=None if found else knock(hook))
    problem = setting.set(hook, CALL_SECONDS) or setting.check(hook, CALL_SECONDS)
    return Agreed(problem, was_set=True, knock_problem=None if problem else knock(hook))


def _has_sent(device: Device, start: datetime, now: datetime) -> bool:
    """Whether messages were accepted since then, of which something should have been told by now."""
    accepted_between = (start + _SPARE, now - _SPARE)
    return DeviceDay.objects.filter(device=device, last_accepted_at__range=accepted_between).exists()


def _is_of_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _since(moment: datetime | None, start: datetime) -> TypeGuard[datetime]:
    return moment is not None and moment >= start
