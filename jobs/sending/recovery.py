"""What a sender leaves when it dies: recipients marked `sending` that nobody will ever answer for, and its chunks."""

from collections.abc import Sequence
from typing import Any

import structlog

from devices.lane import runners
from jobs.sending.outcomes import NOT_BEGUN_AFTER_SECONDS
from jobs.states import RecipientState, recipient_move

log = structlog.get_logger(__name__)

Cursor = Any

WORKER_DIED = "worker_died"
_DOUBT = recipient_move(RecipientState.SENDING, RecipientState.AMBIGUOUS)


def recover(cursor: Cursor, device_ids: Sequence[int], quiet_seconds: float) -> int:
    """Put what the last holder of these devices left in doubt up for a look-up, and set its chunks free.

    Returns how many recipients are in doubt. Nobody answers for them any more: their sender's runner was struck off in
    this transaction, or holds their leases and has forgotten. A look-up waits until the gateway must have finished with
    whatever was written at the last possible moment.
    """
    doubtful = """
        UPDATE jobs_recipient AS recipient
        SET state = %(doubt)s, error_code = %(code)s,
            doubt_since = coalesce(recipient.doubt_since, recipient.tried_at),
            doubt_device_ids = recipient.doubt_device_ids || recipient.device_id,
            due_at = greatest(clock_timestamp(), recipient.tried_at + %(wait)s * interval '1 second')
    """
    parameters = {
        "devices": list(device_ids),
        "sending": _DOUBT.source,
        "doubt": _DOUBT.target,
        "code": WORKER_DIED,
        "wait": quiet_seconds + NOT_BEGUN_AFTER_SECONDS,
    }
    cursor.execute(
        doubtful
        + """
        FROM jobs_chunk AS chunk
        WHERE chunk.device_id = ANY(%(devices)s) AND recipient.job_id = chunk.job_id
          AND recipient.position >= chunk."start" AND recipient.position < chunk."end"
          AND recipient.state = %(sending)s AND recipient.device_id = chunk.device_id
        """,
        parameters,
    )
    number = cursor.rowcount
    # Retries stand outside the chunks; their due time, kept while they are being sent, finds them.
    cursor.execute(
        doubtful
        + """
        WHERE recipient.due_at IS NOT NULL AND recipient.state = %(sending)s
          AND recipient.device_id = ANY(%(devices)s)
        """,
        parameters,
    )
    number += cursor.rowcount
    cursor.execute("UPDATE jobs_chunk SET device_id = NULL WHERE device_id = ANY(%(devices)s)", parameters)
    return int(number)


def bury(cursor: Cursor, quiet_seconds: float) -> list[int]:
    """Take over from runners that died: their devices are free, and what they left is settled. Return those devices.

    Whoever comes first does it, a runner or the sweep; the others are told that there are devices to take.
    """
    left_behind = runners.bury(cursor)
    if left_behind:
        doubtful = recover(cursor, left_behind, quiet_seconds)
        runners.tell(cursor)
        log.warning("a runner died", devices=len(left_behind), in_doubt=doubtful)
    return left_behind
