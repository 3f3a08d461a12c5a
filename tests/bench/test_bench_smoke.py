"""The benchmark's smallest run: what it measures is done right. Nothing here is about how fast."""

import os
from typing import Any

import pytest
from django.db import connection

from config.stack.places.layout import Layout
from tests.bench import ours, raw, report
from tests.bench.sending import Shape

SMALLEST = Shape(latency_ms=0, devices=2, in_flight=4, messages=50)


@pytest.mark.django_db(transaction=True)
def test_a_run_sends_every_message_once_and_says_what_it_cost(settings: Any) -> None:
    layout = Layout(settings.DATA_DIR)
    database = f"{layout.database_url.replace('/pregonero?', '/' + connection.settings_dict['NAME'] + '?')}"

    bare = raw.measure(SMALLEST)
    run = ours.measure(SMALLEST, {**os.environ, "DATABASE_URL": database, "EGRESS_ALLOWED_CIDRS": "127.0.0.0/8"})

    section = report.runs_section("Smallest", [bare, run], [bare])
    assert section.rows[1][:5] == ["Pregonero", "0 ms", "2 × 4", "1", "50"]
    assert run.seconds > 0
    assert run.cpu.worker > 0
