"""Every page fits its window, on a desk and on a phone, with nothing left in English."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ACCOUNT_ID, DESKTOP, PHONE, Stack, Visit, a_file, recipients, sideways_scroll

PAGES = {
    "panel": "/admin/",
    "new": "/admin/jobs/job/new/",
    "jobs": "/admin/jobs/job/",
    "devices": "/admin/devices/device/",
    "device": "/admin/devices/device/add/",
    "account": "/admin/accounts/account/",
    "members": "/admin/accounts/membership/",
    "tokens": "/admin/accounts/apitoken/",
    "suppressed": "/admin/jobs/suppression/",
    "suppress": "/admin/jobs/suppression/add/",
    "excluded": "/admin/jobs/exclusionlist/",
    "exclude": "/admin/jobs/exclusionlist/add/",
    "audit": "/admin/accounts/auditentry/",
    "person": "/admin/campaigns/contact/person/",
}
# Common in any sentence of ours, and no words of Spanish.
ENGLISH = re.compile(r"\b(the|and|of|is|are|with|your|select|search|filters|save|add|device|recipient|job)\b", re.I)


@pytest.fixture(scope="module")
def job(stack: Stack) -> str:
    """The id of a job with names as long as people write them."""
    stack.set_device(messages_per_minute=None, max_in_flight=8, enabled=True)
    long = "Una-dirección-larguísima-sin-espacios-" * 3
    answer = stack.call(
        "POST",
        "/messages/send-bulk-file",
        files={"file": (f"{long}.csv", recipients(60, 950_000_000) + f"no es un teléfono|{long}|1\n", "text/csv")},
        data={"message": f"Hola @nombre {long}", "title": f"Campaña de {long}"},
    )
    identity: str = answer["job"]["id"]
    return identity


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["1280", "390"])
def test_no_page_scrolls_sideways_and_all_is_in_spanish(
    visit: Visit, job: str, size: tuple[int, int], photograph: Callable[[Page, str], Path]
) -> None:
    page = visit("/admin/", size)
    pages = {
        **PAGES,
        "live": f"/admin/jobs/job/{job}/live/",
        "recipients": f"/admin/jobs/job/{job}/recipients/",
        "nobody": f"/admin/jobs/job/{job}/recipients/?phone=123",
    }
    for name, path in pages.items():
        page.goto(path)
        if name == "live":
            expect(page.get_by_role("heading", name="Resultado")).to_be_visible()
        assert sideways_scroll(page) == 0, name
        photograph(page, f"{name}-{size[0]}")
        # An icon is the name of a picture, in English.
        page.add_style_tag(content=".material-symbols-outlined, .pg-icon { display: none !important }")
        said = page.locator("#main").inner_text()
        english = ENGLISH.findall(re.sub(r"\S*@\S*|https?://\S+|\b\w+\.\w+\b", "", said))
        assert english == [], (name, said)


@pytest.fixture(scope="module")
def contact(stack: Stack) -> int:
    """The id of a contact whose consent is shown by something long."""
    account = f"/api/v1/accounts/{ACCOUNT_ID}"
    made: int = stack.call("POST", f"{account}/contacts", json={"name": "Ñusta", "phone": "+51987650441"})["id"]
    evidence = {"dirección": "Una-dirección-larguísima-sin-espacios-" * 9}
    said = {"contact_id": made, "channel": "form", "source": "Formulario", "text_version": "2026-05"}
    for _ in range(11):
        stack.call("POST", f"{account}/consents", json={**said, "evidence": evidence})
    return made


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["1280", "390"])
def test_what_was_said_of_a_contacts_consent_fits_its_page(
    visit: Visit, contact: int, size: tuple[int, int], photograph: Callable[[Page, str], Path]
) -> None:
    page = visit(f"/admin/campaigns/contact/{contact}/change/", size)
    expect(page.locator("#consents li")).to_have_count(10)
    assert sideways_scroll(page) == 0
    photograph(page, f"contact-{size[0]}")
    page.get_by_role("link", name="Más antiguas").click()
    expect(page.locator("#consents li")).to_have_count(1)
    assert sideways_scroll(page) == 0


def test_the_menu_opens_on_a_phone(visit: Visit) -> None:
    page = visit("/admin/", PHONE)
    page.get_by_role("button", name="Menú").click()
    page.locator("#nav-sidebar").get_by_role("link", name="Nuevo envío").click()
    expect(page.get_by_role("heading", name="Nuevo envío")).to_be_visible()
    page.locator("[name=file]").set_input_files(a_file(recipients(3)))
    page.locator("[name=message]").fill("Hola @nombre " + "largo" * 60)
    expect(page.locator("#bubble")).to_contain_text("Persona 0")
    assert sideways_scroll(page) == 0
