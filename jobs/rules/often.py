"""How often a person was written to commercially: one row a person, claimed in the statement that claims recipients.

Only of those whom a limit concerns: an account without one neither reads nor writes here. A row holds the last
messages, the newest first, each by its recipient: one that is tried again counts once, when it was tried last. Two that
go to one person at the same time meet in its row, where the second waits for the first and finds itself one too many.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from django.db import connection

from accounts.rules.caps import MOST_DAYS, MOST_MESSAGES
from devices.phone_numbers import key_of, key_sql
from devices.prepared import numbers, texts
from jobs.rules.binding import Limits

Cursor = Any

# Of `known`, a person's row, and `given`, their limits: whether those leave room for one more to recipient `given.id`.
LEAVES_ROOM: Final = """coalesce((
      SELECT count(*) FILTER (WHERE one.at >= given.day_since) < given.day_most
        AND count(*) FILTER (WHERE one.at >= given.cap_since) < given.cap_most
      FROM unnest(known.recipient_ids, known.times) AS one (recipient_id, at) WHERE one.recipient_id <> given.id
    ), true)"""

_GIVEN: Final = """unnest(%(limited)s::bigint[], %(day_since)s::timestamptz[], %(day_most)s::int[],
      %(cap_since)s::timestamptz[], %(cap_most)s::int[]) AS given (id, day_since, day_most, cap_since, cap_most)"""


def claimed(may_be: str) -> str:
    """The claims of those limited, as parts of a statement: `noted (id)` are the recipients who may be written to now.

    `may_be`: what of `drawn` and its `recipient` must hold besides. Rows are locked in one order.
    """
    return f"""
limited AS MATERIALIZED (
  SELECT DISTINCT ON (account_id, phone_key) * FROM (
    SELECT given.*, drawn.account_id, drawn.phone_key
    FROM {_GIVEN} JOIN LATERAL (
      SELECT drawn.account_id, (
        SELECT {key_sql("recipient.phone")} FROM jobs_recipient AS recipient WHERE recipient.id = drawn.id AND {may_be}
      ) AS phone_key FROM drawn WHERE drawn.id = given.id LIMIT 1
    ) AS drawn ON drawn.phone_key IS NOT NULL
  ) AS one ORDER BY account_id, phone_key, id
), noted AS (
  INSERT INTO jobs_lastwritten AS known (account_id, phone_key, recipient_ids, times)
  SELECT account_id, phone_key, ARRAY[id], ARRAY[%(at)s::timestamptz] FROM limited ORDER BY account_id, phone_key
  ON CONFLICT (account_id, phone_key) DO UPDATE SET (recipient_ids, times) = (
    SELECT excluded.recipient_ids || array_agg(one.recipient_id ORDER BY one.place),
      excluded.times || array_agg(one.at ORDER BY one.place)
    FROM unnest(known.recipient_ids, known.times) WITH ORDINALITY AS one (recipient_id, at, place)
    WHERE one.recipient_id <> excluded.recipient_ids[1] AND one.place < {MOST_MESSAGES}
  )
  WHERE (SELECT {LEAVES_ROOM} FROM limited AS given WHERE given.id = excluded.recipient_ids[1])
  RETURNING known.recipient_ids[1] AS id
)"""  # noqa: S608 - constants


# Of `recipient`: whether no limit concerns them, or it leaves room. As an array: a condition that reads the insertion
# itself could not be asked again of a row that changes meanwhile.
MAY_GO: Final = """(NOT coalesce(recipient.id = ANY(%(limited)s::bigint[]), false)
      OR recipient.id = ANY(ARRAY(SELECT id FROM noted)))"""


def parameters_of(limited: Mapping[int, Limits]) -> dict[str, str]:
    """The limits of recipients, by their ids, as the arrays that the statement reads."""
    return {
        "limited": numbers(limited),
        "day_since": numbers([limits.day_since for limits in limited.values()]),
        "day_most": numbers([limits.day_most for limits in limited.values()]),
        "cap_since": numbers([limits.cap_since for limits in limited.values()]),
        "cap_most": numbers([limits.cap_most for limits in limited.values()]),
    }


def over(cursor: Cursor, account_id: int, people: Collection[tuple[int, str, Limits]]) -> set[int]:
    """Of people who wait, (recipient id, phone, limits), those who were written to as often as they may be."""
    if not people:
        return set()
    cursor.execute(
        f"""
        SELECT given.id
        FROM unnest(%(keys)s::text[], %(limited)s::bigint[], %(day_since)s::timestamptz[], %(day_most)s::int[],
            %(cap_since)s::timestamptz[], %(cap_most)s::int[])
          AS given (phone_key, id, day_since, day_most, cap_since, cap_most)
          JOIN LATERAL (
            SELECT * FROM jobs_lastwritten AS known
            WHERE known.account_id = %(account)s AND known.phone_key = given.phone_key
          ) AS known ON NOT {LEAVES_ROOM}
        """,  # noqa: S608 - constants
        {
            "account": account_id,
            "keys": texts([key_of(phone) for _, phone, _ in people]),
            **parameters_of({recipient_id: limits for recipient_id, _, limits in people}),
        },
    )
    return {recipient_id for (recipient_id,) in cursor.fetchall()}


def forget(cursor: Cursor, unsent: Collection[tuple[int, int, str]]) -> None:
    """Take back what was noted of recipients, (id, job id, phone), to whom nothing went. A transaction of its own."""
    rows = sorted((key_of(phone), recipient_id, job_id) for recipient_id, job_id, phone in unsent)
    cursor.execute(
        """
        WITH given AS MATERIALIZED (
            SELECT job.account_id, given.phone_key, array_agg(given.id) AS ids
            FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS given (phone_key, id, job_id)
                JOIN jobs_job AS job ON job.id = given.job_id
            GROUP BY 1, 2
        ), locked AS MATERIALIZED (
            SELECT known.id, given.ids FROM jobs_lastwritten AS known JOIN given USING (account_id, phone_key)
            ORDER BY account_id, phone_key FOR NO KEY UPDATE OF known
        )
        UPDATE jobs_lastwritten AS known SET (recipient_ids, times) = (
            SELECT coalesce(array_agg(one.recipient_id ORDER BY one.place), '{}'),
                coalesce(array_agg(one.at ORDER BY one.place), '{}')
            FROM unnest(known.recipient_ids, known.times) WITH ORDINALITY AS one (recipient_id, at, place)
            WHERE one.recipient_id <> ALL(locked.ids)
        )
        FROM locked WHERE known.id = locked.id
        """,
        (texts([row[0] for row in rows]), numbers([row[1] for row in rows]), numbers([row[2] for row in rows])),
    )


def forget_old() -> int:
    """Delete what no limit asks for any more, being older than the longest cap. Returns how many."""
    old = "coalesce(times[1] < now() - %s * interval '1 day', true)"
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM jobs_lastwritten WHERE {old}", (MOST_DAYS + 1,))  # noqa: S608 - constants
        return int(cursor.rowcount)
