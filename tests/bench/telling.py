"""Customers' own systems: what it costs to write an event down with a million waiting, and how fast they are told.

What is measured counts only if every event is delivered, and at its first try.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connection
from django.db.models.functions import Now

from accounts.models import Account
from devices.endpoints import signatures
from devices.endpoints.caller import Caller
from devices.models import Delivery, WebhookEndpoint
from tests.bench.cpu import postgres_seconds
from tests.bench.report import Bar, Section, number
from tests.bench.sending import BrokenRun, empty_tables
from tests.factories import make_account

WRITTEN: Final = 1_000


@contextmanager
def receiver() -> Iterator[str]:
    program = [sys.executable, "-m", "tests.bench.receiver"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/hooks"
        process.terminate()


def measure(events: int, waiting: int) -> Section:
    """Write events down beside so many that wait; tell so many to one endpoint, alone and beside one that is dead."""
    section = Section("Customers' own systems", ["what", "events", "measured", "CPU s per 1,000: caller + PostgreSQL"])
    account = make_account()
    with receiver() as url:
        place = _endpoint(account, url)
        _fill(account, place, waiting)
        times = _write_down(account)
        section.rows.append(
            [
                f"written down, {waiting:,} waiting",
                f"{WRITTEN:,}",
                f"{times[WRITTEN // 2]:.2f} ms, 95 %: {times[int(0.95 * WRITTEN)]:.2f} ms",
                "–",
            ]
        )
        _forget()
        alone = _tell(section, account, place, events, "told to one endpoint")
        dead = _endpoint(account, "http://127.0.0.1:1/closed")
        beside = _tell(section, account, place, events, "likewise, beside one that is dead")
        dead.delete()
    empty_tables()
    section.bars = [
        Bar("95 % of events written down, 1,000,000 waiting", 5, times[int(0.95 * WRITTEN)], at_most=True, unit=" ms"),
        Bar("events/s to one endpoint", 1000, alone),
        Bar("the same beside a dead one ÷ alone", 0.9, beside / alone),
    ]
    return section


def _endpoint(account: Account, url: str) -> WebhookEndpoint:
    place: WebhookEndpoint = WebhookEndpoint.unscoped.create(account=account, url=url, secret=signatures.new_secret())
    return place


def _fill(account: Account, place: WebhookEndpoint, number_of: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH told AS (
                INSERT INTO devices_outgoingevent (account_id, type, data, happened_at)
                SELECT %s, 'job.started', jsonb_build_object('n', n), now() FROM generate_series(1, %s) AS n
                RETURNING id
            )
            INSERT INTO devices_delivery (endpoint_id, event_id, due_at) SELECT %s, id, now() FROM told
            """,
            (account.pk, number_of, place.pk),
        )
        cursor.execute("ANALYZE devices_outgoingevent, devices_delivery")


def _forget() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE devices_outgoingevent, devices_delivery, devices_deliveryattempt")


def _write_down(account: Account) -> list[float]:
    """Milliseconds of each, commit included, the shortest first."""
    found = []
    with connection.cursor() as cursor:
        for place in range(WRITTEN):
            began = time.monotonic()
            cursor.execute("SELECT tell_outside(%s, 'job.started', jsonb_build_object('n', %s))", (account.pk, place))
            found.append(1000 * (time.monotonic() - began))
    return sorted(found)


def _tell(section: Section, account: Account, place: WebhookEndpoint, events: int, what: str) -> float:
    _fill(account, place, events)
    for other in WebhookEndpoint.unscoped.exclude(pk=place.pk):
        _fill(account, other, 1_000)
    Delivery.unscoped.update(due_at=Now())
    caller = Caller()
    began, cpu, database = time.monotonic(), time.process_time(), postgres_seconds()
    try:
        while place.deliveries.filter(due_at__isnull=False).exists():
            caller.run(0.1)
            if time.monotonic() - began > 300:
                raise BrokenRun("it does not come to an end")
    finally:
        caller.close()
    seconds = time.monotonic() - began
    if (told := place.deliveries.filter(state="delivered", tries=1).count()) != events:
        raise BrokenRun(f"{told} of {events} were told at the first try")
    cost = f"{1000 * (time.process_time() - cpu) / events:.3f} + {1000 * (postgres_seconds() - database) / events:.3f}"
    section.rows.append([what, f"{events:,}", f"{number(events / seconds)} a second", cost])
    _forget()
    return events / seconds
