"""Consent of people who come in a file, a chunk of them in a statement; `consent` does it for those who are chosen.

No wins: a no of the file is always taken, a yes only where nobody has said no since. Keys and moments go to PostgreSQL
as one text: lists are written value by value, which takes longer than what is done with them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import connection
from django.utils import timezone

from campaigns.states import Basis
from jobs import suppression

SOURCE_CHARACTERS: Final = 100
VERSION_CHARACTERS: Final = 100


class Consent(NamedTuple):
    """One person's no or yes, as one line has it."""

    is_out: bool
    at: datetime | None  # where the file says when
    source: str  # of a yes
    line: int
    basis: str = Basis.CONSENT.value  # of a yes; of a no it says nothing
    version: str = ""  # of the text that somebody agreed to


def stronger(one: Consent | None, other: Consent | None) -> Consent | None:
    """Which of two things that are said of one person counts."""
    if one is None or other is None:
        return one or other
    if one.is_out == other.is_out:
        dated = [said for said in (one, other) if said.at is not None]
        if len(dated) < 2:
            return dated[0] if dated else one
        # Since when a person wants none; when they last agreed.
        return (min if one.is_out else max)(dated, key=_moment)
    out, agreed = (one, other) if one.is_out else (other, one)
    lifts = agreed.basis == Basis.CONSENT and out.at and agreed.at and agreed.at > out.at
    return agreed if lifts else out


def _moment(said: Consent) -> datetime:
    assert said.at is not None
    return said.at


class Standing(NamedTuple):
    """What is known of a number whose owner agrees by a file."""

    is_contact: bool
    said_no_at: datetime | None  # the last time
    is_banned: bool  # for another reason than their own no

    def refuses(self, agreed: Consent) -> bool:
        """Whether a yes does not count: nobody can say that it came after the no."""
        if self.is_banned:
            return True
        return self.said_no_at is not None and not (agreed.at and agreed.at > self.said_no_at)


def standing(account_id: int, phone_keys: Iterable[str]) -> dict[str, Standing]:
    """What is known of these numbers; of strangers nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT wanted.phone_key, contact.id IS NOT NULL,
                   greatest(contact.opted_out_at, coalesce(ban.since, ban.created_at)),
                   ban.id IS NOT NULL AND ban.reason_code <> %s
            FROM unnest(string_to_array(%s, ' ')) AS wanted (phone_key)
            LEFT JOIN campaigns_contact AS contact
                ON contact.account_id = %s AND contact.phone_key = wanted.phone_key
            LEFT JOIN jobs_suppression AS ban ON ban.account_id = %s AND ban.phone_key = wanted.phone_key
            WHERE contact.id IS NOT NULL OR ban.id IS NOT NULL
            """,
            (suppression.OPTED_OUT, " ".join(phone_keys), account_id, account_id),
        )
        return {phone_key: Standing(*known) for phone_key, *known in cursor}


class File(NamedTuple):
    """The file that says it."""

    name: str  # shortened
    import_id: int
    user_id: int | None  # whose import it is


# Of `changed`: whoever has no basis says no.
KEPT: Final = """
    INSERT INTO campaigns_consentrecord (
        account_id, contact_id, phone_key, phone, is_revocation, kind, basis, channel, source, evidence, text_version,
        user_id, given_at
    )
    SELECT %(account)s, id, phone_key, phone, basis = '', CASE WHEN basis = '' THEN '' ELSE 'commercial' END, basis,
        'file', source, jsonb_build_object('import', %(import)s::bigint, 'file', %(file)s::text, 'line', line), version,
        %(user)s::bigint, at
    FROM changed
"""


def note(account_id: int, said: Mapping[str, tuple[str, Consent]], file: File) -> None:
    """Note what people said, by their keys with their numbers, on contacts that exist; of new ones it is written with
    them. Whoever said no is suppressed.

    Of those who agree only those whom `standing` did not refuse. In a transaction.
    """
    now = timezone.now()
    parameters = {"account": account_id, "now": now, **kept_of(file)}
    outs = sorted((key, phone, one) for key, (phone, one) in said.items() if one.is_out)
    agreed = sorted((key, one) for key, (_, one) in said.items() if not one.is_out and one.basis == Basis.CONSENT)
    others = sorted((key, one) for key, (_, one) in said.items() if not one.is_out and one.basis != Basis.CONSENT)
    if outs:
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                WITH changed AS (
                    UPDATE campaigns_contact AS contact
                    SET opted_out_at = said.at, opted_out_source = %(file)s, updated_at = now()
                    FROM unnest(
                        string_to_array(%(keys)s, ' '), string_to_array(%(moments)s, ' ')::timestamptz[],
                        string_to_array(%(lines)s, ' ')::int[]
                    ) AS said (phone_key, at, line)
                    WHERE contact.account_id = %(account)s AND contact.phone_key = said.phone_key
                      AND contact.opted_out_at IS NULL
                    RETURNING contact.id, contact.phone_key, contact.phone, '' AS basis, '' AS source, '' AS version,
                        said.at, said.line
                )
                {KEPT}
                """,  # noqa: S608 - constants
                {
                    **parameters,
                    "keys": " ".join([key for key, _, _ in outs]),
                    "moments": " ".join([(one.at or now).isoformat() for _, _, one in outs]),
                    "lines": " ".join([str(one.line) for _, _, one in outs]),
                },
            )
        suppression.ban(
            account_id,
            [suppression.Ban(phone, key, "", suppression.OPTED_OUT, one.at) for key, phone, one in outs],
        )
    if agreed:
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                WITH changed AS (
                    UPDATE campaigns_contact AS contact
                    SET opted_in_at = coalesce(said.at, %(now)s), opted_in_source = said.source,
                        opted_out_at = NULL, opted_out_source = '', updated_at = now()
                    FROM unnest(
                        string_to_array(%(keys)s, ' '), string_to_array(%(moments)s, ' ', '-')::timestamptz[],
                        %(sources)s::text[], %(versions)s::text[], string_to_array(%(lines)s, ' ')::int[]
                    ) AS said (phone_key, at, source, version, line)
                    WHERE contact.account_id = %(account)s AND contact.phone_key = said.phone_key
                      -- Who said no meanwhile stays out.
                      AND (contact.opted_out_at IS NULL OR contact.opted_out_at < said.at)
                      -- A yes that is known is not written again.
                      AND (
                          contact.opted_out_at IS NOT NULL OR contact.opted_in_at IS NULL
                          OR contact.opted_in_at < said.at
                      )
                    RETURNING contact.id, contact.phone_key, contact.phone, 'consent' AS basis, said.source,
                        said.version, contact.opted_in_at AS at, said.line
                )
                {KEPT}
                """,  # noqa: S608 - constants
                {**parameters, **_in_columns(agreed)},
            )
        suppression.lift_before(account_id, {key: one.at for key, one in agreed if one.at is not None})
    if others:
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                WITH changed AS (
                    UPDATE campaigns_contact AS contact SET other_basis = said.basis, updated_at = now()
                    FROM unnest(
                        string_to_array(%(keys)s, ' '), string_to_array(%(moments)s, ' ', '-')::timestamptz[],
                        %(sources)s::text[], %(versions)s::text[], string_to_array(%(lines)s, ' ')::int[],
                        string_to_array(%(bases)s, ' ')
                    ) AS said (phone_key, at, source, version, line, basis)
                    WHERE contact.account_id = %(account)s AND contact.phone_key = said.phone_key
                      AND contact.other_basis <> said.basis
                    RETURNING contact.id, contact.phone_key, contact.phone, said.basis, said.source, said.version,
                        coalesce(said.at, %(now)s) AS at, said.line
                )
                {KEPT}
                """,  # noqa: S608 - constants
                {**parameters, **_in_columns(others), "bases": " ".join([one.basis for _, one in others])},
            )


def _in_columns(said: Sequence[tuple[str, Consent]]) -> dict[str, Any]:
    return {
        "keys": " ".join([key for key, _ in said]),
        "moments": " ".join([one.at.isoformat() if one.at else "-" for _, one in said]),
        "sources": [one.source for _, one in said],
        "versions": [one.version for _, one in said],
        "lines": " ".join([str(one.line) for _, one in said]),
    }


def kept_of(file: File) -> dict[str, Any]:
    """What KEPT asks of the file."""
    return {"import": file.import_id, "file": file.name, "user": file.user_id}


def note_bans(account_id: int, bans: Iterable[suppression.Ban], lines: Mapping[str, int], file: File) -> None:
    """Keep of the numbers that this file puts on the account's list that it says so; `lines` by their keys. Before
    they are there, in their transaction."""
    each_once = {one.phone_key: one for one in reversed(list(bans))}
    rows = [
        {
            "phone": one.phone,
            "phone_key": key,
            "reason": one.reason,
            "at": one.since and one.since.isoformat(),
            "line": lines[key],
        }
        for key, one in each_once.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO campaigns_consentrecord (
                account_id, contact_id, phone_key, phone, is_revocation, channel, source, evidence, user_id, given_at
            )
            SELECT %(account)s, contact.id, said.phone_key, said.phone, true, 'file', said.reason,
                jsonb_build_object('import', %(import)s::bigint, 'file', %(file)s::text, 'line', said.line),
                %(user)s::bigint, coalesce(said.at, now())
            FROM json_to_recordset(%(rows)s)
                AS said (phone text, phone_key text, reason text, at timestamptz, line int)
            LEFT JOIN campaigns_contact AS contact
                ON contact.account_id = %(account)s AND contact.phone_key = said.phone_key
            WHERE NOT EXISTS (
                SELECT FROM jobs_suppression AS ban
                WHERE ban.account_id = %(account)s AND ban.phone_key = said.phone_key
            )
            """,
            {"account": account_id, "rows": json.dumps(rows), **kept_of(file)},
        )
