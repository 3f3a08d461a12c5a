"""What Evolution API's webhooks say of the link to WhatsApp."""

from datetime import UTC, datetime
from typing import Any

import pytest

from devices.gateway.base import LinkNews
from devices.gateway.evolution.connection_updates import link_news

AT = datetime(2026, 11, 27, 9, 39, 35, 227000, tzinfo=UTC)


def event(state: object = "open", **more: Any) -> dict[str, Any]:
    """As a real 2.3.7 posted it."""
    return {
        "event": "connection.update",
        "instance": "t1",
        "data": {"instance": "t1", "state": state, "statusReason": 200},
        "date_time": "2026-11-27T09:39:35.227Z",
        **more,
    }


@pytest.mark.parametrize("state", ["open", "connecting", "close", "refused", None, 1])
def test_only_open_is_open(state: object) -> None:
    assert link_news(event(state)) == LinkNews(state == "open", "t1", AT)


def test_other_spellings_and_other_events() -> None:
    assert link_news(event(event="CONNECTION_UPDATE")) is not None
    assert link_news(event(event="messages.update")) is None
    assert link_news(event(data=None)) == LinkNews(is_open=False, instance="t1", at=AT)


@pytest.mark.parametrize(
    "written", [None, 5, "soon", "2026-11-27T09:39:35", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"]
)
def test_a_time_that_is_none_is_none(written: object) -> None:
    news = link_news(event(date_time=written))
    assert news is not None
    assert news.at is None


@pytest.mark.parametrize("name", [None, 5, "\0", "\ud800"])
def test_a_name_that_is_none_is_none(name: object) -> None:
    news = link_news(event(instance=name))
    assert news is not None
    assert news.instance == ""
