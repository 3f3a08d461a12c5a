"""Start the gateway simulator as a process of its own and ask it what it saw.

    from tests.simulator_process import start_simulator

    with start_simulator("demo-1", "demo-2", arguments=["--latency", "50"]) as simulator:
        simulator.url                 # http://127.0.0.1:PORT, a free port
        simulator.token               # every instance's token, sent by default
        simulator.global_key
        simulator.post("/message/sendText/demo-1", {"number": "51987654321", "text": "hola"})
        simulator.get("/instance/connectionState/demo-1", key="")       # `key` replaces the token
        simulator.faults({"accept-then-hang": 0.05, "429": "1:30x2"})   # replaces all faults; {} clears them
        simulator.faults({"zombie": 1}, instance="demo-2")              # one instance's own
        simulator.set_state("demo-1", "close")                          # open, connecting, close, not-loaded
        simulator.scan("demo-1")                                        # what shows; or `code`, or passkey=True
        simulator.incoming("demo-1", "51987654321", "STOP")             # a reply, by webhook
        simulator.receipt("demo-1", message_id, "READ")                 # a receipt, by webhook
        simulator.ledger()            # {"accepted", "distinct", "duplicates", "requests", "by_instance", …}
        simulator.entries()           # [{"number", "text", "count", "instance", "first_at", "last_at"}]
        simulator.timeline("demo-1")  # when each message was accepted, seconds since the epoch
        simulator.arrivals()          # [(accepted at, instance, the client's port)], in turn; `offset` goes on
        simulator.last_requests(5)    # the last raw requests: method, path, headers, body
        with simulator.away(): ...    # every connection is refused; what was accepted stays known
        simulator.reset()             # empties the ledger; faults, instances and webhooks stay
        simulator.renew()             # as after a start, without starting: nothing pending, no webhooks
        simulator.process             # the subprocess, for kill() and cpu_seconds()

`get`, `post` and `delete` answer a `requests.Response`. The simulator is killed at the end of the block. It
needs neither Django nor a database, so a session-scoped fixture is cheap (a start takes about 0.3 s); give
each test a clean one with `renew()`. Instances are open and connected from the start, and
`--seed` is 1, so faults by rate repeat themselves from start to start.
"""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

REPOSITORY = Path(__file__).resolve().parent.parent
READY = b"Evolution API simulator ready at "
TOKEN = "SIMULATOR-TOKEN"
GLOBAL_KEY = "SIMULATOR-GLOBAL-KEY"
START_SECONDS = 120


@dataclass
class Simulator:
    url: str
    process: subprocess.Popen[bytes]
    token: str = TOKEN
    global_key: str = GLOBAL_KEY

    def __post_init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy of the environment

    def request(self, method: str, path: str, body: Any = None, *, key: str | None = None, **more: Any):
        headers = {"apikey": self.token if key is None else key, **more.pop("headers", {})}
        if body is not None:
            more["json"] = body
        return self._session.request(method, self.url + path, headers=headers, timeout=more.pop("timeout", 60), **more)

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> requests.Response:
        return self.request("POST", path, body, **more)

    def delete(self, path: str, **more: Any) -> requests.Response:
        return self.request("DELETE", path, **more)

    # --- what the simulator itself offers ------------------------------------------------------------

    def _asked(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.request(method, f"/_simulator{path}", body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def faults(self, faults: dict[str, Any], *, instance: str = "") -> dict[str, Any]:
        if not faults and not instance:
            return self._asked("DELETE", "/faults")
        return self._asked("POST", f"/faults?instance={instance}", faults)

    def set_state(self, instance: str, state: str, **more: Any) -> None:
        self._asked("POST", "/instances", {"instance": instance, "state": state, **more})

    def scan(self, instance: str, code: str = "", **more: Any) -> str:
        return str(self._asked("POST", "/scan", {"instance": instance, "code": code, **more})["said"])

    def incoming(self, instance: str, number: str, text: str = "STOP", lid: str = "", at: float | None = None) -> None:
        body = {"instance": instance, "number": number, "text": text, "lid": lid, "at": at}
        self._asked("POST", "/incoming", body)

    def receipt(self, instance: str, message_id: str, status: str, **more: Any) -> None:
        body = {"instance": instance, "id": message_id, "status": status, **more}
        self._asked("POST", "/receipt", body)

    def ledger(self) -> dict[str, Any]:
        return self._asked("GET", "/ledger")

    def entries(self, offset: int = 0, limit: int = 100_000) -> list[dict[str, Any]]:
        return self._asked("GET", f"/ledger?entries=1&offset={offset}&limit={limit}")["entries"]

    def timeline(self, instance: str = "") -> list[float]:
        return self._asked("GET", f"/timeline?instance={instance}")

    def arrivals(self, offset: int = 0) -> list[tuple[float, str, int]]:
        found: list[tuple[float, str, int]] = []
        while more := self._asked("GET", f"/arrivals?offset={offset + len(found)}"):
            found += [(at, instance, port) for at, instance, port in more]
        return found

    def last_requests(self, limit: int = 50) -> list[dict[str, Any]]:
        return self._asked("GET", f"/requests?limit={limit}")

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Have it refuse every connection meanwhile."""
        self._asked("POST", "/away", {"seconds": 3600})
        self._wait_until(is_listening=False)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGUSR1)
            self._wait_until(is_listening=True)

    def _wait_until(self, *, is_listening: bool) -> None:
        address = urlsplit(self.url)
        give_up = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up:
            with socket.socket() as probe:
                if (probe.connect_ex((address.hostname or "", address.port or 80)) == 0) == is_listening:
                    return
            time.sleep(0.01)
        raise RuntimeError("the simulator does not " + ("return" if is_listening else "leave"))

    def reset(self) -> None:
        self._asked("DELETE", "/ledger")

    def renew(self) -> None:
        self._asked("POST", "/renew")

    def cpu_seconds(self) -> float:
        """User and system time the simulator has used (Linux)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def start_simulator(
    *instances: str,
    arguments: Sequence[str] = (),
    command: Sequence[str] = ("-m", "devices.simulator"),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Simulator]:
    """Instances (`NAME` or `NAME:TOKEN`) default to `demo`. `arguments` as on the simulator's command line."""
    named = [name if ":" in name else f"{name}:{TOKEN}" for name in instances or ("demo",)]
    names = [part for name in named for part in ("--instance", name)]
    process = subprocess.Popen(
        [sys.executable, "-u", *command, "--port", "0", "--global-key", GLOBAL_KEY, *names, *arguments],
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
        env=environment,
    )
    try:
        yield Simulator(_wait_until_ready(process), process)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _wait_until_ready(process: subprocess.Popen[bytes]) -> str:
    """The URL the simulator prints. Its pipe is left alone afterwards: it prints nothing more."""
    assert process.stdout is not None
    printed = b""
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        if select.select([process.stdout], [], [], 0.2)[0]:
            received = os.read(process.stdout.fileno(), 4096)
            printed += received
            if READY in printed and printed.endswith(b"\n"):
                return printed.split(READY, 1)[1].split()[0].decode()
            if not received:
                break
    process.kill()
    raise RuntimeError(f"the simulator did not start; it printed {printed.decode()!r}")
