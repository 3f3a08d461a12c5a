"""No message goes that the rules forbid: read from the gateway's ledger, and judged by other words than the program's.

LEDGER_CONTACTS=10000 tries it with as many people.
"""

import os
from collections import Counter
from typing import Any

import pytest

from jobs import invariants
from jobs.models import Recipient
from tests.campaigns import campaigns_of
from tests.campaigns.launch import forbidden
from tests.campaigns.launch.forbidden import World
from tests.simulator_process import Simulator

pytestmark = pytest.mark.django_db(transaction=True)

CONTACTS = int(os.environ.get("LEDGER_CONTACTS", "280"))


def got(world: World, text: str) -> Counter[tuple[str, bool]]:
    """How many got a message, by country and whether they had agreed."""
    numbers = [entry["number"] for entry in world.simulator.entries() if entry["text"] == text]
    people = [world.people["+" + number.removeprefix("+")] for number in numbers]
    return Counter((person.country, person.agreed) for person in people)


def may(world: World, *countries: str, agreed: bool | None = None) -> Counter[tuple[str, bool]]:
    """How many of these countries' have not said no."""
    return Counter(
        (person.country, person.agreed)
        for person in world.people.values()
        if not person.said_no and person.country in countries and agreed in (None, person.agreed)
    )


def test_nobody_is_written_to_whom_the_presets_forbid(simulator: Simulator, monkeypatch: Any) -> None:
    account = campaigns_of.account(country_rules=["CO", "PE"])
    with forbidden.world(account, simulator, CONTACTS, monkeypatch) as world:
        world.move_to("2027-01-08 10:00")  # a Friday
        for offer in ("OFERTA A", "OFERTA B"):  # in the same minute, to the same people
            world.launch(offer)
        world.launch("AVISO", kind="service")
        world.send()
        elsewhere = may(world, "PE", agreed=True) + may(world, "BR", "CL")
        assert got(world, "AVISO") == may(world, "PE", "CO", "BR", "CL")
        assert got(world, "OFERTA A") + got(world, "OFERTA B") == elsewhere + elsewhere + may(world, "CO")

        world.move_to("2027-01-09 15:30")  # Saturday, when the day is over there
        world.launch("OFERTA C")
        world.send()
        assert got(world, "OFERTA C") == elsewhere
        for closed in ("2027-01-10 12:00", "2027-01-11 10:00", "2027-01-12 06:50"):  # Sunday, a holiday, too early
            world.move_to(closed)
            world.send()
        assert got(world, "OFERTA C") == elsewhere

        world.move_to("2027-01-12 07:00")
        world.send()
        assert got(world, "OFERTA C") == elsewhere + may(world, "CO")
        run = world.launch("OFERTA D").campaign_run
        run.refresh_from_db()
        world.send()
        assert run.excluded["too_recent"] == sum(may(world, "CO").values())
        assert got(world, "OFERTA D") == elsewhere

        assert forbidden.forbidden(world) == []
    assert not Recipient.objects.filter(state="queued").exists()
    reasons = {"no_consent", "too_recent", "opted_out"}
    assert set(Recipient.objects.exclude(error_code="").values_list("error_code", flat=True)) == reasons
    assert invariants.check() == []


def test_nobody_is_written_to_more_often_than_the_cap_says(simulator: Simulator, monkeypatch: Any) -> None:
    account = campaigns_of.account(frequency_cap={"messages": 2, "days": 7})
    with forbidden.world(account, simulator, CONTACTS // 2, monkeypatch) as world:
        everybody = may(world, "PE", "CO", "BR", "CL")
        world.move_to("2027-01-08 10:00")
        for offer in ("OFERTA A", "OFERTA B", "OFERTA C"):
            world.launch(offer)
        world.send()
        world.move_to("2027-01-15 09:58")
        world.launch("OFERTA D")
        world.send()
        assert sum((got(world, f"OFERTA {one}") for one in "ABCD"), Counter()) == everybody + everybody
        world.move_to("2027-01-15 12:00")
        world.launch("OFERTA E")
        world.send()
        assert got(world, "OFERTA E") == everybody
        assert forbidden.too_often(world, 2, 7) == []
    assert invariants.check() == []


def test_the_judge_finds_what_is_forbidden(simulator: Simulator, monkeypatch: Any) -> None:
    """Without the rules the same campaigns do wrong, and he says so."""
    account = campaigns_of.account()
    with forbidden.world(account, simulator, 56, monkeypatch) as world:
        world.move_to("2027-01-11 10:00")
        for offer in ("OFERTA A", "OFERTA B", "OFERTA C"):
            world.launch(offer)
        world.send()
        said = " ".join(forbidden.forbidden(world) + forbidden.too_often(world, 2, 7))
        for what in ("never agreed", "at 2027-01-11", "more than once a day", "more often than"):
            assert what in said
