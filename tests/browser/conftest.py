"""A real browser before the whole stack: web server, workers, beat and the gateway simulator as `make run` starts them.

The stack is talked to by HTTP only. Playwright's own loop runs while these tests do, and Django refuses its database
where a loop runs; so everything here ends with this package, and no test of it touches the database.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from config.stack.places import ports
from config.stack.places.layout import Layout
from config.stack.supervision.programs import REPOSITORY
from tests import prepared_database
from tests.waiting import GIVE_UP_SECONDS

START_SECONDS = 300
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = (1280, 900)
PHONE = (390, 844)

PATIENCE_MS = GIVE_UP_SECONDS * 1000
expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True)
class Stack:
    """The running stack, and who may come in."""

    url: str
    simulator_url: str
    email: str
    password: str
    token: str

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        with requests.Session() as session:
            session.trust_env = False  # no proxy stands between this machine and itself
            answer = session.request(
                method,
                self.url + path,
                headers={"Authorization": f"Bearer {self.token}"},
                timeout=GIVE_UP_SECONDS,
                **arguments,
            )
        assert answer.status_code < 300, answer.text
        return answer.json()

    @property
    def _account(self) -> str:
        return f"/api/v1/accounts/{ACCOUNT_ID}"

    def set_device(self, **fields: Any) -> None:
        """Change the one device of the account."""
        (device,) = self.call("GET", f"{self._account}/devices")["results"]
        self.call("PATCH", f"{self._account}/devices/{device['id']}", json=fields)

    def faults(self, **rates: Any) -> None:
        """What goes wrong at the gateway from now on; nothing where nothing is named."""
        with requests.Session() as session:
            session.trust_env = False
            faults = {name.replace("_", "-"): rate for name, rate in rates.items()}
            assert session.post(f"{self.simulator_url}/_simulator/faults", json=faults, timeout=GIVE_UP_SECONDS).ok


ACCOUNT_ID = 1  # of a database as new


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine")
    data_dir = tmp_path_factory.mktemp("browser-stack")
    prepared_database.give(Layout(data_dir))
    port = ports.free_port()
    ours = {"DATABASE_URL", "REDIS_URL", "PUBLIC_URL", "WORKER_PROCESSES", "EGRESS_ALLOWED_CIDRS", "SECRET_KEY"}
    environ = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("PG")}
    log = data_dir / "launcher.log"
    with open(log, "wb") as output:
        launcher = subprocess.Popen(
            [sys.executable, "-m", "config.stack", "run"],
            cwd=REPOSITORY,
            env={**environ, "DATA_DIR": str(data_dir), "PORT": str(port)},
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while "Ctrl-C stops it" not in (said := log.read_text(errors="replace")):
            assert launcher.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.1)
        access = json.loads((data_dir / "access.json").read_text())
        simulator = re.search(r"gateway at (http://\S+)", said)
        assert simulator is not None
        yield Stack(f"http://127.0.0.1:{port}", simulator[1], access["email"], access["password"], access["token"])
    finally:
        launcher.send_signal(signal.SIGTERM)
        try:
            launcher.wait(GIVE_UP_SECONDS)
        except subprocess.TimeoutExpired:
            launcher.kill()
            launcher.wait()
        shutil.rmtree(data_dir, ignore_errors=True)


@pytest.fixture(scope="package")
def browser(stack: Stack) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def signed_in(browser: Browser, stack: Stack) -> Any:
    """The cookies of somebody who has logged in by e-mail."""
    context = browser.new_context(locale="es", timezone_id="America/Lima")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{stack.url}/admin/")
    page.get_by_label("Correo electrónico").fill(stack.email)
    page.get_by_label("Contraseña").fill(stack.password)
    page.get_by_role("button", name="Iniciar sesión").click()
    expect(page.get_by_role("heading", name="Panel")).to_be_visible()
    state = context.storage_state()
    context.close()
    return state


Visit = Callable[..., Page]


@pytest.fixture
def visit(browser: Browser, stack: Stack, signed_in: Any, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Open a page of the stack: `visit("/admin/", size=PHONE)`. Its errors, and calls elsewhere, fail the test.

    `expected` are words of console messages that belong to the test.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(
        path: str, size: tuple[int, int] = DESKTOP, *, scripts: bool = True, expected: tuple[str, ...] = ()
    ) -> Page:
        context = browser.new_context(
            locale="es",
            timezone_id="America/Lima",
            viewport={"width": size[0], "height": size[1]},
            storage_state=signed_in,
            java_script_enabled=scripts,
            base_url=stack.url,
            # Bars glide to their width: not in a picture.
            reduced_motion="reduce",
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()

        def note(text: str) -> None:
            if not any(words in text for words in expected):
                complaints.append(text)

        page.on("pageerror", lambda error: note(f"error: {error}"))
        page.on("console", lambda message: note(f"console: {message.text}") if message.type == "error" else None)
        page.on(
            "request",
            lambda sent: (
                note(f"called {sent.url}")
                if not sent.url.startswith((stack.url, stack.url.replace("http", "ws", 1), "data:", "blob:"))
                else None
            ),
        )
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def photograph(tmp_path: Path) -> Callable[[Page, str], Path]:
    """Save a picture of a whole page below the test's own directory, and tell where."""

    def take(page: Page, name: str) -> Path:
        path = tmp_path / f"{name}.png"
        page.screenshot(path=str(path), full_page=True)
        assert path.stat().st_size > 10_000
        return path

    return take


def sideways_scroll(page: Page) -> int:
    """How many pixels wider than its window a page is."""
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width


def recipients(number: int, start: int = 900_000_000) -> str:
    """A list with a header and so many people."""
    rows = (f"+51{start + row}|Persona {row}|{1000 + row}\n" for row in range(number))
    return "telefono|nombre|pedido\n" + "".join(rows)


def a_file(content: str | bytes, name: str = "clientes.csv") -> Any:
    """What a person chooses in a file field."""
    data = content.encode() if isinstance(content, str) else content
    return {"name": name, "mimeType": "text/csv", "buffer": data}
