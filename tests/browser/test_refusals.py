"""What is wrong with a file or a form is said in words, beside its field, with and without scripts."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Stack, Visit, a_file, recipients

NEW = "/admin/jobs/job/new/"
# Whoever presses the button before the page has read the file hears it from the server.
MAY_BE_THE_SERVERS = ("status of 400",)
SENTENCES = [
    ("Ñandú|1\n".encode("latin-1"), "lista.csv", "El archivo no está en UTF-8."),
    ("telefono|nombre\n", "lista.csv", "El archivo solo tiene la cabecera."),
    ("", "lista.txt", "El archivo está vacío."),
    (recipients(2), "lista.xlsx", "El nombre del archivo debe terminar en .csv o .txt."),
    ("+51987654321|" + "x" * 9000, "lista.csv", "El archivo tiene una línea demasiado larga"),
]


@pytest.fixture
def jobs_stay(stack: Stack):
    before = len(stack.call("GET", "/jobs"))
    yield
    assert len(stack.call("GET", "/jobs")) == before


def fill(page: Page, content: str | bytes, name: str) -> None:
    page.locator("[name=file]").set_input_files(a_file(content, name))
    page.locator("[name=message]").fill("Hola @valor1")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_bad_file_is_refused_in_words(visit: Visit, jobs_stay: None, scripts: bool) -> None:
    page = visit(NEW, scripts=scripts, expected=MAY_BE_THE_SERVERS)
    for content, name, sentence in SENTENCES:
        fill(page, content, name)
        page.locator("#send").click()
        expect(page.locator("#error-file")).to_contain_text(sentence)
        assert page.url.endswith(NEW)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_and_with_its_lines(visit: Visit, jobs_stay: None, scripts: bool) -> None:
    page = visit(NEW, scripts=scripts, expected=MAY_BE_THE_SERVERS)
    fill(page, "sin|1\nnúmero 2|2\n|3\n" + "x4|5\n" * 9, "lista.csv")
    page.locator("#send").click()
    error = page.locator("#error-file")
    expect(error).to_contain_text("Ningún teléfono del archivo es válido.")
    expect(error).to_contain_text("Línea 2: el teléfono no es válido")
    expect(error).to_contain_text("y 3 más")


def test_what_only_the_server_knows_is_said_beside_its_field_too(stack: Stack, visit: Visit, jobs_stay: None) -> None:
    page = visit(NEW, expected=MAY_BE_THE_SERVERS)
    fill(page, recipients(3), "lista.csv")
    stack.set_device(enabled=False)
    try:
        page.get_by_role("button", name="Enviar a 3 destinatarios").click()
        expect(page.locator("#error-devices")).to_contain_text("No hay ningún dispositivo disponible")
    finally:
        stack.set_device(enabled=True)
    # Nothing was lost of what was written, and a second try is a new one.
    assert page.locator("[name=message]").input_value() == "Hola @valor1"
    expect(page.locator("#send")).to_be_enabled()


def test_an_empty_form_says_what_is_missing(visit: Visit, jobs_stay: None) -> None:
    page = visit(NEW)
    page.locator("#send").click()
    expect(page.locator("#error-file")).to_have_text("Elige el archivo con tus destinatarios.")
    expect(page.locator("#error-message")).to_have_text("Escribe el mensaje.")


def test_without_scripts_a_list_is_sent_all_the_same(stack: Stack, visit: Visit) -> None:
    stack.set_device(messages_per_minute=None, max_in_flight=8)
    page = visit(NEW, scripts=False)
    fill(page, recipients(2, 940_000_000), "lista.csv")
    page.locator("#send").click()
    page.wait_for_url("**/live/")
    expect(page.locator("#count-total")).to_have_text("2")
