"""Receipts of messages that nobody knows yet: earlier than the send's answer, or of what others sent by that number.

They are looked for again after a second, then after as long as they have been here, once an hour in the end, and given
up after a day.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from django.db import connection

from jobs.receipts import lifting
from jobs.receipts.applying import Message
from jobs.receipts.lifting import News
from jobs.replies.keeping import Answered

Cursor = Any

FIRST_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 3600.0
KEPT_SECONDS: Final = 24 * 3600.0
_TIMES: Final = ("delivered_at", "read_at", "played_at", "refused_at", "replied_at")


def due(cursor: Cursor, number: int) -> dict[Message, News]:
    """Up to so many that are to be looked for now."""
    cursor.execute(
        f"""
        SELECT device_id, message_id, {", ".join(_TIMES)} FROM jobs_parkedreceipt
        WHERE due_at <= statement_timestamp() ORDER BY due_at LIMIT %s
        """,  # noqa: S608 - constants
        (number,),
    )
    return {Message(device_id, message_id): News(*times) for device_id, message_id, *times in cursor.fetchall()}


def keep(cursor: Cursor, parked: Mapping[Message, News]) -> None:
    """Park these, together with what is parked of the same messages, until their next time."""
    if not parked:
        return
    merged = ", ".join(f"{name} = least(parked.{name}, excluded.{name})" for name in _TIMES)
    cursor.execute(
        f"""
        INSERT INTO jobs_parkedreceipt AS parked (device_id, message_id, {", ".join(_TIMES)}, due_at)
        SELECT given.*, clock_timestamp() + %s * interval '1 second'
        FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[],
            %s::timestamptz[], %s::timestamptz[]) AS given
        ON CONFLICT (device_id, message_id) DO UPDATE SET {merged},
            due_at = clock_timestamp() + greatest(%s * interval '1 second',
                least(clock_timestamp() - parked.parked_at, %s * interval '1 second'))
        """,  # noqa: S608 - constants
        (FIRST_SECONDS, *_columns(parked), FIRST_SECONDS, LONGEST_SECONDS),
    )


def keep_answers(cursor: Cursor, answers: Iterable[Answered]) -> None:
    """Park what answers say of the messages that they answer: the next work applies it, in the order of its locks."""
    said: dict[Message, News] = {}
    for one in answers:
        message = Message(one.device_id, one.message_id)
        answer = lifting.answered(one.at, is_quoted=one.is_quoted)
        said[message] = lifting.together(said.get(message, News()), answer)
    keep(cursor, said)


def let_go(cursor: Cursor, settled: Collection[Message]) -> None:
    """Be done with those that found their recipient."""
    if settled:
        cursor.execute(
            """
            DELETE FROM jobs_parkedreceipt AS parked
            USING unnest(%s::bigint[], %s::text[]) AS given (device_id, message_id)
            WHERE parked.device_id = given.device_id AND parked.message_id = given.message_id
            """,
            ([message.device_id for message in settled], [message.message_id for message in settled]),
        )


def give_up() -> int:
    """Forget those that nobody knew for a day; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM jobs_parkedreceipt WHERE parked_at < clock_timestamp() - %s * interval '1 second'",
            (KEPT_SECONDS,),
        )
        return int(cursor.rowcount)


def _columns(parked: Mapping[Message, News]) -> list[list[Any]]:
    rows = [(*message, *news) for message, news in sorted(parked.items(), key=lambda item: item[0])]
    return [list(column) for column in zip(*rows, strict=True)]
