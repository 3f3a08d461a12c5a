"""The simulator as a program: its command line, its start and its end."""

import os
import re
import signal
import subprocess
import sys

import pytest

from devices.simulator.faults import BY_SUFFIX, FAULTS
from tests.devices.simulator.conftest import GIVES_UP_SOON
from tests.simulator_process import REPOSITORY, start_simulator
from tests.waiting import GIVE_UP_SECONDS

TEXT = {"number": "51987654321", "text": "hola"}
WITHOUT_UVLOOP = (
    "import sys, runpy; sys.modules['uvloop'] = None; runpy.run_module('devices.simulator', run_name='__main__')"
)


def run(*arguments: str, seconds: float = GIVE_UP_SECONDS, **more: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "devices.simulator", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=seconds, **more)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_even_with_a_request_hanging(number: signal.Signals) -> None:
    with start_simulator(arguments=["--faults", "accept-then-hang=1"]) as simulator:
        with pytest.raises(OSError, match="timed out"):
            simulator.post("/message/sendText/demo", TEXT, timeout=GIVES_UP_SOON)
        simulator.process.send_signal(number)
        assert simulator.process.wait(GIVE_UP_SECONDS) == 0  # what hangs would do so for ever


def test_it_runs_on_asyncios_own_loop_where_uvloop_is_missing() -> None:
    with start_simulator(command=("-c", WITHOUT_UVLOOP)) as simulator:
        assert simulator.post("/message/sendText/demo", TEXT).status_code == 201
        simulator.faults({"accept-then-reset": 1})
        with pytest.raises(OSError, match="reset"):
            simulator.post("/message/sendText/demo", TEXT)
        simulator.process.send_signal(signal.SIGTERM)
        assert simulator.process.wait(GIVE_UP_SECONDS) == 0


def test_a_busy_port_is_said_plainly() -> None:
    with start_simulator() as simulator:
        result = run("--port", simulator.url.rsplit(":", 1)[1])
    assert result.returncode == 1
    assert "cannot listen on 127.0.0.1" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--faults", "nonsense=1"], "nonsense"),
        (["--faults", "502=0.7,no-id=0.7"], "must not add up"),
        (["--latency", "fast"], "MS-MS"),
    ],
)
def test_a_wrong_command_line_is_said_plainly(arguments: list[str], words: str) -> None:
    result = run("--port", "0", *arguments)
    assert result.returncode == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_secrets_nobody_gave_are_made_up_and_printed() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIMULATOR_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "devices.simulator", "--port", "0", "--instance", "a", "--instance", "b:GIVEN"],
        cwd=REPOSITORY,
        env={**environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(4)]
    process.terminate()
    process.communicate()
    assert re.fullmatch(r"instance a token [0-9A-F]{32}\n", lines[0])
    assert lines[1] == "instance b\n"
    assert lines[2].startswith("global key ")


def test_listening_beyond_this_machine_is_warned_about() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "devices.simulator", "--port", "0", "--host", "0.0.0.0"],
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    warning = process.stderr.readline()
    process.terminate()
    process.communicate()
    assert "WARNING" in warning


def test_the_command_needs_no_database() -> None:
    environment = {**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    with start_simulator(command=("manage.py", "simulate_gateway"), environment=environment) as simulator:
        assert simulator.post("/message/sendText/demo", TEXT).status_code == 201
        simulator.process.send_signal(signal.SIGTERM)
        assert simulator.process.wait(GIVE_UP_SECONDS) == 0


def test_the_simulator_imports_nothing_of_django() -> None:
    code = (
        "import sys, devices.simulator.program; sys.exit(any(name.split('.')[0] == 'django' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY).returncode == 0


def test_the_faults_and_their_suffixes_are_listed() -> None:
    listed = run("--list-faults").stdout
    assert re.search(r"^429-date +0010 +2 +429, Retry-After: a date", listed, re.MULTILINE)


def test_every_fault_is_documented() -> None:
    page = (REPOSITORY / "docs/simulator.md").read_text()
    assert [f"| `{name}` | {fault.suffix or '–'} |" for name, fault in FAULTS.items()] == re.findall(
        r"^\| `[a-z0-9-]+` \| (?:\d{4}|–) \|", page, re.MULTILINE
    )


def test_every_suffix_is_used_once() -> None:
    assert len(BY_SUFFIX) == sum(bool(fault.suffix) for fault in FAULTS.values())
