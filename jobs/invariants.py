"""What must always be true of the rows, whatever was killed when. Used by the chaos tests, and every night.

All of it is asked in one snapshot. Each statement answers the rows that break a promise: normally none.
"""

from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction

from devices.phone_numbers import key_sql
from jobs.sending import parts
from jobs.states import JOB_ENDED, RECEIVED, RECIPIENT_OPEN, RECIPIENT_SENT, sql_list

log = structlog.get_logger(__name__)

SHOWN = 20  # broken rows told of each promise
_LAST_RESULT = "invariants-hold"
_KEPT_SECONDS = 3 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Invariant:
    """One promise, and the statement that finds what breaks it: (job id, what is wrong)."""

    name: str
    promise: str
    sql: str


@dataclass(frozen=True, slots=True)
class Violation:
    invariant: Invariant
    job_id: int | None
    detail: str

    def __str__(self) -> str:
        return f"{self.invariant.name}: job {self.job_id}: {self.detail} ({self.invariant.promise})"


_COUNTS = f"""
    counts AS (
        SELECT job_id, count(*) AS rows,
               count(*) FILTER (WHERE state IN ({sql_list(RECIPIENT_SENT)})) AS sent,
               count(*) FILTER (WHERE state IN ({sql_list(RECIPIENT_OPEN)})) AS open,
               count(delivered_at) AS delivered, count(read_at) AS read, count(played_at) AS played,
               count(failed_after_at) AS failed_after, count(replied_at) AS replied
        FROM jobs_recipient GROUP BY job_id
    ),
    job AS (
        SELECT job.*, coalesce(counts.rows, 0) AS rows, coalesce(counts.sent, 0) AS rows_sent,
               coalesce(counts.open, 0) AS rows_open, coalesce(counts.delivered, 0) AS rows_delivered,
               coalesce(counts.read, 0) AS rows_read, coalesce(counts.played, 0) AS rows_played,
               coalesce(counts.failed_after, 0) AS rows_failed_after, coalesce(counts.replied, 0) AS rows_replied
        FROM jobs_job AS job LEFT JOIN counts ON counts.job_id = job.id
    )
"""


def _both(*names: str) -> str:
    """What a part has of these, and what its rows say."""
    sides = [", ".join(f"coalesce({side}.{name}, 0)" for name in names) for side in ("part", "counted")]
    return f"ARRAY[[{sides[0]}], [{sides[1]}]]"


INVARIANTS = (
    Invariant(
        "states_sum_to_total",
        "every row of a file is a recipient, once",
        f"WITH {_COUNTS} SELECT id, rows || ' rows for ' || total FROM job"
        " WHERE imported_at IS NOT NULL AND rows <> total OR rows <> imported",
    ),
    Invariant(
        "counters_are_the_rows",
        "sent and failed are what the recipients say",
        f"WITH {_COUNTS} SELECT id, 'sent ' || sent || ' of ' || rows_sent || ', failed ' || failed || ' of '"
        " || (rows - rows_sent - rows_open) FROM job WHERE imported_at IS NOT NULL"
        " AND (sent <> rows_sent OR failed <> rows - rows_sent - rows_open)",
    ),
    Invariant(
        "receipts_are_counted_once",
        "delivered, read, played, refused and answered are what the recipients say",
        f"WITH {_COUNTS} SELECT id, 'delivered ' || delivered || ' of ' || rows_delivered || ', read ' || read"
        " || ' of ' || rows_read || ', played ' || played || ' of ' || rows_played || ', refused ' || failed_after"
        " || ' of ' || rows_failed_after || ', answered ' || replied || ' of ' || rows_replied FROM job"
        " WHERE delivered <> rows_delivered OR read <> rows_read"
        " OR played <> rows_played OR failed_after <> rows_failed_after OR replied <> rows_replied",
    ),
    Invariant(
        "parts_are_the_rows",
        "what receipts say is counted by device and variant, too; and at the end, how many there were",
        f"""
        WITH counted AS (
            SELECT job_id, coalesce(device_id, {parts.NOBODY}) AS device_id, coalesce(variant, 0) AS variant,
                   count(*) AS total, count(*) FILTER (WHERE state IN ({sql_list(RECIPIENT_SENT)})) AS sent,
                   count(*) FILTER (WHERE state IN ({sql_list(parts.FAILED)})) AS failed,
                   count(delivered_at) AS delivered, count(read_at) AS read, count(played_at) AS played,
                   count(failed_after_at) AS failed_after, count(replied_at) AS replied
            FROM jobs_recipient WHERE state <> 'suppressed' GROUP BY 1, 2, 3
        ), part AS (
            SELECT job_id, device_id, variant,
                   {_both("delivered", "read", "played", "failed_after", "replied")} AS receipts,
                   {_both("total", "sent", "failed")} AS the_end
            FROM counted FULL JOIN jobs_jobpart AS part USING (job_id, device_id, variant)
        )
        SELECT job_id, 'device ' || device_id || ', variant ' || variant || ': ' || receipts::text || the_end::text
        FROM part JOIN jobs_job AS job ON job.id = part.job_id
        WHERE receipts[1:1] <> receipts[2:2] OR (job.finished_at IS NOT NULL AND the_end[1:1] <> the_end[2:2])
        """,
    ),
    Invariant(
        "a_tick_implies_those_before_it",
        "who read it has it, and says so; nobody who has it failed",
        "SELECT job_id, phone || ' ' || state FROM jobs_recipient"
        f" WHERE (delivered_at IS NOT NULL) <> (state IN ({sql_list(RECEIVED)}))"
        " OR (read_at IS NOT NULL) <> (state = 'read') OR (played_at IS NOT NULL AND read_at IS NULL)"
        f" OR (failed_after_at IS NOT NULL AND state IN ({sql_list(RECIPIENT_SENT)}))",
    ),
    Invariant(
        "one_request_for_each_proven_unsent",
        "nobody is written to again unless the last try was proven unsent, or a risk was accepted",
        "SELECT job_id, phone || ': ' || tries || ' tries, ' || unsent_tries || ' unsent, ' || accepted_risks"
        " || ' risked' FROM jobs_recipient WHERE tries > 1 + unsent_tries + accepted_risks"
        f" OR (state IN ({sql_list(RECIPIENT_SENT)}) AND tries <= unsent_tries)",
    ),
    Invariant(
        "whoever_may_have_it_has_not_failed",
        "nobody is called unsent while one of the tries may have gone out",
        "SELECT job_id, phone || ' ' || state || ', in doubt since ' || doubt_since FROM jobs_recipient"
        " WHERE doubt_since IS NOT NULL AND state IN ('failed', 'cancelled', 'suppressed')",
    ),
    Invariant(
        "nobody_is_stuck_sending",
        "what is being sent is answered for within a lease and a request's longest time",
        "SELECT job_id, phone || ' since ' || tried_at FROM jobs_recipient WHERE state = 'sending'"
        " AND tried_at < clock_timestamp() - %(stuck)s * interval '1 second'",
    ),
    Invariant(
        "nobody_is_out_of_reach",
        "whoever waits is found by the cursor, by a chunk or by a due time",
        f"""
        SELECT recipient.job_id, recipient.phone || ' ' || recipient.state
        FROM jobs_recipient AS recipient JOIN jobs_job AS job ON job.id = recipient.job_id
        WHERE job.finished_at IS NULL AND job.status <> 'cancelled' AND recipient.due_at IS NULL
          AND recipient.state IN ({sql_list(RECIPIENT_OPEN)})
          AND (recipient.position < job.next_position OR recipient.state <> 'queued')
          AND NOT EXISTS (
              SELECT FROM jobs_chunk AS chunk WHERE chunk.job_id = recipient.job_id
                AND recipient.position >= chunk."start" AND recipient.position < chunk."end"
          )
        """,
    ),
    Invariant(
        "ended_means_nobody_waits",
        "a job has ended exactly when nobody in it waits, and has its results then",
        f"WITH {_COUNTS} SELECT id, status || ', ' || rows_open || ' open' FROM job WHERE"
        " (finished_at IS NOT NULL AND (rows_open > 0 OR results = '{}' OR status NOT IN"
        f" ({sql_list(JOB_ENDED)})))"
        " OR (status IN ('completed', 'failed') AND finished_at IS NULL)",
    ),
    Invariant(
        "sums_add_up",
        "sent and failed of an ended job sum to its total",
        "SELECT id, sent || ' + ' || failed || ' of ' || total FROM jobs_job"
        " WHERE finished_at IS NOT NULL AND sent + failed <> total",
    ),
    Invariant(
        "a_canary_goes_ahead",
        "while a canary is under way nobody past it is written to who never wrote to one of the devices",
        f"""
        SELECT job.id, 'reaches ' || next_position || ', canary to ' || canary_end FROM jobs_job AS job
        WHERE canary_state = 'under_way' AND (next_position > canary_end OR EXISTS (
            SELECT FROM jobs_recipient AS recipient
            WHERE job_id = job.id AND position >= canary_end AND tries > 0
                AND NOT EXISTS (
                    SELECT FROM devices_correspondent AS known JOIN jobs_jobdevice AS link USING (device_id)
                    WHERE link.job_id = job.id AND known.phone_key = {key_sql("recipient.phone")}
                )
        ))
        """,
    ),
    Invariant(
        "one_sender_for_each_chunk",
        "no two chunks of a job overlap",
        """
        SELECT one.job_id, one."start" || '-' || one."end" || ' and ' || two."start" || '-' || two."end"
        FROM jobs_chunk AS one JOIN jobs_chunk AS two ON two.job_id = one.job_id AND two.id > one.id
         AND two."start" < one."end" AND one."start" < two."end"
        """,
    ),
)


def check() -> list[Violation]:
    """Ask all promises of one snapshot; return what breaks them, at most SHOWN rows each."""
    stuck = settings.LEASE_SECONDS + settings.GATEWAY_CONNECT_TIMEOUT + settings.GATEWAY_READ_TIMEOUT + 60
    violations: list[Violation] = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for invariant in INVARIANTS:
            cursor.execute(f"{invariant.sql} LIMIT {SHOWN}", {"stuck": stuck})
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            violations += [Violation(invariant, job_id, str(detail)) for job_id, detail in rows]
    return violations


def watch() -> None:
    """Check, raise the alarm in the log for each broken promise, and remember the result for /readyz."""
    violations = check()
    for violation in violations:
        log.error("invariant broken", invariant=violation.invariant.name, job=violation.job_id, detail=violation.detail)
    cache.set(_LAST_RESULT, not violations, _KEPT_SECONDS)


def held_at_last_check() -> bool | None:
    """What the last `watch` found; None when there was none lately."""
    result: bool | None = cache.get(_LAST_RESULT)
    return result
