"""How long a message is known again by its id: `jobs_sentmessage`, two tables in turn.

Written by `sending.recording` with each acceptance. When the one written to is KEPT old, the other is emptied as a
whole and takes its place: a message is known for KEPT at least, and twice that at most.
"""

from datetime import timedelta
from typing import Final

from django.db import OperationalError, connection, transaction

from jobs.sending.recording import SENT_MESSAGES

KEPT: Final = timedelta(days=30)
LOCK_MILLISECONDS: Final = 2_000  # a backup reads it: another time, then


def turn() -> bool:
    """Have the two change places where it is time; False where it is not, or somebody reads what is to go."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO devices_turn (name) VALUES (%s) ON CONFLICT DO NOTHING", (SENT_MESSAGES,))
            cursor.execute(
                """
                UPDATE devices_turn SET open = 1 - open, turned_at = clock_timestamp()
                WHERE name = %s AND turned_at < clock_timestamp() - %s * interval '1 second' RETURNING open
                """,
                (SENT_MESSAGES, KEPT.total_seconds()),
            )
            turned = cursor.fetchone()
            if turned is None:
                return False
            cursor.execute(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")
            cursor.execute(f"TRUNCATE jobs_sentmessage_{int(turned[0])}")
    except OperationalError:
        return False
    return True
