"""What the figures were taken on: without it they say nothing."""

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

import pycurl
from django.conf import settings
from django.db import connection
from redis import Redis


def describe() -> dict[str, str]:
    """Name and value of everything that explains a figure."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        postgres = cursor.fetchone()[0]
        cursor.execute(
            "SELECT string_agg(name || ' ' || setting, ', ' ORDER BY name) FROM pg_settings"
            " WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')"
        )
        durability = cursor.fetchone()[0]
    with Redis.from_url(settings.REDIS_URL) as redis:
        server = redis.info("server")
    return {
        "date": f"{datetime.now(tz=UTC):%Y-%m-%d %H:%M} UTC",
        "processor": f"{len(os.sched_getaffinity(0))} cores, {_processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB",
        "system": f"{platform.system()} {platform.release()}",
        "load before it began": ", ".join(f"{load:.1f}" for load in os.getloadavg()) + " (1, 5, 15 minutes)",
        "Python": platform.python_version(),
        "PostgreSQL": f"{postgres} ({durability})",
        "Valkey": str(server.get("valkey_version") or server["redis_version"]) + " (append-only)",
        "libcurl": pycurl.version_info()[1],
    }


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found.group(1) if found else platform.machine()
