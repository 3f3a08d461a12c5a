"""A file of contacts and one of numbers to suppress, from the upload to the result, on a desk and on a phone."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, Visit, a_file, sideways_scroll

Photograph = Callable[[Page, str], Path]
SIZES = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["1280", "390"])

CONTACTS = (
    "Celular,Nombre,Correo,No molestar,Acepta recibir mensajes por WhatsApp,Fecha de consentimiento\n"
    "+51987650001,Ana,ana@example.com,,sí,01/05/2026\n"
    "+51987650002,Sin nombre,N/A,sí,,\n"
    "+51987650003,Leo,no es un correo,tal vez,,\n"
    "12,Nadie,,,,\n"
    "+51987650004,Eva,eva@example.com; eva2@example.com,no,sí,pronto\n"
)
NUMBERS = "Número,Motivo,Fecha\n+51987651001,Lo pidió por teléfono,31/05/2026\n+51987651002,,ayer\n12,,\n"


def choose(page: Page, content: str) -> None:
    page.locator("[name=file]").set_input_files(a_file(content, "lista de clientes.csv"))
    page.get_by_role("button", name="Continuar").click()
    expect(page.get_by_role("heading", name="¿Qué hay en cada columna?")).to_be_visible()


def picture(page: Page, photograph: Photograph, name: str, size: tuple[int, int]) -> None:
    assert sideways_scroll(page) == 0, name
    photograph(page, f"{name}-{size[0]}")


@SIZES
def test_consent_comes_with_the_contacts(visit: Visit, size: tuple[int, int], photograph: Photograph) -> None:
    page = visit("/admin/campaigns/contactimport/add/", size, expected=("400",))
    choose(page, CONTACTS)
    source = page.get_by_label("Dónde aceptaron, para todos")
    expect(source).to_be_visible()
    picture(page, photograph, "import-columns", size)
    page.get_by_role("button", name="Comprobar el archivo").click()
    expect(page.get_by_role("alert")).to_contain_text("Indica dónde aceptaron")
    source.fill("Feria de mayo")
    page.get_by_role("button", name="Comprobar el archivo").click()
    expect(page.locator("#opted-out")).to_contain_text("2 personas")
    expect(page.locator("#opted-in")).to_contain_text("2 personas")
    picture(page, photograph, "import-check", size)
    page.get_by_role("button", name="Importar").click()
    expect(page.get_by_text("Los contactos ya están.")).to_be_visible()
    picture(page, photograph, "import-done", size)


@SIZES
def test_a_list_of_numbers_is_suppressed(visit: Visit, size: tuple[int, int], photograph: Photograph) -> None:
    page = visit("/admin/jobs/suppression/", size)
    page.get_by_role("link", name="Importar una lista").click()
    picture(page, photograph, "suppressions-upload", size)
    choose(page, NUMBERS)
    page.get_by_label("Motivo, donde el archivo no lo dice").fill("Registro público")
    picture(page, photograph, "suppressions-columns", size)
    page.get_by_role("button", name="Comprobar el archivo").click()
    page.get_by_role("button", name="Importar").click()
    expect(page.get_by_text("Los números están en la lista")).to_be_visible()
    picture(page, photograph, "suppressions-done", size)
    page.get_by_role("link", name="Ver la lista").click()
    expect(page.get_by_text("Registro público").first).to_be_visible()
    picture(page, photograph, "suppressions-list", size)
