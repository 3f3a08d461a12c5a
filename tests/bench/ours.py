"""The engine, as in production: Celery workers that run `jobs.tasks.run_lanes`, outcomes in PostgreSQL, events out."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from config.stack.supervision import processes
from config.stack.supervision.programs import Child
from jobs.models import Job
from jobs.states import JobStatus
from jobs.tasks import run_lanes
from tests.bench.cpu import Meter
from tests.bench.sending import (
    BrokenRun,
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

DESIGN = "Pregonero"


@contextmanager
def lanes_worker(number: int, environ: dict[str, str] | None = None) -> Iterator[Child]:
    """One Celery worker for the lanes' queue, with so many processes."""
    environment = {**(environ or os.environ), "WORKER_PROCESSES": str(number)}
    with running(processes.workers(environment)[0]) as worker:
        yield worker


def send(job: Job, worker: Child, processes_woken: int) -> float:
    """Wake the worker and wait for the job's end; return the seconds between, by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        began = cursor.fetchone()[0]
    for _ in range(processes_woken):
        run_lanes.delay()
    wait_until(lambda: Job.unscoped.filter(pk=job.pk).exclude(finished_at=None).exists(), worker)
    job.refresh_from_db()
    if (job.status, job.sent, job.failed) != (JobStatus.COMPLETED, job.total, 0):
        raise BrokenRun(f"the job ended {job.status}, {job.sent} of {job.total} sent")
    return float((job.finished_at - began).total_seconds())


def measure(shape: Shape, environ: dict[str, str] | None = None) -> Run:
    """Send one job; a small one before it has everything loaded and connected."""
    with gateway(shape) as simulator, lanes_worker(shape.workers, environ) as worker:
        devices = arrange_devices(simulator, shape)
        send(arrange_job(devices, 2 * shape.devices * shape.in_flight), worker, shape.workers)
        simulator.reset()
        job = arrange_job(devices, shape.messages)
        meter = Meter((worker.pid,), simulator.process.pid)
        before = meter.read()
        seconds = send(job, worker, shape.workers)
        cpu = meter.read() - before
        prove(simulator, job)
    empty_tables()
    return Run(DESIGN, shape, seconds, cpu)
