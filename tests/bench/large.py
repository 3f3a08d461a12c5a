"""A job of a million recipients: its import, its pages, and what sending its first and its last part takes."""

import statistics
import time
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from config.stack.supervision.programs import Child
from jobs.intake import importing
from jobs.models import Job, JobDevice, OnDuplicate
from jobs.states import JobStatus
from tests.bench import pages
from tests.bench.cpu import Meter, forget_own_peak, own_peak_megabytes, peak_megabytes
from tests.bench.ours import lanes_worker, send
from tests.bench.report import Bar, Section, number
from tests.bench.sending import BrokenRun, Run, Shape, arrange_devices, arrange_job, empty_tables, gateway, prove
from tests.factories import make_account
from tests.simulator_process import Simulator

COPIED_AT_ONCE = 1_000
PART = 10_000  # recipients whose sending is timed at either end of the job
ONE_DEVICE = Shape(0, 1, 64, PART)


def measure(rows: int, rounds: int) -> Section:
    """Import, look at, and send both ends of one job; memory and time beside a small job and the first part."""
    section = Section(f"A job of {rows:,} recipients", ["what", "measured", "reference", "its figure", "ratio"])
    copied = _copy(rows)
    job, imported, memory = _import(rows)
    section.rows.append(
        [
            "import of the file: reading, checking, COPY, counting",
            f"{imported:.1f} s, {rows / imported:,.0f} rows/s, memory {memory:+.0f} MB",
            "plain COPY of prepared lines into the same table",
            f"{copied:.1f} s, {rows / copied:,.0f} rows/s",
            number(imported / copied),
        ]
    )
    section.bars.append(Bar(f"import of {rows:,} rows", 60, imported, at_most=True, unit=" s"))
    section.rows += pages.measure(job)
    _send_both_ends(section, job, rounds)
    empty_tables()
    return section


# --- Sending -----------------------------------------------------------------------------------------


def _send_both_ends(section: Section, job: Job, rounds: int) -> None:
    small = _peak_of_small_job()
    with gateway(ONE_DEVICE) as simulator, lanes_worker(1) as worker:
        devices = arrange_devices(simulator, ONE_DEVICE)
        send(arrange_job(devices, 500), worker, 1)
        JobDevice.objects.create(job=job, device=devices[0])
        meter = Meter((worker.pid,), simulator.process.pid)
        _mark_all_sent(job)
        first, last = [], []
        for turn in range(rounds):
            first.append(_send_part(job, turn * PART, meter, worker, simulator))
            last.append(_send_part(job, job.total - (rounds - turn) * PART, meter, worker, simulator))
        large = peak_megabytes([worker.pid])
    rows = f"{job.total:,}"
    ratio = statistics.median(late.seconds / early.seconds for early, late in zip(first, last, strict=True))
    section.rows.append(
        [
            f"the last {PART:,} of {rows} sent",
            _part(last),
            f"the first {PART:,}, in turn, {rounds} times; the median",
            _part(first),
            number(ratio),
        ]
    )
    section.rows.append(
        [
            f"memory of a worker process, job of {rows}",
            f"{large:.1f} MB",
            f"job of {PART:,}",
            f"{small:.1f} MB",
            f"{large - small:+.1f} MB",
        ]
    )
    section.bars.append(Bar(f"time of the last {PART:,} ÷ the first, of {rows}", 1.3, ratio, at_most=True))
    section.bars.append(Bar(f"worker's memory, {rows} over {PART:,}", 15, large - small, at_most=True, unit=" MB"))


def _send_part(job: Job, skipped: int, meter: Meter, worker: Child, simulator: Simulator) -> Run:
    simulator.reset()
    _leave_only(job, skipped)
    before = meter.read()
    seconds = send(Job.unscoped.get(pk=job.pk), worker, 1)
    cpu = meter.read() - before
    prove(simulator, job, first=skipped, number=PART)
    return Run("Pregonero", ONE_DEVICE, seconds, cpu)


def _part(runs: list[Run]) -> str:
    run = sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]
    cpu = run.per_1000
    return f"{1000 * run.seconds / PART:.3f} ms a message; CPU {cpu.worker:.3f} + {cpu.postgres:.3f} s per 1,000"


def _peak_of_small_job() -> float:
    with gateway(ONE_DEVICE) as simulator, lanes_worker(1) as worker:
        send(arrange_job(arrange_devices(simulator, ONE_DEVICE), PART), worker, 1)
        return peak_megabytes([worker.pid])


def _mark_all_sent(job: Job) -> None:
    """As if the whole job had gone out: each part that is measured is then given back, and the rest is as it was."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE jobs_recipient SET state = 'sent', tries = 1, tried_at = now(), sent_at = now() WHERE job_id = %s",
            (job.pk,),
        )
        cursor.execute("VACUUM ANALYZE jobs_recipient")


def _leave_only(job: Job, skipped: int) -> None:
    """Have the PART recipients after so many wait to be sent, and no others."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE jobs_recipient SET state = 'queued', tries = 0, error_code = ''"
            " WHERE job_id = %s AND position >= %s AND position < %s",
            (job.pk, skipped, skipped + PART),
        )
    Job.unscoped.filter(pk=job.pk).update(
        status=JobStatus.PROCESSING,
        sent=job.total - PART,
        failed=0,
        next_position=skipped,
        started_at=Now(),
        finished_at=None,
    )
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")


# --- Import ------------------------------------------------------------------------------------------


def _copy(rows: int) -> float:
    """Seconds of COPY alone, its lines made before."""
    job = Job.unscoped.create(account=make_account(), message="", total=rows)
    batches = [
        "".join(
            f"{job.pk}\t{place}\t{_phone(place)}\t{{Persona {place},{place % 9973}}}\tqueued\t\n"
            for place in range(start, min(start + COPIED_AT_ONCE, rows))
        )
        for start in range(0, rows, COPIED_AT_ONCE)
    ]
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        began = time.monotonic()
        columns = '"job_id", "position", "phone", "values", "state", "error_code"'
        with cursor.copy(f"COPY jobs_recipient ({columns}) FROM STDIN") as copy:
            for batch in batches:
                copy.write(batch)
        seconds = time.monotonic() - began
    empty_tables()
    return seconds


def _import(rows: int) -> tuple[Job, float, float]:
    """The job, seconds, and by how many MB this process grew at its largest."""
    name = f"bench-{rows}.csv"
    with Path(settings.UPLOAD_DIR, name).open("w") as file:
        file.writelines(f"{_phone(place)}|Persona {place}|{place % 9973}\n" for place in range(rows))
    job = Job.unscoped.create(
        account=make_account(),
        message="Hola @valor1, tu código es @valor2",
        total=rows,
        upload_name=name,
        on_duplicate=OnDuplicate.SKIP_ROW,
    )
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
    forget_own_peak()
    before = own_peak_megabytes()
    began = time.monotonic()
    importing.import_slice(job.pk, began + 3600)
    seconds = time.monotonic() - began
    memory = own_peak_megabytes() - before
    job.refresh_from_db()
    if job.imported != rows or job.imported_at is None or job.failed:
        raise BrokenRun(f"{job.imported} of {rows} rows imported, {job.failed} failed")
    return job, seconds, memory


def _phone(place: int) -> str:
    return f"+{51_900_000_000 + place}"
