"""The references: one Celery task a message, two worker processes, the same broker, database and gateway."""

import os
import sys
import time

from config import celery_app
from config.stack.supervision.programs import Child, Program
from devices.models import Device
from jobs.models import Job, Recipient
from jobs.states import JobStatus
from tests.bench.cpu import Meter
from tests.bench.sending import (
    Run,
    Shape,
    arrange_devices,
    arrange_job,
    empty_tables,
    gateway,
    prove,
    running,
    wait_until,
)

PROCESSES = 2
NAIVE = "naive"
CAREFUL = "careful naive"
_TASKS = {NAIVE: "send_naively", CAREFUL: "send_carefully"}
_SETTINGS = {NAIVE: "naive_settings", CAREFUL: "careful_settings"}
_WARM_UP = 20


def measure(design: str, latency_ms: int, messages: int) -> Run:
    """Queue a task for each of so many recipients; from the first to the last row that says `sent`."""
    # Each process has one request in flight; what the device would allow is of no concern here.
    shape = Shape(latency_ms, 1, PROCESSES, messages, workers=PROCESSES)
    with gateway(shape) as simulator, running(_worker(design)) as worker:
        devices = arrange_devices(simulator, shape)
        warm_up = _arrange(devices, _WARM_UP)
        _send(design, warm_up, worker)
        simulator.reset()
        job = _arrange(devices, messages)
        meter = Meter((worker.pid,), simulator.process.pid)
        before = meter.read()
        began = time.monotonic()
        _send(design, job, worker)
        seconds = time.monotonic() - began
        cpu = meter.read() - before
        prove(simulator, job)
    empty_tables()
    return Run(design, shape, seconds, cpu)


def _arrange(devices: tuple[Device, ...], messages: int) -> Job:
    job = arrange_job(devices, messages)
    Recipient.objects.filter(job=job).update(device=devices[0])
    Job.unscoped.filter(pk=job.pk).update(status=JobStatus.PENDING)  # no lane is to touch it
    return job


def _send(design: str, job: Job, worker: Child) -> None:
    for recipient_id in Recipient.objects.filter(job=job).values_list("pk", flat=True):
        celery_app.send_task(f"tests.bench.naive_tasks.{_TASKS[design]}", (recipient_id,), queue="naive")
    wait_until(lambda: not Recipient.objects.filter(job=job).exclude(state="sent").exists(), worker)


def _worker(design: str) -> Program:
    return Program(
        name="naive",
        argv=(
            *(sys.executable, "-W", "ignore:You're running the worker with superuser privileges"),
            *("-m", "celery", "-A", "tests.bench.naive_app", "--quiet"),
            *("worker", "-Q", "naive", "-n", "naive@%h", "-c", str(PROCESSES), "-l", "WARNING"),
        ),
        environ={**os.environ, "DJANGO_SETTINGS_MODULE": f"tests.bench.{_SETTINGS[design]}"},
        grace_seconds=5,
    )
