"""What `python -m config.stack` does: run the stack, show it (demo), or run a command beside its engines."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.stack.access import Access
from config.stack.places import ports
from config.stack.places.directories import make_data_dir, remove_socket_dir
from config.stack.places.layout import Layout
from config.stack.servers import engines
from config.stack.supervision import processes
from config.stack.supervision.console import Console
from config.stack.supervision.launcher_lock import AlreadyRunningError, LauncherLock
from config.stack.supervision.programs import REPOSITORY
from config.stack.supervision.supervisor import Supervisor

DEMO_ROWS = 1000


def run() -> None:
    """Serve until someone asks to stop (StoppedError)."""
    layout = _layout()
    port = ports.chosen_port(os.environ)
    url = f"http://{ports.HOST}:{port}"
    with LauncherLock(layout, "make run", url) as lock:
        ports.refuse_busy(port)
        console = Console(layout.log_dir, is_quiet=False)
        with _supervisor(console, lock, layout) as supervisor:
            stack = _Stack(layout, port, console, supervisor)
            is_first = stack.bring_up(lock)
            console.show(_welcome(stack, layout, is_first=is_first))
            supervisor.serve()


def demo() -> int:
    """Send a sample file through a whole stack of its own; return 0 when every message was sent."""
    layout = _layout()
    if engines.are_ours(os.environ):
        # Beside `make run`. Given servers know one set of keys and uploads, which are in its data directory.
        layout = Layout(layout.data_dir / "demo")
        make_data_dir(layout)
    port = ports.free_port()
    with LauncherLock(layout, "make demo", f"http://{ports.HOST}:{port}") as lock:
        console = Console(layout.log_dir, is_quiet=True)
        with _supervisor(console, lock, layout) as supervisor:
            console.show("Starting the whole stack; nothing is needed beside it.")
            stack = _Stack(layout, port, console, supervisor)
            stack.bring_up(lock, device_options=("--unlimited", "--max-in-flight", "64"))
            client = REPOSITORY / "config" / "stack" / "demo.py"
            return supervisor.run_in_front(
                [
                    *(sys.executable, "-Iu", str(client), stack.url, "--simulator", stack.simulator_url),
                    *("--rows", str(DEMO_ROWS), "--sample", str(layout.data_dir / "sample.csv")),
                ],
                {**os.environ, "PREGONERO_TOKEN": stack.access.token},
            )


def execute(command: list[str]) -> int:
    """Run a command beside the engines of DATA_DIR; where the stack runs already, just run it."""
    layout = _layout()
    environ = {**os.environ, "DATA_DIR": str(layout.data_dir)}
    try:
        with LauncherLock(layout, "exec") as lock:
            console = Console(layout.log_dir, is_quiet=True)
            with _supervisor(console, lock, layout) as supervisor:
                for engine in engines.prepare(layout, lock, os.environ):
                    supervisor.start(engine)
                supervisor.wait_until_ready()
                return supervisor.run_in_front(command, environ)
    except AlreadyRunningError:
        engines.wait_until_ready(layout, os.environ)
    return subprocess.run(command, env=environ, check=False).returncode


class _Stack:
    """The whole stack on its way up."""

    def __init__(self, layout: Layout, port: int, console: Console, supervisor: Supervisor) -> None:
        self._layout = layout
        self._port = port
        self._console = console
        self._supervisor = supervisor
        self._simulator_port = ports.free_port()
        self.url = f"http://{ports.HOST}:{port}"
        self.simulator_url = f"http://{ports.HOST}:{self._simulator_port}"
        self.access = Access.of(layout)
        self._environ = {
            # The simulator lives on this machine, and its webhooks come back to it.
            "EGRESS_ALLOWED_CIDRS": "127.0.0.0/8",
            "PUBLIC_URL": self.url,
            **{name: value for name, value in os.environ.items() if value},
            "DATA_DIR": str(layout.data_dir),
            "PORT": str(port),
            "SIMULATOR_TOKEN": self.access.simulator_token,
            "PYTHONUNBUFFERED": "1",
        }
        # Where it is set each process compiles Django anew: three seconds instead of a half.
        self._environ.pop("PYTHONDONTWRITEBYTECODE", None)

    def bring_up(self, lock: LauncherLock, device_options: tuple[str, ...] = ()) -> bool:
        """Start everything and wait until it works; tell whether the account was made just now."""
        started_at = time.monotonic()

        def tell(what: str) -> None:
            self._console.note(f"  {what} ({time.monotonic() - started_at:.1f} s)")

        own_engines = engines.prepare(self._layout, lock, os.environ)
        for engine in own_engines:
            self._supervisor.start(engine)
        self._supervisor.wait_until_ready()
        tell("the servers are up: " + (", ".join(engine.name for engine in own_engines) or "those given"))
        self._supervisor.start(processes.simulator(self._environ, self._simulator_port))
        is_first = self._set_up(device_options)
        tell("the database, the account and its simulated device are ready")
        self._supervisor.start(processes.web(self._environ, self._port))
        self._supervisor.start(*processes.workers(self._environ))
        self._supervisor.start(processes.beat(self._environ))
        self._supervisor.wait_until_ready()
        tell(f"web server, workers, beat and simulator are up at {self.url}")
        return is_first

    def _set_up(self, device_options: tuple[str, ...]) -> bool:
        device = ("--account", processes.ACCOUNT, "--url", self.simulator_url, "--instance", processes.INSTANCE)
        _, made, _ = self._manage(
            ("migrate", "--noinput"),
            self._bootstrap_command(),
            ("simulated_device", *device, *device_options, "--json"),
        )
        if not self.access.token and not json.loads(made).get("token"):
            # The database is older than this data directory: nobody here knows its administrator's token.
            self.access.email = f"admin-{self.access.simulator_token[:6].lower()}@example.com"
            (made,) = self._manage(self._bootstrap_command())
        token = json.loads(made).get("token")
        if token:
            self.access.token = token
            self.access.keep(self._layout)
        return bool(token)

    def _bootstrap_command(self) -> tuple[str, ...]:
        # With "=": a password may begin with a hyphen.
        who = (f"--email={self.access.email}", f"--password={self.access.password}")
        return ("bootstrap", "--account", processes.ACCOUNT, *who, "--enable-campaigns", "--json")

    def _manage(self, *commands: tuple[str, ...]) -> list[str]:
        """Run manage.py commands, and return what each printed."""
        runner = [sys.executable, "-m", "config.stack.setup_commands"]
        return list(json.loads(self._supervisor.run_setup("setup", runner, self._environ, json.dumps(commands))))


def _layout() -> Layout:
    chosen = os.environ.get("DATA_DIR", "").strip()
    layout = Layout((Path(chosen) if chosen else REPOSITORY / ".data").resolve())
    make_data_dir(layout)
    return layout


@contextmanager
def _supervisor(console: Console, lock: LauncherLock, layout: Layout) -> Iterator[Supervisor]:
    try:
        with Supervisor(console, record_children=lock.record_children) as supervisor:
            yield supervisor
    finally:
        console.close()
        remove_socket_dir(layout)


def _welcome(stack: _Stack, layout: Layout, *, is_first: bool) -> str:
    access = stack.access
    kept = f"as shown at the first start; kept in {layout.access_file}"
    lines = {
        "address": stack.url,
        "account": processes.ACCOUNT,
        "admin user": access.email,
        "password": access.password if is_first else kept,
        "API token": access.token if is_first else kept,
        "device": f"Simulador, a simulated WhatsApp gateway at {stack.simulator_url}",
    }
    body = "\n".join(f"  {name:<12}{value}" for name, value in lines.items())
    return f"\nPregonero is running. Ctrl-C stops it.\n\n{body}\n"
