"""How a device is now, since when, and how it was: what its page and the API tell. Reads rows; asks no gateway."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final, NamedTuple

from django.db.models import FloatField, Max, OuterRef, Q, Subquery, Sum
from django.db.models.functions import NullIf

from accounts.time_zones import known_zone
from devices.gateway.base import Link
from devices.health.acknowledgements import NO_ACKNOWLEDGEMENT
from devices.models import Acknowledgement, Device, DeviceDay, Incident, Outage
from devices.states import DeviceStatus

MOST_DAYS: Final = 366
LATELY: Final = timedelta(days=7)
# Said of the link itself; any other reason is the gateway's.
_LINK_CLOSED: Final = frozenset({"instance_closed", "connection_closed", "not_connected"})
# So many in a row are no accident.
BURST: Final = 3


@dataclass(slots=True)
class Day:
    """One day of the account's clock."""

    day: date
    accepted: int = 0
    failed: int = 0
    delivered: int = 0
    read: int = 0
    refused: int = 0
    out: timedelta = timedelta()
    incidents: int = 0

    @property
    def delivered_share(self) -> float | None:
        """Percent of what was accepted; None where nothing was."""
        return _share(self.delivered, self.accepted)

    @property
    def read_share(self) -> float | None:
        return _share(self.read, self.accepted)

    @property
    def minutes_out(self) -> int:
        return round(self.out.total_seconds() / 60)


class Watch(NamedTuple):
    """What the watch over acknowledgements knows of it: see `acknowledgements`."""

    last_acknowledged_at: datetime | None = None
    unanswered: int = 0  # accepted since
    silent_since: datetime | None = None
    out_until: datetime | None = None
    is_on_trial: bool = False


class Now(NamedTuple):
    """How a device is. `reason` is a code of `reasons`, "" where all is well; `since`: in service, or out."""

    status: DeviceStatus
    reason: str
    since: datetime | None  # None: switched off, or never in service
    last_sent_at: datetime | None
    last_failed_at: datetime | None
    failed_in_a_row: int
    watch: Watch

    @property
    def link(self) -> str:
        """To WhatsApp, as was last told: open, opening, closed or unknown."""
        if self.status is DeviceStatus.CONNECTED or self.reason == NO_ACKNOWLEDGEMENT:
            return Link.OPEN.value
        if self.status is DeviceStatus.CONNECTING:
            return Link.OPENING.value
        return Link.CLOSED.value if self.reason in _LINK_CLOSED else "unknown"

    @property
    def is_burst(self) -> bool:
        return self.failed_in_a_row >= BURST


def now(device: Device) -> Now:
    days = DeviceDay.objects.filter(device=device)
    last = days.aggregate(sent_at=Max("last_accepted_at"), failed_at=Max("last_failed_at"))
    latest = days.order_by("-day").first()
    return Now(
        DeviceStatus(device.status),
        device.status_reason,
        _since(device),
        last["sent_at"],
        last["failed_at"],
        latest.failed_in_a_row if latest else 0,
        _watch(device),
    )


def days(device: Device, number: int, moment: datetime) -> list[Day]:
    """The last so many days, today's first; those of which nothing is known too."""
    zone = clock_of(device)
    today = moment.astimezone(zone).date()
    first = today - timedelta(days=number - 1)
    known = {day: Day(day) for day in (today - timedelta(days=ago) for ago in range(number))}
    for row in DeviceDay.objects.filter(device=device, day__range=(first, today)):
        known[row.day] = Day(row.day, row.accepted, row.failed, row.delivered, row.read, max(0, row.refused))
    for day, out in _out(device, _midnight(first, zone), moment, zone).items():
        known[day].out = out
    for day, incidents in _incidents(device, _midnight(first, zone), zone).items():
        if day in known:
            known[day].incidents = incidents
    return list(known.values())


def delivered_lately(moment: datetime) -> Subquery:
    """For a query of devices: percent of what the last LATELY accepted that is delivered; NULL where nothing was."""
    recent = DeviceDay.objects.filter(device=OuterRef("pk"), day__gt=(moment - LATELY).date()).order_by()
    shares = recent.values("device").annotate(share=Sum("delivered") * 100.0 / NullIf(Sum("accepted"), 0))
    return Subquery(shares.values("share"), output_field=FloatField())


def clock_of(device: Device) -> tzinfo:
    return known_zone(device.account.time_zone) or UTC


def _since(device: Device) -> datetime | None:
    if not device.enabled:
        return None
    last = Outage.objects.filter(device=device).order_by("-began_at").first()
    if last is not None:
        return last.over_at or last.began_at
    return device.created_at if device.last_well_at else None


def _watch(device: Device) -> Watch:
    row = Acknowledgement.objects.filter(device=device).first()
    if row is None:
        return Watch()
    is_held = device.status_reason == NO_ACKNOWLEDGEMENT
    is_on_trial = bool(row.spells) and not is_held
    return Watch(row.heard_at, row.unanswered, row.silent_since, row.out_until if is_held else None, is_on_trial)


def _out(device: Device, start: datetime, end: datetime, zone: tzinfo) -> dict[date, timedelta]:
    found: defaultdict[date, timedelta] = defaultdict(timedelta)
    rows = Outage.objects.filter(Q(over_at=None) | Q(over_at__gt=start), device=device, began_at__lt=end)
    for began_at, over_at in rows.values_list("began_at", "over_at"):
        for day, part in _by_day(max(began_at, start), min(over_at or end, end), zone):
            found[day] += part
    return found


def _by_day(start: datetime, end: datetime, zone: tzinfo) -> Iterator[tuple[date, timedelta]]:
    while start < end:
        day = start.astimezone(zone).date()
        until = min(end, _midnight(day + timedelta(days=1), zone))
        yield day, until - start
        start = until


def _incidents(device: Device, start: datetime, zone: tzinfo) -> Counter[date]:
    began = Incident.objects.filter(device=device, began_at__gte=start).values_list("began_at", flat=True)
    return Counter(moment.astimezone(zone).date() for moment in began)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _share(part: int, whole: int) -> float | None:
    return round(min(100.0, 100 * part / whole), 1) if whole > 0 else None
