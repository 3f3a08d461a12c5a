"""The link to WhatsApp, as Evolution API's webhook tells it: the event `connection.update`.

    {"event": "connection.update", "instance": "t1", "data": {"instance": "t1", "state": "open", "statusReason": 200},
     "date_time": "2026-11-27T09:39:35.227Z", …}

A link that is lost and had again tells `connecting` and, 130 ms later, `open`; `close` comes only where a phone must
link it anew. `date_time` is the server's local time, labelled UTC. After `delete` a stray `connecting` may follow.
"""

from datetime import UTC, datetime
from typing import Final

from devices.gateway.base import LinkNews
from devices.gateway.evolution.webhook_events import event_name

EVENT: Final = "connection.update"


def link_news(event: object) -> LinkNews | None:
    if not isinstance(event, dict) or event_name(event) != EVENT:
        return None
    data, instance = event.get("data"), event.get("instance")
    state = data.get("state") if isinstance(data, dict) else None
    name = instance if isinstance(instance, str) and instance.isprintable() else ""
    return LinkNews(state == "open", name, _moment(event.get("date_time")))


def _moment(written: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(written) if isinstance(written, str) else None
    except ValueError:
        return None
    if moment is None or moment.tzinfo is None or not 2000 <= moment.year <= 9000:
        return None
    return moment.astimezone(UTC)
