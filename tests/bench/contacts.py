"""Contacts by the million: their import, counting and showing an audience, and freezing one into a job's recipients."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Account
from campaigns.audience import freezing
from campaigns.audience.conditions import Audience
from campaigns.imports import upload, work
from campaigns.launch import previewing
from campaigns.models import Campaign, CampaignRun, Contact, ContactImport
from campaigns.results import stamping
from jobs.models import Job, Recipient
from tests.bench.cpu import forget_own_peak, own_peak_megabytes
from tests.bench.report import Bar, Section, number
from tests.bench.sending import BrokenRun
from tests.factories import make_account, make_device

REPEATS = 7
LABELS = 20  # of each of two kinds: each contact has one of either
REGIONS = ("norte", "sur", "este", "oeste", "centro")
PLANS = ("basico", "pro", "vip", "ninguno")


def measure(rows: int) -> Section:
    """Import `rows` contacts, count and preview audiences of several sizes among them, and freeze all of them."""
    section = Section(f"{rows:,} contacts", ["what", "measured", "reference", "its figure", "ratio"])
    account = make_account()
    make_device(account, messages_per_minute=12)
    try:
        copied = _import(section, account, rows)
        _count(section, account, rows)
        job = _freeze(section, account, rows, copied)
        _stamp(section, job, rows, copied)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE campaigns_contact, campaigns_contactimport, jobs_job, devices_device CASCADE")
    return section


# --- Import ------------------------------------------------------------------------------------------


def _import(section: Section, account: Account, rows: int) -> float:
    """Return the seconds of the reference: the same rows, by INSERT … SELECT into a table with the same indexes."""
    row = upload.accept(account, None, _upload(rows))
    forget_own_peak()
    before = own_peak_megabytes()
    checked = _timed(lambda: _advance(row))
    upload.start(row)
    imported = _timed(lambda: _advance(row))
    memory = own_peak_megabytes() - before
    row.refresh_from_db()
    if (row.status, row.created_count, row.error_count) != (ContactImport.Status.COMPLETED, rows, 0):
        raise BrokenRun(f"import {row.status}: {row.created_count} of {rows}, {row.error_count} errors")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_contact (LIKE campaigns_contact INCLUDING ALL)")
        copied = _timed(lambda: cursor.execute("INSERT INTO bench_contact SELECT * FROM campaigns_contact"))
        cursor.execute("DROP TABLE bench_contact")
        cursor.execute("VACUUM ANALYZE campaigns_contact")
    section.rows.append(
        [
            "import of the CSV: every line checked, then written",
            f"{checked:.1f} s + {imported:.1f} s, memory {memory:+.0f} MB",
            "INSERT … SELECT into a table with the same indexes",
            f"{copied:.1f} s",
            number((checked + imported) / copied),
        ]
    )
    section.bars += [
        Bar(f"import of {rows:,} contacts", 120, imported, at_most=True, unit=" s"),
        Bar(f"memory of importing {rows:,} contacts", 200, memory, at_most=True, unit=" MB"),
    ]
    return copied


def _upload(rows: int) -> TemporaryUploadedFile:
    upload = TemporaryUploadedFile("contactos.csv", "text/csv", 0, "utf-8")
    upload.write(b"nombre;telefono;etiquetas;region;plan;edad\n")
    for start in range(0, rows, 10_000):
        upload.write("".join(_line(place) for place in range(start, min(start + 10_000, rows))).encode())
    upload.flush()
    upload.size = Path(upload.temporary_file_path()).stat().st_size
    return upload


def _line(place: int) -> str:
    labels = f"zona-{place % LABELS},grupo-{place // LABELS % LABELS}"
    rest = place // LABELS // LABELS
    region, plan = REGIONS[rest % len(REGIONS)], PLANS[rest // len(REGIONS) % len(PLANS)]
    return f"Persona {place};+{51_900_000_000 + place};{labels};{region};{plan};{18 + place % 63}\n"


def _advance(row: ContactImport) -> None:
    while work.advance(row.pk, time.monotonic() + 8.0):  # as a worker does
        pass
    row.refresh_from_db()


# --- Audiences ---------------------------------------------------------------------------------------


def _count(section: Section, account: Account, rows: int) -> None:
    with connection.cursor() as cursor:
        everybody = _median(lambda: cursor.execute("SELECT count(*) FROM campaigns_contact"))
    zones = [f"zona-{number}" for number in range(4)]
    audiences = {
        "of one label, region and plan": {
            "labels": ["zona-1"],
            "custom_attributes": {"region": "norte", "plan": "vip"},
        },
        "of one label and a plan": {"labels": ["zona-1"], "custom_attributes": {"plan": "vip"}},
        "of four labels": {"labels": zones},
        "of four labels, but for one region": {"labels": zones, "exclude": {"custom_attributes": {"region": "sur"}}},
        "of a comparison alone": {"custom_attributes": {"plan": {"op": "in", "value": ["pro", "vip"]}}},
    }
    for what, raw in audiences.items():
        audience = Audience.parse(raw)
        matched = freezing.count(account, audience).sendable
        seconds = _median(lambda audience=audience: freezing.count(account, audience))  # type: ignore[misc]
        campaign = Campaign(account=account, title="bench", message="Hola {{name}}", audience=raw, time_zone="UTC")
        whole = _median(lambda campaign=campaign: previewing.preview(campaign, timezone.now()))  # type: ignore[misc]
        section.rows.append(
            [
                f"counting {matched:,} {what}",
                f"{1000 * seconds:.0f} ms; with samples and estimate {1000 * whole:.0f} ms",
                "counting all contacts, whoever they are",
                f"{1000 * everybody:.0f} ms",
                number(seconds / everybody),
            ]
        )
        if rows == 1_000_000 and "comparison" not in what:
            wanted = 150 if matched <= 15_000 else 400
            section.bars.append(Bar(f"counting {matched:,} contacts", wanted, 1000 * seconds, at_most=True, unit=" ms"))


def _freeze(section: Section, account: Account, rows: int, copied: float) -> Job:
    audience = Audience.parse({"labels": [f"zona-{number}" for number in range(LABELS)]})
    job = Job.unscoped.create(account=account, message="Hola {{name}}", syntax="campaign", columns=["name"])
    forget_own_peak()
    before = own_peak_megabytes()
    with transaction.atomic(), connection.cursor() as cursor, _watching_server(cursor) as server:
        began = time.monotonic()
        counted = freezing.freeze(cursor, job, audience)
        seconds = time.monotonic() - began
    memory = own_peak_megabytes() - before + max(server) - server[0]
    if counted.sendable != rows:
        raise BrokenRun(f"{counted.sendable} of {rows} frozen")
    section.rows.append(
        [
            f"freezing {rows:,} into a job's recipients",
            f"{seconds:.1f} s, memory {memory:+.0f} MB, PostgreSQL's included",
            "INSERT … SELECT of the contacts",
            f"{copied:.1f} s",
            number(seconds / copied),
        ]
    )
    section.bars += [
        Bar(f"freezing {rows:,} recipients", 60, seconds, at_most=True, unit=" s"),
        Bar(f"memory of freezing {rows:,}", 150, memory, at_most=True, unit=" MB"),
    ]
    return job


def _stamp(section: Section, job: Job, rows: int, copied: float) -> None:
    """Note on all of them that they were written to."""
    campaign = Campaign.unscoped.create(account=job.account, title="bench", message="Hola", time_zone="UTC")
    CampaignRun.objects.create(campaign=campaign, scheduled_at=timezone.now(), job=job)
    Recipient.objects.filter(job=job).update(state="sent", sent_at=timezone.now())
    Job.unscoped.filter(pk=job.pk).update(finished_at=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE jobs_recipient")
    seconds = _timed(lambda: stamping.stamp(time.monotonic() + 3600))
    if Contact.unscoped.filter(last_sent_at=None).exists():
        raise BrokenRun("not all were stamped")
    section.rows.append(
        [
            f"noting on {rows:,} that they were written to",
            f"{seconds:.1f} s",
            "INSERT … SELECT of the contacts",
            f"{copied:.1f} s",
            number(seconds / copied),
        ]
    )


@contextmanager
def _watching_server(cursor: object) -> Iterator[list[float]]:
    """Megabytes of its own that this session's server process holds, again and again."""
    pid = connection.connection.info.backend_pid
    seen = [_private_megabytes(pid)]
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.02):
            seen.append(_private_megabytes(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        is_over.set()
        watcher.join()


def _private_megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _median(work: Callable[[], object]) -> float:
    return statistics.median(_timed(work) for _ in range(REPEATS))
