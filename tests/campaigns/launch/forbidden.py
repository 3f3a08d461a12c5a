"""People of four countries, the campaigns that go to them through a week of Colombia's calendar, and who judges it.

The judge knows the laws by his own words, and sees nothing but the gateway's ledger, the people as they were made, and
what time it was. The clock is Python's, moved; what waits for its hour in the database is woken at each moment, as if
every due time were wrong, so that nothing but the rules themselves holds anybody up.
"""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from django.db import connection
from django.utils import timezone as django_timezone

from accounts.models import Account
from campaigns.models import Contact
from jobs import suppression
from jobs.models import Job, Recipient
from jobs.running.lane_runner import LaneRunner
from tests.campaigns import campaigns_of
from tests.factories import make_device
from tests.simulator_process import Simulator
from tests.waiting import GIVE_UP_SECONDS

BOGOTA = timezone(timedelta(hours=-5))
PREFIXES = {"PE": "+519", "CO": "+573", "BR": "+55119", "CL": "+569"}
DIGITS = {"PE": 8, "CO": 9, "BR": 8, "CL": 8}
HOLIDAYS = {"2027-01-01", "2027-01-11", "2027-03-22"}  # of Colombia, by a printed calendar


@dataclass(frozen=True)
class Person:
    country: str
    phone: str
    agreed: bool
    said_no: bool


@dataclass
class World:
    account: Account
    people: dict[str, Person]
    simulator: Simulator
    offset: timedelta = timedelta()
    moves: list[tuple[float, timedelta]] = field(default_factory=list)  # since when (time.time()) which offset

    def now(self) -> datetime:
        return datetime.now(tz=UTC) + self.offset

    def move_to(self, local: str) -> None:
        """It is this time in Bogotá now; whoever waits for an hour is woken."""
        at = datetime.fromisoformat(local).replace(tzinfo=BOGOTA)
        self.offset = at - datetime.now(tz=UTC)
        self.moves.append((time.time(), self.offset))
        with connection.cursor() as cursor:
            cursor.execute("UPDATE jobs_recipient SET due_at = now() WHERE state = 'queued' AND due_at IS NOT NULL")

    def time_of(self, seconds: float) -> datetime:
        """What time it was when a message came to the gateway."""
        offset = next(offset for since, offset in reversed(self.moves) if since <= seconds)
        return (datetime.fromtimestamp(seconds, tz=UTC) + offset).astimezone(BOGOTA)

    def launch(self, text: str, **fields: Any) -> Job:
        made = campaigns_of.campaign(self.account, title=text, message=text, canary=False, **fields)
        return campaigns_of.started(made, self.now()).job

    def send(self) -> None:
        """Until nobody is left who may be written to at this hour."""
        give_up = time.monotonic() + GIVE_UP_SECONDS * max(1, len(self.people) / 1000)
        runners = [LaneRunner(), LaneRunner()]  # that come upon the same people
        stop = threading.Event()

        def run(runner: LaneRunner) -> None:
            try:
                while not stop.is_set():  # as the sweep wakes them
                    runner.run(1.0, stop.is_set)
            finally:
                runner.close()
                connection.close()

        threads = [threading.Thread(target=run, args=(runner,)) for runner in runners]
        for thread in threads:
            thread.start()
        try:
            while self._somebody_may():
                assert time.monotonic() < give_up, Counter(Recipient.objects.values_list("state", "error_code"))
                time.sleep(0.1)
        finally:
            stop.set()
            for thread in threads:
                thread.join(GIVE_UP_SECONDS)

    def _somebody_may(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM jobs_recipient WHERE state IN ('sending', 'ambiguous')"
                " OR state = 'queued' AND coalesce(due_at <= now(), true))"
            )
            return bool(cursor.fetchone()[0])


@contextmanager
def world(account: Account, simulator: Simulator, number: int, monkeypatch: Any) -> Iterator[World]:
    """So many people, a quarter of them of each country; a half of those agreed, and some said no."""
    people = {person.phone: person for person in map(_person, range(number))}
    made = World(account, people, simulator)
    monkeypatch.setattr(django_timezone, "now", made.now)
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    Contact.unscoped.bulk_create(
        Contact(
            account=account,
            phone=person.phone,
            phone_key=person.phone[:5] + person.phone[6:] if person.country == "BR" else person.phone,
            labels=["vip"],
            opted_in_at=long_ago if person.agreed else None,
            opted_out_at=long_ago if person.said_no else None,
        )
        for person in people.values()
    )
    suppression.suppress(account.pk, [one.phone for one in people.values() if one.said_no], suppression.OPTED_OUT)
    for name in ("demo-1", "demo-2", "demo-3"):
        make_device(account, simulator.url, instance_name=name, max_in_flight=32)
    yield made


def _person(number: int) -> Person:
    country = list(PREFIXES)[number % 4]
    place = number // 4
    phone = PREFIXES[country] + str(place + 10 ** (DIGITS[country] - 1)).zfill(DIGITS[country])
    return Person(country, phone, agreed=place % 2 == 0, said_no=place % 7 == 3)


def forbidden(world: World) -> list[str]:
    """Every message of the ledger that the presets forbid, and why. Offers are commercial, all others are not."""
    wrong: list[str] = []
    for entry in world.simulator.entries():
        person, at = _whose(world, entry), world.time_of(entry["first_at"])
        if entry["count"] != 1:
            wrong.append(f"{person} twice: {entry}")
        if person.said_no:
            wrong.append(f"{person} said no")
        if not entry["text"].startswith("OFERTA"):
            continue
        if person.country == "PE" and not person.agreed:
            wrong.append(f"{person} never agreed")
        if person.country == "CO" and not _is_allowed(at):
            wrong.append(f"{person} at {at}")
    for phone, times in _offers(world).items():
        if phone.startswith("+57") and len({at.date() for at in times}) < len(times):
            wrong.append(f"{phone} more than once a day: {times}")
    return wrong


def too_often(world: World, messages: int, days: int) -> list[str]:
    """Everybody who got more offers than so many in so many days."""
    wrong: list[str] = []
    for phone, times in _offers(world).items():
        apart = [later - earlier for earlier, later in zip(times, times[messages:], strict=False)]
        if any(one < timedelta(days=days) for one in apart):
            wrong.append(f"{phone} more often than {messages} in {days}: {times}")
    return wrong


def _offers(world: World) -> dict[str, list[datetime]]:
    """When each number got one, in order."""
    offers: dict[str, list[datetime]] = defaultdict(list)
    for entry in world.simulator.entries():
        if entry["text"].startswith("OFERTA"):
            offers[_whose(world, entry).phone].append(world.time_of(entry["first_at"]))
    return {phone: sorted(times) for phone, times in offers.items()}


def _whose(world: World, entry: Any) -> Person:
    return world.people["+" + entry["number"].removeprefix("+")]


def _is_allowed(at: datetime) -> bool:
    """Ley 2300 de 2023, artículo 3: lunes a viernes de 7 a 19, sábados de 8 a 15; ni domingos ni festivos."""
    if at.isoweekday() == 7 or at.strftime("%Y-%m-%d") in HOLIDAYS:
        return False
    opens, closes = (8, 15) if at.isoweekday() == 6 else (7, 19)
    return opens <= at.hour < closes
