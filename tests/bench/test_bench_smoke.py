"""The benchmark's smallest run: what it measures is done right. Nothing here is about how fast."""

import os
from typing import Any

import pytest
from django.db import connection

from config.stack.places.layout import Layout
from tests.bench import fleet, ours, raw, report
from tests.bench.fleet import Fleet, Times
from tests.bench.sending import Shape

SMALLEST = Shape(latency_ms=0, devices=2, in_flight=4, messages=50)


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def environ(settings: Any) -> dict[str, str]:
    """What workers need to work for the test's own database."""
    layout = Layout(settings.DATA_DIR)
    database = f"{layout.database_url.replace('/pregonero?', '/' + connection.settings_dict['NAME'] + '?')}"
    return {**os.environ, "DATABASE_URL": database, "EGRESS_ALLOWED_CIDRS": "127.0.0.0/8"}


def test_a_run_sends_every_message_once_and_says_what_it_cost(environ: dict[str, str]) -> None:
    bare = raw.measure(SMALLEST)
    run = ours.measure(SMALLEST, environ)

    section = report.runs_section("Smallest", [bare, run], [bare])
    assert section.rows[1][:5] == ["Pregonero", "0 ms", "2 × 4", "1", "50"]
    assert run.seconds > 0
    assert run.cpu.worker > 0


def test_a_fleet_is_watched_and_proven(environ: dict[str, str]) -> None:
    """Five devices on one host."""
    run = fleet.measure(Fleet(5, per_minute=300, processes=1), Times(settling=0.5, window=1), environ)

    assert len(run.shares) == 5
    assert run.sent > 0
    assert run.most_in_a_minute <= 300
    assert run.cost.lanes > 0
    assert len(run.row()) == len(fleet.HEADER)
