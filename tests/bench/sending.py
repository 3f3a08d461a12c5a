"""One run of sending: who sends, what came of it, and the proof that it did what it says."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from config.stack.places.layout import Layout
from config.stack.supervision.programs import Child, Program
from devices.models import Device
from jobs.models import Job
from tests.bench import own_engines
from tests.bench.cpu import Cpu
from tests.factories import make_account, make_device, make_job
from tests.simulator_process import Simulator, start_simulator

PATIENCE_SECONDS = 120.0
# About what a notice to a customer is long; it ends in what makes each text another.
MESSAGE = "Hola @valor1, tu pedido está listo. Pasa por la tienda de lunes a viernes entre las 9 y las 18. Gracias."


class BrokenRun(Exception):
    """A run that lost, doubled or left something: its figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a run is asked to do. `in_flight` is for each device."""

    latency_ms: int
    devices: int
    in_flight: int
    messages: int
    workers: int = 1

    def __str__(self) -> str:
        return f"{self.devices} × {self.in_flight}"


@dataclass(frozen=True, slots=True)
class Run:
    """What came of it. `seconds` from the wake-up to the job's last commit; `cpu` in that time."""

    design: str
    shape: Shape
    seconds: float
    cpu: Cpu

    @property
    def per_second(self) -> float:
        return self.shape.messages / self.seconds

    @property
    def per_1000(self) -> Cpu:
        """CPU seconds for 1,000 messages."""
        share = 1000 / self.shape.messages
        return Cpu(self.cpu.worker * share, self.cpu.postgres * share, self.cpu.simulator * share)


@contextmanager
def gateway(shape: Shape) -> Iterator[Simulator]:
    """A simulator of its own for one run, with an instance for each device."""
    names = [f"demo-{number}" for number in range(1, shape.devices + 1)]
    with start_simulator(*names, arguments=["--latency", str(shape.latency_ms), "--keep-alive", "60"]) as simulator:
        yield simulator


@contextmanager
def running(program: Program) -> Iterator[Child]:
    """A worker or a server for the time of one run."""
    log_dir = Layout(settings.DATA_DIR).log_dir
    log_dir.mkdir(exist_ok=True)
    child = own_engines.start(program, log_dir)
    try:
        own_engines.wait_until_ready(child)
        yield child
    finally:
        child.stop()


def arrange_devices(simulator: Simulator, shape: Shape) -> tuple[Device, ...]:
    account = make_account()
    return tuple(
        make_device(account, simulator.url, instance_name=f"demo-{number}", max_in_flight=shape.in_flight)
        for number in range(1, shape.devices + 1)
    )


def arrange_job(devices: Sequence[Device], recipients: int) -> Job:
    """A job under way, all of whose recipients wait, through these devices."""
    job = make_job(devices[0].account, recipients, tuple(devices), message=MESSAGE)
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")  # each run begins with as little for the server to write down
    return job


def empty_tables() -> None:
    """Forget all jobs and devices, so that no run works beside another's rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE jobs_recipient, jobs_job, jobs_jobdevice, jobs_chunk, jobs_sentmessage, jobs_parkedreceipt,"
            " devices_device, devices_lane CASCADE"
        )


def wait_until(is_done: Callable[[], bool], worker: Child, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Raises BrokenRun where it takes too long, or nobody is there any more to do it."""
    deadline = time.monotonic() + patience_seconds
    while not is_done():
        if not worker.is_alive or time.monotonic() > deadline:
            log = Layout(settings.DATA_DIR).log_dir / f"{worker.program.name}.log"
            raise BrokenRun(f"not done; the worker's last words:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.05)


def prove(simulator: Simulator, job: Job, *, first: int = 0, number: int | None = None) -> None:
    """Raises BrokenRun unless each recipient (`number` of them, from `first` on) got its message once.

    By both sides' books: the gateway's ledger and our rows.
    """
    number = job.total if number is None else number
    ledger = simulator.ledger()
    accepted = (ledger["accepted"], ledger["distinct"])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM jobs_recipient"
            " WHERE job_id = %s AND position >= %s AND position < %s AND state = 'sent'",
            (job.pk, first, first + number),
        )
        sent = cursor.fetchone()[0]
    if accepted != (number, number) or sent != number:
        raise BrokenRun(f"{number} to send: {sent} say sent, the gateway {accepted} (accepted, distinct)")
