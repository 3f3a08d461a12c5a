"""An audience's contacts, counted, shown and frozen: from contacts to the recipients of a job.

All of it happens inside PostgreSQL, whatever the size; `_LEFT_OUT`, and the campaign's `terms`, say for all three who
is left out and why.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Final

from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Account
from accounts.rules.presets import Rule
from campaigns.audience import terms as rules
from campaigns.audience.conditions import Audience
from campaigns.audience.refused import EmptyAudience
from campaigns.audience.terms import Terms, terms_of
from campaigns.contacts import attributes
from devices.numbers.countries import is_of_sql
from jobs.erasing import erased
from jobs.exclusions import holding
from jobs.models import Job

OPTED_OUT: Final = "opted_out"  # the person said no: before every other reason
NO_PHONE: Final = "no_phone"
SUPPRESSED: Final = "suppressed"  # the account's list of numbers not to be written to
EXCLUDED: Final = holding.EXCLUDED  # a list that came by file
REASONS: Final = (OPTED_OUT, SUPPRESSED, EXCLUDED, NO_PHONE, *rules.REASONS)
# Why somebody is left out, in SQL; of several reasons the first.
_LEFT_OUT: Final = {
    OPTED_OUT: "contact.opted_out_at IS NOT NULL",
    NO_PHONE: "coalesce(contact.phone, '') = ''",
    SUPPRESSED: "(suppression.id IS NOT NULL OR erased.id IS NOT NULL)",
    EXCLUDED: "exclusion.person IS NOT NULL",
}

Cursor = Any


def _reason(terms: Terms) -> str:
    whens = " ".join(f"WHEN {holds} THEN '{reason}'" for reason, holds in _left_out(terms).items())
    return f"CASE {whens} ELSE '' END"


def _left_out(terms: Terms) -> dict[str, str]:
    return {**_LEFT_OUT, **terms.left_out}


@dataclass(frozen=True, slots=True)
class Count:
    """How many would get the message, and how many of the audience not, by reason: every one that is asked is there."""

    sendable: int
    excluded: dict[str, int]
    by_rule: tuple[tuple[Rule, int], ...] = ()  # of those who would get it, how many wait for hours of their country

    @property
    def matched(self) -> int:
        """All that the audience means."""
        return self.sendable + sum(self.excluded.values())


@dataclass(frozen=True, slots=True)
class Sampled:
    """One who would get the message, with the values of its variables."""

    contact_id: int
    phone: str
    values: list[str]


def count(account: Account | int, audience: Audience, terms: Terms = rules.NONE) -> Count:
    """Count an audience in one statement."""
    if audience.is_empty:
        return _count([("", 0)], terms)
    source, parameters = _meant(account, audience, terms)
    left_out = _left_out(terms)
    # One pass of counters: grouping by the reason, a text, takes a third longer.
    sendable = f"NOT ({' OR '.join(left_out.values())})"
    counters = [f"count(*) FILTER (WHERE {sendable})"]
    before: list[str] = []
    for holds in left_out.values():
        counters.append(f"count(*) FILTER (WHERE {' AND '.join([*before, holds])})")
        before.append(f"NOT {holds}")
    counters += [
        f"count(*) FILTER (WHERE {sendable} AND {is_of_sql('contact.phone', rule.country)})" for rule in terms.slow
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(counters)} FROM {source}", parameters)  # noqa: S608 - parameters are bound
        row = cursor.fetchone()
    reasons = ("", *left_out)
    by_rule = zip(terms.slow, row[len(reasons) :], strict=True)
    return replace(_count(list(zip(reasons, row, strict=False)), terms), by_rule=tuple(by_rule))


def sample(
    account: Account | int,
    audience: Audience,
    number: int,
    variables: Sequence[str] = (),
    terms: Terms = rules.NONE,
) -> list[Sampled]:
    """A few who would get the message: from all over the audience, and the same ones each time.

    `variables` as in a job's `columns`: "name", "custom_attributes.region"; `values` in their order.
    """
    if audience.is_empty:
        return []
    source, parameters = _meant(account, audience, terms)
    values, value_parameters = _values(account, variables)
    with connection.cursor() as cursor:
        # First all that match, then the few: with a bare LIMIT the planner hopes to meet them soon, walks along the
        # primary key, and reads the whole table where the audience is small.
        cursor.execute(
            f"""
            WITH matching AS MATERIALIZED (SELECT contact.id FROM {source} WHERE {_reason(terms)} = ''),
            chosen AS (SELECT id FROM matching ORDER BY hashint8(id), id LIMIT %s)
            SELECT contact.id, contact.phone, {values}
            FROM chosen JOIN campaigns_contact AS contact ON contact.id = chosen.id
            ORDER BY contact.id
            """,  # noqa: S608 - parameters are bound
            [*parameters, number, *value_parameters],
        )
        return [Sampled(*row) for row in cursor.fetchall()]


def count_lacking(
    account: Account | int, audience: Audience, variables: Sequence[str], terms: Terms = rules.NONE
) -> list[int]:
    """How many of those who would get the message have no value for each of the variables, in their order."""
    if audience.is_empty or not variables:
        return [0] * len(variables)
    source, parameters = _meant(account, audience, terms)
    cells, cell_parameters = _cells(account, variables)
    # Blanks of every kind, as rendering sees them.
    counters = ", ".join(f"count(*) FILTER (WHERE {cell} ~ '^\\s*$')" for cell in cells)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {counters} FROM {source} WHERE {_reason(terms)} = ''",  # noqa: S608 - parameters are bound
            [*cell_parameters, *parameters],
        )
        return list(cursor.fetchone())


def freeze(cursor: Cursor, job: Job, audience: Audience) -> Count:
    """Make the audience's contacts, as they are now, the recipients of a new job; count them in the job's row.

    In order of their ids. Their values are those of the job's `columns` (`jobs.message.rendering.variables_of`), their
    variant is drawn by the weights of the job's `variants`. Who is left out, also by the rules that bind a job of its
    kind, is there too, `suppressed`, with the reason as error code. The job is then as one whose file is imported:
    `total`, `imported`, `failed`, `imported_at`. One statement, in the caller's transaction. Raises EmptyAudience.
    """
    if audience.is_empty:
        raise EmptyAudience
    terms = terms_of(job.account, job.kind, job.sending_window, timezone.now())
    source, parameters = _meant(job.account_id, audience, terms)
    reason = _reason(terms)
    values, value_parameters = _values(job.account_id, job.columns)
    variant, variant_parameters = _variant(job)
    waits = [f"{is_of_sql('phone', rule.country)} AS slow_{place}" for place, rule in enumerate(terms.slow)]
    sums = [f"count(*) FILTER (WHERE slow_{place})" for place, _ in enumerate(terms.slow)]
    cursor.execute(
        f"""
        WITH frozen AS (
            INSERT INTO jobs_recipient (job_id, "position", phone, "values", state, error_code, contact_id, variant)
            SELECT %s, row_number() OVER (ORDER BY contact.id) - 1, coalesce(contact.phone, ''), {values},
                   CASE {reason} WHEN '' THEN 'queued' ELSE 'suppressed' END, {reason}, contact.id, {variant}
            FROM {source}
            ORDER BY contact.id
            RETURNING {", ".join(["error_code", *waits])}
        )
        SELECT {", ".join(["error_code", "count(*)", *sums])} FROM frozen GROUP BY error_code
        """,  # noqa: S608 - parameters are bound
        [job.pk, *value_parameters, *variant_parameters, *parameters],
    )
    rows = cursor.fetchall()
    counted = _count([row[:2] for row in rows], terms)
    waiting = next((row[2:] for row in rows if not row[0]), ())
    left_out = counted.matched - counted.sendable
    Job.unscoped.filter(pk=job.pk).update(
        total=counted.matched,
        imported=counted.matched,
        failed=left_out,
        countries={rule.country: number for rule, number in zip(terms.slow, waiting, strict=False) if number},
        imported_at=Now(),
        updated_at=Now(),
    )
    job.total = job.imported = counted.matched
    job.failed = left_out
    return counted


def _meant(account: Account | int, audience: Audience, terms: Terms) -> tuple[str, list[Any]]:
    """SQL and parameters of what follows FROM: the audience as `contact`, each beside its `suppression` or none, and
    its `exclusion` or none; and beside its `erased` number's row or none: no door lets such a contact in, and none is
    written to if one did."""
    columns = ("id", "name", "phone", "phone_key", "email", "custom_attributes")
    consent = ("opted_out_at", "opted_in_at", "other_basis")
    selected, parameters = audience.select(account).order_by().values(*columns, *consent).query.sql_with_params()
    account_id = account if isinstance(account, int) else account.pk
    hits, hit_parameters = holding.hits_of(holding.loads_in_force(account_id, terms.kind))
    is_erased, erased_parameters = erased.joined(account_id, "contact.phone_key")
    return (
        f"({selected}) AS contact LEFT JOIN jobs_suppression AS suppression"
        " ON suppression.account_id = %s AND suppression.phone_key = contact.phone_key"
        f" LEFT JOIN jobs_erasure AS erased ON {is_erased}"
        f" LEFT JOIN {hits} ON exclusion.person = hashtextextended(contact.phone_key, 0){terms.joined}",
        [*parameters, account_id, *erased_parameters, *hit_parameters, *([account_id] if terms.joined else [])],
    )


def _values(account: Account | int, variables: Sequence[str]) -> tuple[str, list[Any]]:
    """SQL and parameters of the array of a contact's values."""
    cells, parameters = _cells(account, variables)
    return f"ARRAY[{', '.join(cells)}]::text[]", parameters


def _cells(account: Account | int, variables: Sequence[str]) -> tuple[list[str], list[Any]]:
    """SQL of each of a contact's values, and the parameters of all: text as it is, other JSON as JSON, none as ''."""
    cells: list[str] = []
    parameters: list[Any] = []
    account_id = account if isinstance(account, int) else account.pk
    prefix = "custom_attributes."
    own = attributes.known(account_id, [one.removeprefix(prefix) for one in variables if one.startswith(prefix)])
    for variable in variables:
        if variable in ("name", "phone", "email"):
            cells.append(f"coalesce(contact.{variable}, '')")
            continue
        path = variable.removeprefix(prefix)
        if path == variable:
            raise ValueError(f"no variable of a contact: {variable}")
        # A key may hold dots itself, as headers of spreadsheets do: it comes before a path.
        cells.append("coalesce(contact.custom_attributes ->> %s, contact.custom_attributes #>> %s::text[], '')")
        parameters += [own[path], path.split(".")]
    return cells, parameters


def _variant(job: Job) -> tuple[str, list[Any]]:
    """SQL and parameters of a contact's variant: `jobs.message.rendering.draw`, by the job's and the phone's hash."""
    weights = [variant["weight"] for variant in job.variants]
    if not weights:
        return "NULL::smallint", []
    # The number of thresholds that the draw reaches: 0 below the first.
    thresholds = list(accumulate(weights))
    drawn = (
        "('x' || encode(substring(sha256(convert_to(coalesce(contact.phone, '') || %s, 'UTF8')) FROM 1 FOR 4), 'hex'))"
        "::bit(32)::bigint"
    )
    return f"width_bucket({drawn} %% %s, %s::bigint[])::smallint", [str(job.uuid), thresholds[-1], thresholds]


def _count(rows: Sequence[tuple[str, int]], terms: Terms) -> Count:
    by_reason = dict(rows)
    asked = [reason for reason in REASONS if reason in _left_out(terms)]
    return Count(by_reason.get("", 0), {reason: by_reason.get(reason, 0) for reason in asked})
