"""The card on a device's page that says how it is and shows what it did day by day."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from devices import reasons
from devices.health import history, timelock
from devices.health.acknowledgements import NO_ACKNOWLEDGEMENT
from devices.health.history import Day, Now
from devices.health.timelock import TimeLock
from devices.models import Device
from devices.states import DeviceStatus
from devices.webhooks import subscribing
from devices.webhooks.subscribing import Arrival, Standing

DAYS: Final = 30
_GAP: Final = 0.22  # of a day's place in the picture


class Part(NamedTuple):
    """A rectangle of the picture, as its attributes: percentages, with a point whatever the language."""

    kind: str
    y: str
    height: str


class Column(NamedTuple):
    """One day in the picture."""

    title: str
    x: str
    width: str
    parts: Sequence[Part]
    out_width: str  # "" where it was in service all day


def content(device: Device, moment: datetime) -> dict[str, Any]:
    """What the card shows. Touches no gateway."""
    now = history.now(device)
    hook = subscribing.standing(device, moment)
    days = history.days(device, DAYS, moment)
    most = max(day.accepted + day.failed for day in days)
    lock = timelock.of(device, moment)
    accepted, delivered = sum(day.accepted for day in days), sum(day.delivered for day in days)
    return {
        "now": now,
        "says": says(device, now, hook, lock),
        "is_well": device.enabled
        and now.status is DeviceStatus.CONNECTED
        and hook.arrival is not Arrival.WRONG
        and not now.is_burst
        and lock is None,
        "is_off": not device.enabled,
        "accepted": accepted,
        "delivered": delivered,
        "read": sum(day.read for day in days),
        "failed": sum(day.failed + day.refused for day in days),
        "minutes_out": sum(day.minutes_out for day in days),
        "delivered_share": 100 * delivered / accepted if accepted else None,
        "most": most,
        "columns": list(_columns(days[::-1], most)),
        "first_day": days[-1].day,
        "last_day": days[0].day,
        "told_days": [day for day in days if _has_something(day)],
    }


def says(device: Device, now: Now, hook: Standing, lock: TimeLock | None = None) -> str:
    """How it is, in a sentence or two."""
    if not device.enabled:
        return _("It is switched off here: nothing is sent through it.")
    since = "" if now.since is None else date_format(localtime(now.since), "SHORT_DATETIME_FORMAT")
    if now.status is DeviceStatus.CONNECTED:
        said = _("It has been in service since %(since)s.") % {"since": since} if since else _("It is in service.")
        if hook.arrival is Arrival.WRONG:
            said += " " + str(reasons.shown(hook.reason))
        if now.watch.is_on_trial:
            said += " " + _("It is on trial: it sends a few messages, and no more until one of them is acknowledged.")
    elif now.status is DeviceStatus.CONNECTING:
        said = str(reasons.shown(now.reason)) or _("It is connecting.")
    else:
        # A silence of which its webhook is the cause says so.
        is_hooks = now.reason == NO_ACKNOWLEDGEMENT and hook.arrival is Arrival.WRONG
        why = str(reasons.shown(hook.reason if is_hooks else now.reason))
        said = _("It has been out since %(since)s.") % {"since": since} + " " + why
    if lock is not None:
        said += " " + _("Until %(until)s it writes only to people who wrote to it: WhatsApp refuses all others.") % {
            "until": date_format(localtime(lock.until), "SHORT_DATETIME_FORMAT")
        }
    if now.is_burst:
        said += " " + ngettext(
            "Its last try failed.", "Its last %(count)d tries failed.", now.failed_in_a_row
        ) % {"count": now.failed_in_a_row}  # fmt: skip
    return said


def _columns(days: Sequence[Day], most: int) -> Iterator[Column]:
    place = 100 / len(days)
    width = place * (1 - _GAP)
    for number, day in enumerate(days):
        minutes = min(1440, day.minutes_out)
        yield Column(
            _title(day),
            _percent(number * place),
            _percent(width),
            list(_parts(day, most)) if most else [],
            _percent(max(width * minutes / 1440, width / 8)) if minutes else "",
        )


def _parts(day: Day, most: int) -> Iterator[Part]:
    """From the bottom up."""
    under = 0
    waiting = max(0, day.accepted - day.delivered - day.refused)
    for kind, number in (("delivered", day.delivered), ("accepted", waiting), ("failed", day.failed + day.refused)):
        if number > 0:
            height = 100 * number / most
            yield Part(kind, _percent(max(0.0, 100 - 100 * under / most - height)), _percent(height))
            under += number


def _title(day: Day) -> str:
    said = _("%(day)s: %(accepted)d accepted, %(delivered)d delivered, %(read)d read, %(failed)d failed") % {
        "day": date_format(day.day, "MONTH_DAY_FORMAT"),
        "accepted": day.accepted,
        "delivered": day.delivered,
        "read": day.read,
        "failed": day.failed + day.refused,
    }
    if day.minutes_out:
        said += ", " + _("%(minutes)d min out") % {"minutes": day.minutes_out}
    return said


def _has_something(day: Day) -> bool:
    return bool(day.accepted or day.failed or day.delivered or day.minutes_out or day.incidents)


def _percent(value: float) -> str:
    return f"{value:.3f}%"
