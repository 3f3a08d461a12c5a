"""Linking a device to a phone: what its gateway shows for it, and how far it is.

A gateway says which code shows, and not since when: who sees it first remembers that. However many pages are open, it
is asked once a second. What it says of the device is noted as by a check, so a scanned code is seen at once.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from redis import RedisError

from devices.gateway.base import DeviceUnavailable, Gateway, Link, Linker, Linking, Probe
from devices.gateway.registry import gateway_for
from devices.health import probes
from devices.health.acknowledgements import NO_ACKNOWLEDGEMENT
from devices.linking import telling
from devices.linking.shown import Shown, Step
from devices.models import Device, Pairing

LOOK_EVERY: Final = timedelta(seconds=0.9)
LOOK_SECONDS: Final = 5.0  # each of the two calls of a look
START_SECONDS: Final = 20.0  # the first code takes two seconds, or five
ACT_SECONDS: Final = 20.0
MOST_FOLLOWED: Final = 10
# So many codes unscanned: something keeps this phone from it.
MANY_CODES: Final = 3
_ASKING: Final = timedelta(seconds=2 * LOOK_SECONDS)


class GatewayRefused(Exception):
    """What a person had a gateway do was not done. `reason` is a code of `reasons`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def linker_of(device: Device) -> Linker:
    """Raises GatewayRefused where it has none."""
    linker = _gateway(device).linker
    if linker is None:
        raise GatewayRefused("linking_unsupported")
    return linker


def start(device: Device, number: str) -> Linking:
    """Have its gateway show a code; with the device's own `number` (E.164) also one to type. Touches no database.

    Raises GatewayRefused where it does not even try.
    """
    linking = linker_of(device).start(number, START_SECONDS)
    if linking.link is Link.CLOSED:
        raise GatewayRefused(linking.reason)
    return linking


def keep(device: Device, linking: Linking, now: datetime) -> Shown:
    """Note what its gateway said just now, whatever was known before. Not inside a transaction that may fail."""
    with transaction.atomic():
        row, _made = Pairing.objects.select_for_update().get_or_create(device=device)
        _write(row, linking, now)
        row.save()
    telling.tell(device, shown(device, row))
    _tell_health(device, linking, now)
    return shown(device, row)


def look(device: Device, now: datetime) -> Shown:
    """How far it is: as its gateway says, or said less than a second ago. Begins nothing. Not inside a transaction."""
    row, _made = Pairing.objects.get_or_create(device=device, defaults={"next_look_at": now})
    asking_until = now + _ASKING
    is_ours_to_ask = Pairing.objects.filter(device=device, next_look_at__lte=now).update(next_look_at=asking_until)
    if is_ours_to_ask:
        try:
            linking = linker_of(device).look(LOOK_SECONDS)
        except GatewayRefused as refused:
            linking = Linking(Link.CLOSED, refused.reason)
        with transaction.atomic():
            # Who began anew meanwhile knows better.
            newest = Pairing.objects.select_for_update().filter(device=device, next_look_at=asking_until).first()
            if newest is not None:
                before = shown(device, newest)
                _write(newest, linking, now)
                newest.save()
        if newest is not None:
            if (fresh := shown(device, newest)) != before:
                telling.tell(device, fresh)
            _tell_health(device, linking, now)
    row.refresh_from_db()
    return shown(device, row)


def follow(now: datetime) -> int:
    """Look at those that show a code, where somebody is told of it live and no page does; return how many."""
    rows = Pairing.objects.filter(link=Link.OPENING.value, codes_shown__gt=0, device__deleted_at=None)
    rows = rows.select_related("device").order_by("next_look_at")[:MOST_FOLLOWED]
    try:
        watched = telling.watched_accounts() if rows else set()
    except RedisError:
        return 0  # nobody could be told
    followed = [row.device for row in rows if row.device.account_id in watched]
    for device in followed:
        look(device, now)
    return len(followed)


def shown(device: Device, row: Pairing) -> Shown:
    match Link(row.link):
        case Link.OPEN:
            return Shown(Step.CONNECTED)
        case Link.OPENING if row.qr:
            reason = "phone_cannot_link" if row.codes_shown > MANY_CODES else ""
            since = row.shown_since
            expires_at = None if since is None else since + linker_of(device).code_lives
            return Shown(Step.CODE, reason, row.qr, row.typed, row.codes_shown, expires_at)
        case Link.OPENING:
            return Shown(Step.WAITING, row.reason)
    return Shown(Step.NOT_LINKED, row.reason, codes_shown=row.codes_shown)


def _write(row: Pairing, linking: Linking, now: datetime) -> None:
    code = linking.code
    reason = linking.reason
    if code is None:
        if reason == "instance_closed" and row.codes_shown and row.link != Link.OPEN.value:
            reason = "codes_ran_out"
        row.qr, row.typed, row.shown_since = "", "", None
    else:
        if code.qr != row.qr:
            row.shown_since = now
        row.qr, row.typed, row.codes_shown = code.qr, code.typed, code.codes_shown
    if linking.link is Link.OPEN:
        row.codes_shown = 0
    row.link, row.reason = linking.link.value, reason
    row.next_look_at = now + LOOK_EVERY


def _tell_health(device: Device, linking: Linking, now: datetime) -> None:
    """Only what is new: a page looks once a second. Of one that is out for its silence an open link is nothing new."""
    reason = "instance_connecting" if linking.link is Link.OPENING else linking.reason
    found = probes.meaning(Probe(linking.link, reason))
    is_silent = device.status_reason == NO_ACKNOWLEDGEMENT and linking.link is not Link.CLOSED
    if not is_silent and (found.status, found.reason) != (device.status, device.status_reason):
        probes.note(device, found, now)


def _gateway(device: Device) -> Gateway:
    try:
        return gateway_for(device)
    except DeviceUnavailable as error:
        raise GatewayRefused(error.code) from None
