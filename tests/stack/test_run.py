"""`make run` with everything that belongs to it."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
import requests

from config.stack.places.layout import Layout
from config.stack.places.ports import free_port
from tests.stack.conftest import Start, is_alive
from tests.waiting import GIVE_UP_SECONDS, eventually


def read_until(launcher: "subprocess.Popen[str]", last: str) -> str:
    lines = []
    for line in launcher.stdout:
        lines.append(line)
        if line.startswith(last):
            return "".join(lines)
    raise AssertionError("".join(lines) + launcher.stderr.read())


def said(text: str, name: str) -> str:
    return re.search(rf"^  {name} +(.+)$", text, re.MULTILINE)[1]


def family(pid: int) -> list[int]:
    """Return a process and all that it has forked."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in family(int(child)))]


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads /proc")
def test_it_says_who_may_come_in_restarts_a_worker_and_leaves_nobody_behind(start: Start, layout: Layout) -> None:
    port = free_port()
    launcher = start("config.stack", "run", PORT=str(port))
    text = read_until(launcher, "  device")
    url = said(text, "address")
    assert url == f"http://127.0.0.1:{port}"
    assert said(text, "account") == "Demo"
    assert said(text, "device").startswith("Simulador")

    token = {"Authorization": f"Bearer {said(text, 'API token')}"}
    devices = requests.get(f"{url}/api/v1/accounts/1/devices", headers=token, timeout=GIVE_UP_SECONDS)
    assert devices.status_code == 200
    assert "Simulador" in devices.text
    with requests.Session() as browser:
        page = browser.get(f"{url}/admin/login/", timeout=GIVE_UP_SECONDS)
        login = {"username": said(text, "admin user"), "password": said(text, "password"), "next": "/admin/"}
        csrf = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[1]
        answer = browser.post(
            page.url, {**login, "csrfmiddlewaretoken": csrf}, allow_redirects=False, timeout=GIVE_UP_SECONDS
        )
        assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")

    before = family(launcher.pid)
    worker = next(pid for pid in before if b"lanes@%h" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(worker, signal.SIGKILL)
    read_until(launcher, "stack    │ lanes died (killed by SIGKILL): restarted")
    eventually(lambda: worker not in [pid for pid, *_ in json.loads(layout.lock_file.read_text())["children"]])

    everyone = {*before, *family(launcher.pid)}
    assert len(everyone) > 10
    launcher.send_signal(signal.SIGINT)
    launcher.communicate(timeout=GIVE_UP_SECONDS)
    assert launcher.returncode == 0
    assert not [pid for pid in everyone if is_alive(pid)]
