"""Consent of people who come in a file, a chunk of them in a statement; `consent` does it for those who are chosen.

No wins: a no of the file is always taken, a yes only where nobody has said no since. Keys and moments go to PostgreSQL
as one text: lists are written value by value, which takes longer than what is done with them.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from django.db import connection
from django.utils import timezone

from jobs import suppression

SOURCE_CHARACTERS: Final = 100


class Consent(NamedTuple):
    """One person's no or yes, as one line has it."""

    is_out: bool
    at: datetime | None  # where the file says when
    source: str  # of a yes
    line: int


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
    return agreed if out.at and agreed.at and agreed.at > out.at else out


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


def note(account_id: int, said: Mapping[str, tuple[str, Consent]], source: str) -> None:
    """Note what people said, by their keys with their numbers, on contacts that exist; of new ones it is written with
    them. Whoever said no is suppressed.

    Of those who agree only those whom `standing` did not refuse. `source` says where the no comes from. In a
    transaction.
    """
    now = timezone.now()
    outs = sorted((key, phone, one) for key, (phone, one) in said.items() if one.is_out)
    agreed = sorted((key, one) for key, (_, one) in said.items() if not one.is_out)
    if outs:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE campaigns_contact AS contact
                SET opted_out_at = said.at, opted_out_source = %s, updated_at = now()
                FROM unnest(string_to_array(%s, ' '), string_to_array(%s, ' ')::timestamptz[]) AS said (phone_key, at)
                WHERE contact.account_id = %s AND contact.phone_key = said.phone_key AND contact.opted_out_at IS NULL
                """,
                (
                    source,
                    " ".join([key for key, _, _ in outs]),
                    " ".join([(one.at or now).isoformat() for _, _, one in outs]),
                    account_id,
                ),
            )
        suppression.ban(
            account_id,
            [suppression.Ban(phone, key, "", suppression.OPTED_OUT, one.at) for key, phone, one in outs],
        )
    if agreed:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE campaigns_contact AS contact
                SET opted_in_at = coalesce(said.at, %s), opted_in_source = said.source,
                    opted_out_at = NULL, opted_out_source = '', updated_at = now()
                FROM unnest(string_to_array(%s, ' '), string_to_array(%s, ' ', '-')::timestamptz[], %s::text[])
                    AS said (phone_key, at, source)
                WHERE contact.account_id = %s AND contact.phone_key = said.phone_key
                  -- Who said no meanwhile stays out.
                  AND (contact.opted_out_at IS NULL OR contact.opted_out_at < said.at)
                  -- A yes that is known is not written again.
                  AND (contact.opted_out_at IS NOT NULL OR contact.opted_in_at IS NULL OR contact.opted_in_at < said.at)
                """,
                (
                    now,
                    " ".join([key for key, _ in agreed]),
                    " ".join([one.at.isoformat() if one.at else "-" for _, one in agreed]),
                    [one.source for _, one in agreed],
                    account_id,
                ),
            )
        suppression.lift_before(account_id, {key: one.at for key, one in agreed if one.at is not None})
