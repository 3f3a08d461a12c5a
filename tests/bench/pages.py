"""The API's lists beside a large job: milliseconds of a whole request, and how many rows PostgreSQL looked at."""

import statistics
import time
from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import ApiToken
from jobs.models import Job
from jobs.states import JobStatus
from tests.bench.report import number
from tests.bench.sending import BrokenRun
from tests.factories import make_member

OTHER_JOBS = 5_000
REPEATS = 9


def measure(job: Job) -> list[list[str]]:
    """Rows for the table of a large job: what, its figure, the reference, its figure, ratio."""
    _, token = ApiToken.issue(make_member(job.account), "bench")
    client = Client(SERVER_NAME="127.0.0.1", headers={"authorization": f"Bearer {token}"})
    Job.unscoped.bulk_create(
        [Job(account=job.account, message="", total=1, status=JobStatus.COMPLETED) for _ in range(OTHER_JOBS)]
    )
    with connection.cursor() as cursor:
        # A few failures, spread over the file: what somebody filters for.
        cursor.execute(
            "UPDATE jobs_recipient SET state = 'failed', error_code = 'not_on_whatsapp'"
            " WHERE job_id = %s AND position %% 10000 = 9999",
            (job.pk,),
        )
        cursor.execute("ANALYZE jobs_recipient, jobs_job")
    deep = job.total - 200
    offset = _offset_page(job, deep)
    recipients = f"/jobs/{job.uuid}/recipients"
    pages = {
        f"GET /jobs, of {OTHER_JOBS + 1:,}": "/jobs",
        "GET recipients, first page": recipients,
        "GET recipients, last page": f"{recipients}?cursor={deep}",
        "GET recipients, the few that failed": f"{recipients}?state=failed",
        "GET recipients, a phone that begins with +519…": f"{recipients}?search=%2B{51_900_000_000 + deep}",
        "GET recipients, a phone that contains …": f"{recipients}?search={900_000_000 + deep}",
    }
    rows = []
    for what, path in pages.items():
        milliseconds, seen = _page(client, path)
        rows.append(
            [
                what,
                f"{milliseconds:.1f} ms, {seen:,} rows looked at",
                "the last page by OFFSET, in SQL alone",
                f"{offset:.1f} ms",
                number(milliseconds / offset),
            ]
        )
    return rows


def _page(client: Client, path: str) -> tuple[float, int]:
    """Milliseconds (median) and rows looked at."""
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        answer = client.get(path)
        taken.append(1000 * (time.perf_counter() - began))
        if answer.status_code != 200:
            raise BrokenRun(f"{path}: {answer.status_code}")
    with CaptureQueriesContext(connection) as captured:
        client.get(path)
    queries = [query["sql"] for query in captured if 'FROM "jobs_' in query["sql"]]
    return statistics.median(taken), sum(_rows_seen(query) for query in queries)


def _rows_seen(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query.replace('%', '%%')}")
        return sum(
            round((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
            for node in _nodes(cursor.fetchone()[0][0]["Plan"])
            if "Scan" in node["Node Type"]
        )


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _offset_page(job: Job, offset: int) -> float:
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        list(job.recipients.in_order()[offset : offset + 101])
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken)
