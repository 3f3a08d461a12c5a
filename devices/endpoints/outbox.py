"""Events and their deliveries: which are due, and what came of them.

Events are written by triggers (`tell_outside`), in the transaction of what they tell, once for each account that has an
endpoint for them. Whoever calls takes a delivery for a while first: should it die, others find it due again.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now

from devices.endpoints.event_types import TEST
from devices.endpoints.outcomes import Outcome
from devices.models import Delivery, OutgoingEvent, WebhookEndpoint
from devices.states import DeliveryState

TAKEN_FOR_SECONDS: Final = 60.0  # longer than a call may take
KEPT_FOR: Final = timedelta(days=30)
FORGOTTEN_AT_ONCE: Final = 5_000


@dataclass(frozen=True, slots=True)
class Due:
    """An event that is to be told to an endpoint now."""

    delivery_id: int
    endpoint_id: int
    tries: int
    message_id: str
    body: bytes  # the same at each try


@dataclass(frozen=True, slots=True)
class Called:
    """What came of a call, and when the delivery is tried again: not any more where it is delivered or given up."""

    due: Due
    outcome: Outcome
    at: datetime
    milliseconds: int
    next_try: datetime | None


def endpoints_with_work() -> list[int]:
    """Those that may be called now, and have something due."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT endpoint.id FROM devices_webhookendpoint AS endpoint
            WHERE enabled AND coalesce(paused_until <= statement_timestamp(), true) AND EXISTS (
                SELECT FROM devices_delivery WHERE endpoint_id = endpoint.id AND due_at <= statement_timestamp()
            )
            """
        )
        return [endpoint_id for (endpoint_id,) in cursor.fetchall()]


def take(rooms: Mapping[int, int]) -> list[Due]:
    """Take what is due, the oldest first: for each endpoint as many as it has room for."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Whoever loses it calls twice, with one id: so much a commit may wait for.
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute(
            """
            WITH due AS (
                SELECT one.id FROM unnest(%s::bigint[], %s::int[]) AS given (endpoint_id, room) CROSS JOIN LATERAL (
                    SELECT delivery.id FROM devices_delivery AS delivery
                    WHERE delivery.endpoint_id = given.endpoint_id AND due_at <= statement_timestamp()
                    ORDER BY due_at, delivery.id LIMIT given.room FOR NO KEY UPDATE SKIP LOCKED
                ) AS one
            ), taken AS (
                UPDATE devices_delivery AS delivery
                SET due_at = statement_timestamp() + %s * interval '1 second'
                FROM due WHERE delivery.id = due.id
                RETURNING delivery.id, delivery.endpoint_id, delivery.tries, delivery.event_id
            )
            SELECT taken.id, taken.endpoint_id, taken.tries, event.id, event.uuid, event.account_id, event.type,
                event.happened_at, event.data
            FROM taken JOIN devices_outgoingevent AS event ON event.id = taken.event_id ORDER BY taken.id
            """,
            (list(rooms), list(rooms.values()), TAKEN_FOR_SECONDS),
        )
        return [
            Due(delivery_id, endpoint_id, tries, message_id(uuid), body_of(seq, account_id, kind, at, data))
            for delivery_id, endpoint_id, tries, seq, uuid, account_id, kind, at, data in cursor.fetchall()
        ]


def message_id(uuid: UUID) -> str:
    return f"msg_{uuid.hex}"


def body_of(seq: int, account_id: int, kind: str, at: datetime, data: Any) -> bytes:
    """What is signed and sent. `data` may come as JSON's text."""
    content = {
        "type": kind,
        "timestamp": at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "account_id": account_id,
        "seq": seq,
        "data": json.loads(data) if isinstance(data, str) else data,
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def record(calls: Sequence[Called]) -> None:
    """Note what came of calls. One whose delivery is gone meanwhile, with its endpoint, changes nothing."""
    rows = [
        {
            "delivery_id": one.due.delivery_id,
            "state": _state(one),
            "tries": one.due.tries + 1,
            "due_at": one.next_try and one.next_try.isoformat(),
            "status": one.outcome.status,
            "error": one.outcome.error,
            "answer": one.outcome.answer,
            "milliseconds": one.milliseconds,
            "at": one.at.isoformat(),
        }
        for one in calls
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute(
            """
            WITH given AS MATERIALIZED (
                SELECT * FROM json_to_recordset(%s) AS given (delivery_id bigint, state text, tries int,
                    due_at timestamptz, status int, error text, answer text, milliseconds int, at timestamptz)
            ), noted AS (
                UPDATE devices_delivery AS delivery
                SET state = given.state, tries = given.tries, due_at = given.due_at, last_status = given.status,
                    last_error = given.error, ended_at = CASE WHEN given.due_at IS NULL THEN statement_timestamp() END
                FROM given WHERE delivery.id = given.delivery_id
                RETURNING delivery.id
            )
            INSERT INTO devices_deliveryattempt (delivery_id, at, status, error, answer, milliseconds)
            SELECT given.delivery_id, at, status, error, answer, milliseconds
            FROM given JOIN noted ON noted.id = given.delivery_id ORDER BY given.delivery_id
            """,
            (json.dumps(rows),),
        )


def _state(called: Called) -> DeliveryState:
    if called.outcome.is_delivered:
        return DeliveryState.DELIVERED
    return DeliveryState.FAILED if called.next_try is None else DeliveryState.WAITING


def tell_test(endpoint: WebhookEndpoint) -> Delivery:
    """Have one endpoint told that this is a test."""
    with transaction.atomic():
        event = OutgoingEvent.unscoped.create(
            account_id=endpoint.account_id, type=TEST, data={"endpoint_id": endpoint.pk}
        )
        delivery: Delivery = Delivery.unscoped.create(endpoint=endpoint, event=event)
    delivery.refresh_from_db()
    return delivery


def replay(deliveries: Any) -> int:
    """Have these told again, from the first try on; return how many. Those that wait anyway are told at once."""
    return int(deliveries.update(state=DeliveryState.WAITING, tries=0, due_at=Now(), ended_at=None))


def failed_since(endpoint: WebhookEndpoint, since: datetime) -> Any:
    """Deliveries that were given up, of what happened since."""
    return endpoint.deliveries.filter(state=DeliveryState.FAILED, event__happened_at__gte=since)


def forget_old(now: datetime) -> int:
    """Delete events that happened long ago, with what came of them; return how many."""
    forgotten = 0
    while ids := list(
        OutgoingEvent.unscoped.filter(happened_at__lt=now - KEPT_FOR).values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE]
    ):
        OutgoingEvent.unscoped.filter(pk__in=ids).delete()
        forgotten += len(ids)
    return forgotten


def note_endpoint(endpoint_id: int, failures: int, since: datetime | None, until: datetime | None) -> None:
    """Note how an endpoint stands."""
    WebhookEndpoint.unscoped.filter(pk=endpoint_id).update(failures=failures, failing_since=since, paused_until=until)


def switch_off(endpoint_id: int, reason: str) -> bool:
    """Tell it nothing more, for a reason of `outcomes`; what waits for it stays. False where it is off already."""
    rows = WebhookEndpoint.unscoped.filter(pk=endpoint_id, enabled=True)
    return bool(rows.update(enabled=False, disabled_reason=reason))
