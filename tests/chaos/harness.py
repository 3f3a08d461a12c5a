"""A whole stack to be tormented: `python -m config.stack run` in a data directory of its own, and ways to look into it.

    with Stack(layout, LEASE_SECONDS="6") as stack:
        devices = stack.add_devices(simulator, max_in_flight=16)
        job = stack.upload(1000, devices)
        job.wait_until_ended(60)
        job.rows()                   # [Row("51900000000", "sent", …)]

Everything is asked of the stack as its users would ask it, over HTTP; only proofs read the rows themselves.
"""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import requests
from redis import Redis

from config.stack.access import Access
from config.stack.places.layout import Layout
from config.stack.places.ports import free_port
from config.stack.supervision import processes
from config.stack.supervision.leftovers import identity
from config.stack.supervision.programs import REPOSITORY, Child
from tests.simulator_process import Simulator

# Every state that a recipient was ever in: proofs ask it what no snapshot may have seen, and failures tell it.
KEEP_LIVES = """
    CREATE TABLE chaos_life (
        recipient_id bigint, state text, error_code text, tries int, device_id bigint,
        at timestamptz DEFAULT clock_timestamp()
    );
    CREATE FUNCTION chaos_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO chaos_life SELECT id, state, error_code, tries, device_id FROM changed;
        RETURN NULL;
    END $$;
    CREATE TRIGGER chaos_note AFTER UPDATE ON jobs_recipient
        REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION chaos_note();
"""
START_SECONDS = 300
STOP_SECONDS = 120
GIVE_UP_SECONDS = 300  # on anything else: a whole stack on a machine that may be busy
NOT_OURS = {"DATABASE_URL", "REDIS_URL", "PORT", "PUBLIC_URL", "PG_BIN_DIR", "VALKEY_SERVER", "LOG_FORMAT", "DEBUG"}


T = TypeVar("T")


class NotInTimeError(AssertionError):
    """Something did not happen; the message says what was awaited and how things stand."""


def eventually(is_so: Callable[[], T | None], seconds: float, what: Callable[[], str], pause: float = 0.05) -> T:
    """Wait until `is_so` answers something true, and return that. A server that is down answers nothing."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if answer := is_so():
                return answer
        except (psycopg.OperationalError, requests.ConnectionError, requests.Timeout):
            pass
        if time.monotonic() > deadline:
            raise NotInTimeError(f"not within {seconds:.0f} s: {what()}")
        time.sleep(pause)


@dataclass(frozen=True, slots=True)
class Row:
    """A recipient as its row has it. `phone` without "+", as the simulator's ledger writes it."""

    phone: str
    state: str
    error_code: str
    tries: int
    unsent_tries: int
    accepted_risks: int


@dataclass
class SentJob:
    """A job that was uploaded."""

    stack: "Stack"
    uuid: str
    pk: int
    total: int
    title: str

    def now(self) -> dict[str, Any]:
        return dict(self.stack.get(f"/jobs/{self.uuid}"))

    def act(self, action: str) -> dict[str, Any]:
        """Ask for pause, resume or cancel."""
        return dict(self.stack.post(f"/jobs/{self.uuid}/{action}"))

    def states(self) -> dict[str, int]:
        with self.stack.database() as database:
            counted = database.execute(
                "SELECT state, count(*) FROM jobs_recipient WHERE job_id = %s GROUP BY state", (self.pk,)
            )
            return dict(counted.fetchall())

    def ended(self) -> int:
        """How many of its recipients have ended, as its counters say."""
        return int(self.stack.value("SELECT sent + failed FROM jobs_job WHERE id = %s", self.pk))

    def sent(self) -> int:
        return int(self.stack.value("SELECT sent FROM jobs_job WHERE id = %s", self.pk))

    def status(self) -> str:
        return str(self.stack.value("SELECT status FROM jobs_job WHERE id = %s", self.pk))

    def has_ended(self) -> bool:
        return bool(self.stack.value("SELECT finished_at IS NOT NULL FROM jobs_job WHERE id = %s", self.pk))

    def rows(self) -> list[Row]:
        with self.stack.database() as database:
            found = database.execute(
                "SELECT ltrim(phone, '+'), state, error_code, tries, unsent_tries, accepted_risks FROM jobs_recipient"
                " WHERE job_id = %s ORDER BY position",
                (self.pk,),
            )
            return [Row(*row) for row in found]

    def life(self, phone: str) -> str:
        """All that became of a recipient, in order."""
        with self.stack.database() as database:
            found = database.execute(
                "SELECT to_char(at AT TIME ZONE 'UTC', 'HH24:MI:SS.MS'), life.state, life.error_code, life.device_id"
                " FROM chaos_life AS life JOIN jobs_recipient AS recipient ON recipient.id = life.recipient_id"
                " WHERE recipient.job_id = %s AND recipient.phone = %s ORDER BY life.at",
                (self.pk, f"+{phone}"),
            ).fetchall()
        return ", ".join(f"{at} {state} {code or '-'} (device {device})" for at, state, code, device in found)

    def phones_ever(self, state: str) -> list[str]:
        """Those of its recipients that were ever in this state."""
        return self.stack.values(
            "SELECT DISTINCT ltrim(recipient.phone, '+') FROM chaos_life AS life JOIN jobs_recipient AS recipient"
            " ON recipient.id = life.recipient_id WHERE recipient.job_id = %s AND life.state = %s",
            self.pk,
            state,
        )

    def wait_until_ended(self, seconds: float = GIVE_UP_SECONDS) -> None:
        eventually(self.has_ended, seconds, lambda: f"job {self.pk} ended; it stands at {self.describe()}", pause=0.2)

    def wait_until(self, share: float, seconds: float = GIVE_UP_SECONDS) -> None:
        """Wait until this share of its recipients has ended."""
        eventually(
            lambda: self.ended() >= share * self.total,
            seconds,
            lambda: f"{share:.0%} of job {self.pk} ended; it stands at {self.describe()}",
        )

    def describe(self) -> str:
        """What stands in its way: states, chunks and lanes."""
        with self.stack.database() as database:
            job = database.execute(
                "SELECT status, state_reason, next_position, total, sent, failed FROM jobs_job WHERE id = %s",
                (self.pk,),
            ).fetchone()
            chunks = database.execute(
                'SELECT device_id, "start", "end" FROM jobs_chunk WHERE job_id = %s', (self.pk,)
            ).fetchall()
            waiting = database.execute(
                "SELECT phone, state, error_code, device_id, due_at FROM jobs_recipient"
                " WHERE job_id = %s AND state IN ('queued', 'sending', 'ambiguous') ORDER BY position LIMIT 5",
                (self.pk,),
            ).fetchall()
            lanes = database.execute("SELECT device_id, token, runner_id, next_slot_at FROM devices_lane").fetchall()
        return f"{job}, states {self.states()}, chunks {chunks}, first that wait {waiting}, lanes {lanes}"


class Stack:
    """Use as a context: leaving it ends every process, and says so if one was left behind."""

    def __init__(self, layout: Layout, **settings: str) -> None:
        self.layout = layout
        self.settings = settings
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._numbers = itertools.count(1)
        self._sessions: dict[int, psycopg.Connection[Any]] = {}  # by thread

    def __enter__(self) -> "Stack":
        inherited = {
            name: value for name, value in os.environ.items() if name not in NOT_OURS and not name.startswith("PG")
        }
        self.environ = {**inherited, **self.settings, "DATA_DIR": str(self.layout.data_dir), "PORT": str(self.port)}
        self.log = self.layout.data_dir / "launcher.log"
        with self.log.open("wb") as output:
            self._launcher = subprocess.Popen(
                [sys.executable, "-m", "config.stack", "run"],
                cwd=REPOSITORY,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_until_up()
            self._token = Access.of(self.layout).token
            with self.database() as database:
                database.execute(KEEP_LIVES)
            self.account_id = self.value("SELECT id FROM accounts_account WHERE name = %s", processes.ACCOUNT)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        left = self._stop()
        if error[0] is None:
            assert not left, f"processes were left behind: {left}"

    def _wait_until_up(self) -> None:
        def is_up() -> bool:
            text = self.log.read_text(errors="replace")
            if self._launcher.poll() is not None:
                raise RuntimeError(f"the stack did not start:\n{text[-3000:]}")
            return "Pregonero is running" in text

        eventually(is_up, START_SECONDS, lambda: self.log.read_text(errors="replace")[-3000:])

    def _stop(self) -> list[str]:
        """End the launcher, which ends the rest; kill and return whatever it left."""
        while self._sessions:
            self._sessions.popitem()[1].close()
        if self._launcher.poll() is None:
            self._launcher.send_signal(signal.SIGTERM)
        try:
            self._launcher.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._launcher.kill()
            self._launcher.wait()
        deadline = time.monotonic() + 10
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.05)
        said = [f"{process.pid} {process.command}" for process in left]
        for process in left:
            process.signal(signal.SIGKILL)
        return said

    # --- Asking over HTTP --------------------------------------------------------------------------

    def request(self, method: str, path: str, **more: Any) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False  # no proxy stands between this machine and itself
            headers = {"Authorization": f"Bearer {self._token}"}
            answer = session.request(method, self.url + path, headers=headers, timeout=120, **more)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer

    def get(self, path: str) -> Any:
        return self.request("GET", path).json()

    def post(self, path: str, **more: Any) -> Any:
        return self.request("POST", path, **more).json()

    def add_devices(self, simulator: Simulator, number: int, **fields: Any) -> list[int]:
        """Make a device for each of the simulator's first instances (`i-1`, …); they are connected then."""
        made = []
        for place in range(1, number + 1):
            device = self.post(
                f"/api/v1/accounts/{self.account_id}/devices",
                json={
                    "name": f"chaos {next(self._numbers)}",
                    "base_url": simulator.url,
                    "instance_name": f"i-{place}",
                    "token": simulator.token,
                    "messages_per_minute": None,
                    **fields,
                },
            )
            assert device["status"] == "connected", device
            made.append(device["id"])
        return made

    def retire(self, devices: Sequence[int]) -> None:
        """Switch devices off whose simulator goes."""
        for device in devices:
            self.request("PATCH", f"/api/v1/accounts/{self.account_id}/devices/{device}", json={"enabled": False})

    def upload(self, recipients: int, devices: Sequence[int], title: str = "chaos", **fields: str) -> SentJob:
        """Upload a file of so many recipients, to be sent through these devices only."""
        rows = "".join(f"+51{900_000_000 + number}|{title} {number}\n" for number in range(recipients))
        answer = self.post(
            "/messages/send-bulk-file",
            files={"file": ("chaos.csv", rows.encode())},
            data={
                "message": "Hola @valor1",
                "title": title,
                "devices": ",".join(map(str, devices)),
                "devices_limit": str(len(devices)),
                "canary": "false",  # what is done to a run would hold its jobs for a person, as it should
                **fields,
            },
        )
        uuid = answer["job"]["id"]
        return SentJob(self, uuid, int(self.value("SELECT id FROM jobs_job WHERE uuid = %s", uuid)), recipients, title)

    # --- Looking inside ------------------------------------------------------------------------------

    @contextmanager
    def database(self) -> Iterator["psycopg.Connection[Any]"]:
        """The calling thread's session, a new one where that has ended: polls ask many times a second."""
        thread = threading.get_ident()
        session = self._sessions.pop(thread, None)
        if session is not None and not _answers(session):
            session.close()
            session = None
        self._sessions[thread] = session = session or self.connect()
        yield session

    def connect(self) -> "psycopg.Connection[Any]":
        """A new session, which whoever asked for it closes."""
        return psycopg.connect(self.layout.database_url, autocommit=True, connect_timeout=5)

    def value(self, sql: str, *parameters: Any) -> Any:
        """The first column of the first row."""
        first, *_ = self.values(sql, *parameters)
        return first

    def values(self, sql: str, *parameters: Any) -> list[Any]:
        """The first column of every row."""
        with self.database() as database:
            return [row[0] for row in database.execute(sql, parameters)]

    def execute(self, sql: str, *parameters: Any) -> None:
        with self.database() as database:
            database.execute(sql, parameters)

    def broker(self) -> "Redis":
        return Redis.from_url(self.layout.redis_url, socket_timeout=5)

    def manage(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=REPOSITORY,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=GIVE_UP_SECONDS,
        )

    # --- Processes -----------------------------------------------------------------------------------

    def processes(self) -> list["Process"]:
        """Every living process of this stack, the launcher too."""
        return list(_processes_of(self.layout))

    def program(self, mark: str) -> "Process":
        """The program of the launcher's whose command line holds this; waits for one that restarts."""

        def found() -> Process | None:
            return next((child for child in _children_of(self._launcher.pid) if mark in child.command), None)

        return eventually(found, START_SECONDS, lambda: f"{mark} is running")

    def worker(self, queue: str) -> "Process":
        """The Celery worker of a queue, of which the pool's children are forks."""
        return self.program(f"{queue}@%h")

    def pool(self, queue: str) -> list["Process"]:
        """The children that do a queue's work."""
        return list(_children_of(self.worker(queue).pid))

    @contextmanager
    def second_helping(self) -> Iterator[None]:
        """Run two more workers and one more beat beside those there are; see `wait_for_six_workers`.

        From the main thread only: they end with the thread that started them.
        """
        environ = {**self.environ, **_environ_of(self.worker("lanes").pid)}
        children: list[Child] = []
        with (self.layout.data_dir / "second.log").open("ab") as output:
            try:
                programs = (*processes.workers(environ), processes.beat(environ))
                children += [Child(program, output.fileno()) for program in programs]
                yield
                assert all(child.is_alive for child in children), "one of the second helping died"
            finally:
                for child in children:
                    child.ask_to_stop()
                for child in children:
                    child.stop()

    def wait_for_six_workers(self) -> None:
        def are_listening() -> bool:
            with self.broker() as broker:
                return sum(str(client["cmd"]).startswith("brpop") for client in broker.client_list()) >= 6

        eventually(are_listening, START_SECONDS, lambda: "six workers listen")


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    command: str
    born: str  # tells it from a later process of the same number

    @classmethod
    def of(cls, pid: int) -> "Process | None":
        """Describe a process; None when it has ended."""
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            return None
        born = identity(pid)
        return cls(pid, command, born) if born else None

    @property
    def age_seconds(self) -> float:
        started = int(self.born.rpartition(" ")[2]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started

    def signal(self, signum: int) -> bool:
        """Send it a signal, unless it is gone."""
        if identity(self.pid) != self.born:
            return False
        try:
            os.kill(self.pid, signum)
        except ProcessLookupError:
            return False
        return True


def _answers(session: "psycopg.Connection[Any]") -> bool:
    try:
        session.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def _children_of(pid: int) -> Iterator[Process]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    yield from filter(None, (Process.of(int(child)) for child in children))


def _processes_of(layout: Layout) -> Iterator[Process]:
    mark = f"DATA_DIR={layout.data_dir}".encode()
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit() or int(directory.name) == os.getpid():
            continue
        try:
            belongs = mark in (directory / "environ").read_bytes().split(b"\0")
            # Servers write their titles over their environment.
            belongs = belongs or (directory / "cwd").readlink() in {layout.postgres_dir, layout.valkey_dir}
        except OSError:
            continue  # it has ended meanwhile, or is another user's
        if belongs and (process := Process.of(int(directory.name))):
            yield process


def _environ_of(pid: int) -> Mapping[str, str]:
    pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)
