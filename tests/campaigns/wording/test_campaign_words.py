"""What campaigns say: every refusal is explained, every event shown, and no sentence has a gap left."""

import json
import string
from pathlib import Path

import pytest

from campaigns.live import events
from campaigns.results import figures
from campaigns.wording import wire
from devices.models import Device

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.mark.parametrize("code", wire.REFUSALS)
def test_every_refusal_is_explained_with_its_status(code):
    status, _ = wire.REFUSALS[code]
    assert [
        line
        for line in (DOCS / "errors.md").read_text().splitlines()
        if f"`{code}`" in line and f"| {status} |" in line
    ]


def test_every_complaint_about_a_field_is_explained():
    page = (DOCS / "errors.md").read_text()
    assert [code for code in wire.FIELDS if f"`{code}`" not in page] == []


def test_the_page_of_events_shows_what_is_sent():
    shown = [json.loads(line) for line in (DOCS / "events.md").read_text().splitlines() if line.startswith("{")]
    device = Device(pk=3, name="Ventas", status="disconnected", status_reason="instance_closed")
    assert events.subscribed(1) in shown
    assert events.device_changed(device) in shown
    [changed] = [event for event in shown if event["type"] == "campaign_changed"]
    assert changed == events.campaign_changed(7, "running", changed["delivery_stats"])
    stats = changed["delivery_stats"]
    assert list(stats) == list(figures.NO_STATS)
    assert stats["total"] == stats["pending"] + stats["sent"] + stats["failed"] + stats["suppressed"] + stats["unknown"]


def test_sentences_without_details_have_no_gaps():
    with_gaps = {
        code for code, (_, text) in wire.REFUSALS.items() if [f for _, f, *_ in string.Formatter().parse(text) if f]
    }
    assert with_gaps == {
        "campaign_impossible_move",
        "phones_invalid",
        "campaign_status_invalid",
        "notifications_invalid",
    }
