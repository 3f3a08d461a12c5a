"""The bell: what a person is told reaches their open page, is shown by the bell, and counts as read once seen."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ACCOUNT_ID, DESKTOP, PHONE, Stack, Visit, sideways_scroll

CAMPAIGNS = f"/api/v1/accounts/{ACCOUNT_ID}/whatsapp_api_campaigns"


def cancelled_campaign(stack: Stack, title: str) -> None:
    """A campaign of the administrator's that was launched and cancelled: they are told within a minute."""
    stack.call("POST", f"/api/v1/accounts/{ACCOUNT_ID}/labels", json={"name": title})
    stack.call(
        "POST",
        f"/api/v1/accounts/{ACCOUNT_ID}/contacts",
        json={"name": "Ana", "phone": f"+51955{title[-4:].strip().zfill(6)}", "labels": [title]},
    )
    # A commercial one would fail by itself, sooner or later than it is cancelled: nobody here gave consent.
    campaign = {"title": title, "message": "Hola", "audience": {"labels": [title]}, "kind": "service"}
    made = stack.call("POST", CAMPAIGNS, json=campaign)
    stack.call("POST", f"{CAMPAIGNS}/{made['id']}/trigger")
    stack.call("POST", f"{CAMPAIGNS}/{made['id']}/cancel")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["1280", "390"])
def test_a_campaign_that_ends_rings_the_bell(
    stack: Stack, visit: Visit, size: tuple[int, int], photograph: Callable[[Page, str], Path]
) -> None:
    page = visit("/admin/", size)
    bell = page.get_by_role("button", name="Notificaciones")
    expect(bell).to_have_accessible_name("Notificaciones")
    title = f"Rebajas de invierno {size[0]}"
    cancelled_campaign(stack, title)
    expect(bell).to_have_accessible_name("Notificaciones: 1 sin leer")  # the page was not loaded again

    bell.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("region", name="Notificaciones")
    expect(panel).to_be_focused()
    expect(panel).to_contain_text(f"Campaña cancelada: {title}")
    assert sideways_scroll(page) == 0
    photograph(page, f"bell-{size[0]}")
    expect(bell).to_have_accessible_name("Notificaciones")  # what was shown is read

    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(bell).to_be_focused()

    page.goto("/admin/campaigns/notification/")
    expect(page.locator(".pg-notice", has_text=title)).to_be_visible()
    assert sideways_scroll(page) == 0
    photograph(page, f"notifications-{size[0]}")
    page.get_by_role("link", name=title).click()
    expect(page.get_by_role("heading", name=title, level=2)).to_be_visible()


def test_without_scripts_the_bell_is_a_link_to_the_page(visit: Visit) -> None:
    page = visit("/admin/", scripts=False)
    page.get_by_role("link", name="Notificaciones").click()
    expect(page.get_by_role("heading", name="Notificaciones", level=2)).to_be_visible()
