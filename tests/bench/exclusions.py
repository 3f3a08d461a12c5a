"""Exclusion lists by the million: loading them, plain and hashed, and what they cost an audience."""

import hashlib
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import connection, transaction

from accounts.audit import Actor
from accounts.models import Account
from campaigns.actions import exclusion_acts
from campaigns.audience import freezing
from campaigns.audience.conditions import Audience
from campaigns.imports import work
from campaigns.models import ContactImport
from jobs.exclusions import matching
from jobs.models import ExclusionList, Job
from tests.bench.cpu import forget_own_peak, own_peak_megabytes
from tests.bench.report import Bar, Section, number
from tests.bench.sending import BrokenRun
from tests.factories import make_account

REPEATS = 3
FIRST = 51_900_000_000
NAMED = 10  # of a hundred contacts, so many stand in each list
BATCH = 2_000  # of recipients that are read at once
EVERYBODY = Audience.parse({"labels": ["todos"]})


def measure(rows: int) -> Section:
    """Load two lists of `rows`, one of numbers and one of hashes, beside as many contacts; each names a tenth of them,
    and not the same."""
    section = Section(f"Two exclusion lists of {rows:,}", ["what", "measured", "reference", "its figure", "ratio"])
    account = make_account(default_country="PE")
    try:
        _contacts(account, rows)
        before = _median(lambda: _count(account, 0)), _median(lambda: _freeze(account, 0))
        named = rows * NAMED // 100
        for what, line, shift in (("numbers", str, 0), ("SHA-256 hashes", _hashed, named)):
            _load(section, account, rows, what, line, shift)
        after = _median(lambda: _count(account, 2 * named)), _median(lambda: _freeze(account, 2 * named))
        for what, plain, listed in zip(("counting", "freezing"), before, after, strict=True):
            section.rows.append(
                [
                    f"{what} {rows:,} contacts, a fifth of them on a list",
                    f"{listed:.2f} s",
                    "the same before there was a list",
                    f"{plain:.2f} s",
                    number(listed / plain),
                ]
            )
        section.bars.append(
            Bar("freezing with two lists ÷ without, CPU", 1.2, after[1] / before[1], at_most=True, unit="")
        )
        _turns(section, rows)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(
                "TRUNCATE campaigns_contact, campaigns_contactimport, jobs_job, jobs_exclusionlist, jobs_exclusionload,"
                " jobs_exclusionentry, jobs_exclusionhit CASCADE"
            )
    return section


def _contacts(account: Account, rows: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO campaigns_contact (account_id, phone, phone_key, name, email, labels, custom_attributes,
                opted_in_at, opted_in_source, opted_out_source)
            SELECT %s, '+' || (%s + n), '+' || (%s + n), 'Persona ' || n, '', '{todos}', '{}', now(), 'Feria', ''
            FROM generate_series(0, %s - 1) AS n
            """,
            (account.pk, FIRST, FIRST, rows),
        )
        cursor.execute("VACUUM ANALYZE campaigns_contact")


def _hashed(phone: int) -> str:
    return hashlib.sha256(f"+{phone}".encode()).hexdigest()


def _load(section: Section, account: Account, rows: int, what: str, line: Callable[[int], str], shift: int) -> None:
    """A list whose first tenth are contacts, from `shift` on; the others are nobody's."""
    file = TemporaryUploadedFile("lista.csv", "text/csv", 0, "utf-8")
    named = rows * NAMED // 100
    file.write(b"dato\n" if line is _hashed else b"telefono\n")
    for start in range(0, rows, 10_000):
        places = range(start, min(start + 10_000, rows))
        phones = [FIRST + shift + n if n < named else FIRST + 50_000_000 + shift + n for n in places]
        file.write("".join([line(phone) + "\n" for phone in phones]).encode())
    file.flush()
    file.size = Path(file.temporary_file_path()).stat().st_size
    forget_own_peak()
    before = own_peak_megabytes()
    row = exclusion_acts.create(Actor(account), ExclusionList(name=what, kind="repep"), file, None, {})
    cpu, began = _cpu(), time.monotonic()
    while work.advance(row.pk, time.monotonic() + 8.0):  # as a worker does
        pass
    seconds, cpu = time.monotonic() - began, _cpu() - cpu
    memory = own_peak_megabytes() - before
    row.refresh_from_db()
    if (row.status, row.created_count) != (ContactImport.Status.COMPLETED, rows):
        raise BrokenRun(f"list {row.status}: {row.created_count} of {rows}")
    section.rows.append(
        [
            f"loading {rows:,} {what}: checked, written, looked for among the contacts",
            f"{seconds:.1f} s, CPU {cpu:.1f} s, memory {memory:+.0f} MB",
            "",
            "",
            "",
        ]
    )
    section.bars.append(Bar(f"loading {rows:,} {what}", 60, seconds, at_most=True, unit=" s"))


def _count(account: Account, out: int) -> None:
    if freezing.count(account, EVERYBODY).excluded["excluded_by_list"] != out:
        raise BrokenRun("another number is left out")


def _freeze(account: Account, out: int) -> None:
    job = Job.unscoped.create(account=account, message="Hola", syntax="campaign", columns=["name"], kind="commercial")
    with transaction.atomic(), connection.cursor() as cursor:
        if freezing.freeze(cursor, job, EVERYBODY).excluded["excluded_by_list"] != out:
            raise BrokenRun("another number is left out")
        transaction.set_rollback(True)


def _turns(section: Section, rows: int) -> None:
    """What it costs to ask both lists as recipients are read."""
    loads = matching.loads_of(list(ExclusionList.unscoped.values_list("load_id", flat=True)))
    phones = [f"+{FIRST + n * (rows // BATCH)}" for n in range(BATCH)]
    with connection.cursor() as cursor:
        seconds = _median(lambda: matching.named(cursor, loads, phones))
    section.rows.append(
        [f"asking both for {BATCH:,} recipients as they are read", f"{1000 * seconds:.0f} ms", "", "", ""]
    )


def _cpu() -> float:
    """CPU seconds of this process and of its session's server."""
    return time.process_time() + _server_seconds()


def _server_seconds() -> float:
    fields = Path(f"/proc/{connection.connection.info.backend_pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _median(work: Callable[[], object]) -> float:
    """CPU seconds: the machine may be busy with others."""
    return statistics.median(_cost(work) for _ in range(REPEATS))


def _cost(work: Callable[[], object]) -> float:
    began = _cpu()
    work()
    return _cpu() - began
