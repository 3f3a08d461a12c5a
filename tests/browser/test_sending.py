"""From a file to its result, with the eyes of the person who sends it."""

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import PHONE, Stack, Visit, a_file, recipients, sideways_scroll

NEW = "/admin/jobs/job/new/"
MESSAGE = "Hola @nombre, tu pedido *@pedido* va en camino."


@pytest.fixture(autouse=True)
def fast_device(stack: Stack) -> None:
    """A device that sends twenty a second, through a gateway without faults."""
    stack.set_device(messages_per_minute=1200, max_in_flight=8, enabled=True)
    stack.faults()


def send(page: Page, content: str, title: str = "") -> None:
    page.locator("[name=file]").set_input_files(a_file(content))
    page.get_by_label("Título").fill(title)
    page.locator("[name=message]").fill(MESSAGE)
    page.get_by_role("button", name=re.compile("^Enviar a ")).click()
    page.wait_for_url("**/live/")


def counter(page: Page, name: str) -> int:
    return int(re.sub(r"\D", "", page.locator(f"#count-{name}").inner_text()))


def export(page: Page, link: str) -> str:
    with page.expect_download() as download:
        page.get_by_role("link", name=link).click()
    return Path(download.value.path()).read_bytes().decode("utf-8-sig")


def test_a_list_is_uploaded_watched_and_its_result_read(
    stack: Stack, visit: Visit, photograph: Callable[[Page, str], Path]
) -> None:
    stack.faults(not_on_whatsapp=0.1)
    page = visit("/admin/")
    page.locator("#nav-sidebar").get_by_role("link", name="Nuevo envío").click()

    # The list and what is in it
    page.locator("[name=file]").set_input_files(a_file(recipients(80) + "no tengo|Juana|1\n"))
    expect(page.get_by_text("81 destinatarios", exact=True)).to_be_visible()
    expect(page.get_by_text("1 teléfono no es válido y fallará (líneas 82)")).to_be_visible()

    expect(page.get_by_label("Título")).to_have_value("")

    # The message, with a variable put in where the cursor is
    message = page.locator("[name=message]")
    message.fill("Hola ")
    page.get_by_role("button", name="@nombre").click()
    message.press_sequentially(", tu pedido *")
    page.get_by_role("button", name="@pedido").click()
    message.press_sequentially("* va en camino. @nadie")
    assert message.input_value() == "Hola @nombre, tu pedido *@pedido* va en camino. @nadie"
    bubble = page.locator("#bubble")
    expect(bubble).to_have_text("Hola Persona 0, tu pedido 1000 va en camino. @nadie")
    expect(bubble.locator("strong")).to_have_text("1000")
    page.get_by_role("button", name="Fila siguiente").click()
    expect(bubble).to_contain_text("Hola Persona 1,")
    expect(page.get_by_text("«@nadie» no es una columna del archivo")).to_be_visible()
    message.fill(MESSAGE)

    page.get_by_label("Título").fill("Entregas de enero")
    expect(page.locator("#estimate")).to_contain_text("con 1 dispositivo")
    photograph(page, "new")
    page.get_by_role("button", name="Enviar a 81 destinatarios").click()

    # Live, to its end
    page.wait_for_url("**/live/")
    expect(page.get_by_role("heading", name="Entregas de enero").last).to_be_visible()
    expect(page.locator("#connection")).to_have_text("En vivo")
    expect(page.locator("#status")).to_have_text("En curso")
    expect(page.locator("#feed")).to_contain_text("+51900000000")
    photograph(page, "live")
    expect(page.locator("#percentage")).to_have_text("100 %")
    expect(page.get_by_role("heading", name="Resultado")).to_be_visible()
    expect(page.locator("#status")).to_have_text("Completado")
    sent, failed = counter(page, "sent"), counter(page, "failed")
    assert sent + failed == 81
    assert failed > 1
    expect(page.locator("#results")).to_contain_text("El número no tiene WhatsApp")
    expect(page.locator("#results")).to_contain_text("El teléfono no es válido")
    assert page.title() == "Entregas de enero | Pregonero"
    photograph(page, "done")

    # Who it was that did not get it
    page.get_by_role("link", name="El número no tiene WhatsApp").click()
    expect(page.locator("tbody tr")).to_have_count(failed - 1)
    page.locator("tbody a").first.click()
    expect(page.get_by_text("va en camino.")).to_be_visible()

    # A file of them alone, and one of everybody
    page.go_back()
    assert export(page, "Exportar estos").count("\r\n") == failed
    page.go_back()
    exported = export(page, "Exportar CSV")
    assert exported.count("\r\n") == 82
    # Some of them have it by then, or have read it.
    assert sum(exported.count(f"|{state}|") for state in ("sent", "delivered", "read")) == sent


def test_a_reload_shows_the_truth_at_once_and_goes_on(visit: Visit) -> None:
    page = visit(NEW)
    send(page, recipients(120, 910_000_000))
    expect(page.locator("#count-sent")).not_to_have_text("0")
    address = page.url

    plain = visit(address, scripts=False)  # as the server rendered it
    before = counter(plain, "sent")
    assert 0 < before <= 120
    expect(plain.locator("#feed li").first).to_contain_text("Mensaje enviado")

    page.reload()
    assert counter(page, "sent") >= before
    expect(page.locator("#count-sent")).to_have_text("120")
    expect(page.get_by_text("Se enviaron todos los mensajes.")).to_be_visible()


def test_the_page_survives_the_servers_restart(stack: Stack, visit: Visit) -> None:
    lost = ("WebSocket connection", "Failed to load resource", "ERR_CONNECTION")
    page = visit(NEW, expected=lost)
    send(page, recipients(200, 920_000_000))
    expect(page.locator("#connection")).to_have_text("En vivo")
    expect(page.locator("#count-sent")).not_to_have_text("0")
    # It rests meanwhile: on a busy machine the server takes longer to come back than the job would last.
    page.get_by_role("button", name="Pausar").click()
    expect(page.get_by_role("button", name="Reanudar")).to_be_visible()
    os.kill(web_server_of(stack), signal.SIGKILL)
    expect(page.locator("#connection")).to_have_text("Reconectando…")
    expect(page.locator("#connection")).to_have_text("En vivo")
    page.get_by_role("button", name="Reanudar").click()
    expect(page.locator("#count-sent")).to_have_text("200")
    expect(page.get_by_role("heading", name="Resultado")).to_be_visible()


def test_events_that_are_lost_are_made_up_for_by_a_snapshot(visit: Visit) -> None:
    page = visit(NEW)
    asked: list[str] = []
    received = 0

    def carry(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def from_page(message: str | bytes) -> None:
            asked.append(str(message))
            server.send(message)

        def from_server(message: str | bytes) -> None:
            nonlocal received
            received += 1
            is_asked_for = '"snapshot"' in str(message) or '"subscribed"' in str(message)
            # Every third event, and the last of all.
            if is_asked_for or (received % 3 and '"job_completed"' not in str(message)):
                socket.send(message)

        socket.on_message(from_page)
        server.on_message(from_server)

    page.route_web_socket(re.compile("/ws/job/"), carry)
    send(page, recipients(60, 960_000_000))
    expect(page.locator("#count-sent")).to_have_text("60")
    expect(page.get_by_role("heading", name="Resultado")).to_be_visible()
    assert any('"resync"' in message for message in asked)


def test_a_session_that_ends_is_said_with_the_way_back(stack: Stack, visit: Visit) -> None:
    stack.set_device(messages_per_minute=60)
    page = visit(NEW)
    send(page, recipients(30, 970_000_000))
    expect(page.locator("#connection")).to_have_text("En vivo")
    page.context.clear_cookies()
    page.evaluate("dispatchEvent(new Event('online'))")  # as after a sleep: it connects anew
    expect(page.get_by_text("Tu sesión terminó.")).to_be_visible()
    page.locator("#notice").get_by_role("link", name="Iniciar sesión").click()
    expect(page.get_by_label("Contraseña")).to_be_visible()


def test_a_job_is_paused_resumed_and_cancelled_by_its_buttons(stack: Stack, visit: Visit) -> None:
    stack.set_device(messages_per_minute=60)
    page = visit(NEW, PHONE)
    send(page, recipients(100, 930_000_000), "Con calma")
    expect(page.locator("#status")).to_have_text("En curso")
    page.get_by_role("button", name="Pausar").click()
    expect(page.locator("#status")).to_have_text("En pausa")
    expect(page.get_by_text("Alguien de la cuenta lo pausó.")).to_be_visible()
    page.get_by_role("button", name="Reanudar").click()
    expect(page.locator("#status")).to_have_text("En curso")
    page.get_by_role("link", name="Cancelar el envío").click()
    expect(page.get_by_text("¿Cancelar «Con calma»?")).to_be_visible()
    page.get_by_role("button", name="Cancelar el envío").click()
    expect(page.locator("#status")).to_have_text("Cancelado")
    expect(page.locator("#results")).to_contain_text("Cancelado antes de enviarse")
    assert sideways_scroll(page) == 0


def web_server_of(stack: Stack) -> int:
    """The pid of the process that answers there."""
    port = stack.url.rsplit(":", 1)[1]
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    ours = [line for line in listed.splitlines() if "uvicorn" in line and f"--port {port} " in line]
    return int(ours[0].split()[0])
