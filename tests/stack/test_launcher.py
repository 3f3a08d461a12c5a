import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from config.stack import make_venv
from config.stack.access import Access
from config.stack.places.layout import Layout
from config.stack.supervision import leftovers
from config.stack.supervision.console import Console
from config.stack.supervision.launcher_lock import LauncherLock
from config.stack.supervision.leftovers import Leftover, identity
from tests.stack.conftest import Start, is_alive
from tests.waiting import GIVE_UP_SECONDS


def test_a_second_launcher_says_who_runs_already(start: Start, layout: Layout) -> None:
    with LauncherLock(layout, "make run", "http://127.0.0.1:8123"):
        second = start("config.stack", "run")
        output, errors = second.communicate(timeout=GIVE_UP_SECONDS)
    assert second.returncode == 1
    assert output == ""
    assert errors == (
        f"pregonero: already running at http://127.0.0.1:8123: `make run` (pid {os.getpid()})"
        f" has the data directory {layout.data_dir}\n"
    )


def test_a_busy_port_is_said_in_one_line_before_anything_is_started(start: Start, layout: Layout) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        launcher = start("config.stack", "run", PORT=str(port))
        output, errors = launcher.communicate(timeout=GIVE_UP_SECONDS)
    assert launcher.returncode == 1
    assert output == ""
    assert errors.startswith(f"pregonero: port {port} is in use by another program: ")
    assert errors.count("\n") == 1
    assert not layout.postgres_dir.exists()


@pytest.mark.parametrize("port", ["0", "65536", "eighty"])
def test_a_wrong_port_is_refused(start: Start, port: str) -> None:
    launcher = start("config.stack", "run", PORT=port)
    _, errors = launcher.communicate(timeout=GIVE_UP_SECONDS)
    assert launcher.returncode == 1
    assert errors == "pregonero: PORT must be a whole number from 1 to 65535\n"


def test_what_an_earlier_launcher_left_is_ended_and_nobody_else(layout: Layout) -> None:
    source = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    run = [sys.executable, "-c", source]
    with (
        subprocess.Popen(run, stdout=subprocess.PIPE, process_group=0) as ours,
        subprocess.Popen(run, stdout=subprocess.PIPE, process_group=0) as another,
    ):
        ours.stdout.readline()
        another.stdout.readline()
        lock = LauncherLock(layout, "test")
        with lock:
            lock.record_children(
                [
                    Leftover(ours.pid, identity(ours.pid), signal.SIGKILL),
                    Leftover(another.pid, "another boot", signal.SIGKILL),
                ]
            )
            left = layout.lock_file.read_text()
        layout.lock_file.write_text(left)  # a launcher that was killed does not empty it
        with LauncherLock(layout, "test") as next_lock:
            leftovers.end(next_lock.left_behind)
        assert ours.wait(timeout=GIVE_UP_SECONDS) == -signal.SIGKILL
        assert is_alive(another.pid)
        another.kill()


def test_a_lock_file_cut_short_is_as_good_as_none(layout: Layout) -> None:
    layout.lock_file.write_text('{"pid": 1, "chil')
    with LauncherLock(layout, "test") as lock:
        assert lock.left_behind == []


def test_the_first_starts_secrets_are_kept_for_their_owner_alone(layout: Layout) -> None:
    access = Access.of(layout)
    access.token = "made by bootstrap"
    access.keep(layout)
    assert Access.of(layout) == access
    assert layout.access_file.stat().st_mode & 0o777 == 0o600


def test_a_log_file_that_has_grown_is_set_aside(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.stack.supervision.console.MAX_LOG_BYTES", 20)
    console = Console(layout.log_dir, is_quiet=True)
    for number in range(5):
        console.write("web", b"line %d" % number)
    console.close()
    assert console.last_lines("web")[-1] == "line 4"
    assert (layout.log_dir / "web.log").read_text() == "line 3\nline 4\n"
    assert (layout.log_dir / "web.log.1").read_text() == "line 0\nline 1\nline 2\n"


def test_an_unsupported_python_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_venv, "VERSION", "3.10")
    assert make_venv.main() == "this is Python 3.10; 3.11 to 3.13 is needed: name one, as in `make PYTHON=python3.12`"


def test_the_demo_sends_a_different_phone_in_every_row() -> None:
    pytest.importorskip("requests")
    from config.stack import demo

    rows = [row.split("|") for row in demo._sample_rows(1000)]
    assert len({phone for phone, _, _ in rows}) == 1000
    assert all(phone.startswith("+519") and len(phone) == 12 and name and order for phone, name, order in rows)
    assert json.dumps(rows) == json.dumps([row.split("|") for row in demo._sample_rows(1000)])
