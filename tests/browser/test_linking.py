"""A device is made, linked and logged out in the admin, from the first click on, at a gateway of the test's own."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, Visit, sideways_scroll
from tests.simulator_process import Simulator, start_simulator


@pytest.fixture(scope="module")
def gateway() -> Iterator[Simulator]:
    with start_simulator("taken", arguments=["--scan-after", "0", "--qr-after", "0.2"]) as simulator:
        yield simulator


def fill(page: Page, gateway: Simulator, name: str, key: str) -> None:
    page.locator("[name=name]").fill(name)
    page.locator("[name=base_url]").fill(gateway.url)
    page.locator("[name=instance_name]").fill(name)
    page.locator("[name=token]").fill(key)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["1280", "390"])
def test_a_device_is_linked_from_the_first_click_to_connected(
    visit: Visit, gateway: Simulator, size: tuple[int, int], photograph: Callable[[Page, str], Path]
) -> None:
    name = f"ventas-{size[0]}"
    page = visit("/admin/devices/device/add/", size)
    fill(page, gateway, name, "not-the-key")
    page.get_by_label("Crear la instancia en el gateway").check()
    page.get_by_role("button", name="Guardar", exact=True).click()
    expect(page.get_by_text("hace falta la del servidor")).to_be_visible()
    photograph(page, f"refused-{size[0]}")
    page.locator("[name=token]").fill(gateway.global_key)
    page.get_by_role("button", name="Guardar", exact=True).click()

    expect(page.get_by_role("heading", name=f"Vincular «{name}»", level=2)).to_be_visible()
    expect(page.get_by_text("Evolution API").first).to_be_visible()
    photograph(page, f"link-none-{size[0]}")
    page.get_by_role("button", name="Mostrar un código").click()
    picture = page.get_by_role("img", name="Código QR")
    expect(picture).to_be_visible()
    expect(page.locator("#countdown")).to_have_text(re.compile(r"primer código\. Otro código en \d+ s"))
    assert sideways_scroll(page) == 0
    photograph(page, f"link-code-{size[0]}")

    # A phone with a passkey: the page shows the next code, and says what may be the matter.
    first = picture.get_attribute("src")
    for _ in range(3):
        assert gateway.scan(name, passkey=True) == "passkey"
    expect(page.locator("#hint")).to_contain_text("passkey")
    assert picture.get_attribute("src") != first

    page.get_by_label("Número del teléfono").fill("+51 987 654 321")
    page.get_by_role("button", name="Mostrar un código").click()
    typed = page.locator(".pg-link-typed")
    expect(typed).to_have_text(re.compile(r"^[A-Z0-9]{4}-[A-Z0-9]{4}$"))
    assert sideways_scroll(page) == 0
    photograph(page, f"link-typed-{size[0]}")

    assert gateway.scan(name, typed.inner_text().replace("-", "")) == "linked"
    expect(page.get_by_text("El dispositivo está conectado y puede enviar.")).to_be_visible()
    expect(picture).to_have_count(0)
    expect(page.get_by_role("button", name="Mostrar un código")).to_be_hidden()
    # The gateway told the server of it, which is the proof that it can.
    expect(page.locator("#hook")).to_have_attribute("data-arrival", "proven")
    photograph(page, f"link-done-{size[0]}")

    page.get_by_role("link", name="Cerrar su sesión").click()
    photograph(page, f"log-out-{size[0]}")
    page.get_by_role("button", name="Cerrar su sesión").click()
    expect(page.get_by_text(f"Se cerró la sesión de «{name}»")).to_be_visible()
    expect(page.get_by_role("button", name="Mostrar un código")).to_be_visible()

    page.get_by_role("link", name="Eliminar").click()
    page.get_by_label("Eliminar también su instancia").check()
    photograph(page, f"delete-{size[0]}")
    page.get_by_role("button", name="Eliminar").click()
    expect(page.get_by_text(f"El dispositivo «{name}» se eliminó.")).to_be_visible()
    listed = gateway.get("/instance/fetchInstances", key=gateway.global_key).json()
    assert name not in {each["name"] for each in listed}
