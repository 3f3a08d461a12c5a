"""What somebody writes is read, settled and answered in the admin; who wants no more is shown so."""

from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, Stack, Visit, sideways_scroll
from tests.waiting import GIVE_UP_SECONDS, eventually

PEOPLE = ("51987650001", "51987650002", "51987650003")


def incoming(stack: Stack, number: str, text: str) -> None:
    """A person writes to the account's device, as its gateway tells it."""
    (device,) = stack.call("GET", "/api/v1/accounts/1/devices")["results"]
    with requests.Session() as session:
        session.trust_env = False
        body = {"instance": device["instance_name"], "number": number, "text": text}
        assert session.post(f"{stack.simulator_url}/_simulator/incoming", json=body, timeout=GIVE_UP_SECONDS).ok


@pytest.fixture(scope="module")
def written(stack: Stack) -> None:
    stack.set_device(messages_per_minute=None, max_in_flight=8, enabled=True)
    incoming(stack, PEOPLE[0], "¿Cuánto cuesta el plan familiar? Una-palabra-larguísima-" + "sin-fin-" * 12)
    incoming(stack, PEOPLE[1], "¿Cómo me doy de baja?")
    incoming(stack, PEOPLE[2], "BAJA")
    eventually(lambda: len(stack.call("GET", "/api/v1/accounts/1/messages")["results"]) == 3)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["1280", "390"])
@pytest.mark.usefixtures("written")
def test_messages_are_listed_and_fit(
    visit: Visit, size: tuple[int, int], photograph: Callable[[Page, str], Path]
) -> None:
    page = visit("/admin/jobs/incomingmessage/", size)
    expect(page.get_by_role("heading", name="Mensajes recibidos", level=2)).to_be_visible()
    expect(page.locator(".pg-inbox li")).to_have_count(3)
    assert sideways_scroll(page) == 0
    photograph(page, f"messages-{size[0]}")
    page.get_by_text("¿Cuánto cuesta").click()
    expect(page.locator(".pg-theirs")).to_contain_text("plan familiar")
    assert sideways_scroll(page) == 0
    photograph(page, f"conversation-{size[0]}")


@pytest.mark.usefixtures("written")
def test_a_person_is_answered_and_sees_it_go(visit: Visit, photograph: Callable[[Page, str], Path]) -> None:
    page = visit("/admin/jobs/incomingmessage/", DESKTOP)
    page.get_by_text("¿Cuánto cuesta").click()
    page.get_by_label("Tu respuesta").fill("Cuesta 40 soles.\n¿Te lo envío?")
    page.get_by_role("button", name="Enviar").click()
    expect(page.get_by_text("Tu respuesta está en camino")).to_be_visible()
    expect(page.locator(".pg-ours")).to_contain_text("Cuesta 40 soles.")
    eventually(lambda: page.reload() and page.locator(".pg-ours").get_by_text("completado").is_visible())
    photograph(page, "answered")


@pytest.mark.usefixtures("written")
def test_what_may_be_a_wish_to_leave_is_settled_by_a_person(
    visit: Visit, photograph: Callable[[Page, str], Path]
) -> None:
    page = visit("/admin/jobs/incomingmessage/?unresolved=true", DESKTOP)
    page.get_by_text("¿Cómo me doy de baja?").click()
    photograph(page, "settle")
    page.get_by_role("button", name="Sí, dar de baja").click()
    expect(page.get_by_text("Anotado.")).to_be_visible()
    expect(page.locator(".pg-sub").get_by_text("De baja")).to_be_visible()
    expect(page.get_by_label("Tu respuesta")).to_have_count(0)
    eventually(lambda: page.reload() and page.locator(".pg-ours").get_by_text("no te escribiremos más").is_visible())
