"""Which exclusion lists name how many of an audience: for whoever asks why these are left out."""

from typing import NamedTuple

from django.db import connection

from campaigns.audience.conditions import Audience
from jobs.exclusions import holding


class Named(NamedTuple):
    """A list, and how many of the audience it names; who is on two is counted by both."""

    list_id: int
    name: str
    people: int


def by_list(account_id: int, audience: Audience, kind: str) -> list[Named]:
    """Those that name somebody and hold for messages of this kind, the most first."""
    loads = holding.loads_in_force(account_id, kind)
    if audience.is_empty or not loads:
        return []
    selected, parameters = audience.select(account_id).order_by().values("phone_key").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT list.id, list.name, count(*)
            FROM ({selected}) AS contact
                JOIN jobs_exclusionhit AS hit
                    ON hit.person = hashtextextended(contact.phone_key, 0) AND hit.load_id = ANY(%s::bigint[])
                JOIN jobs_exclusionlist AS list ON list.load_id = hit.load_id
            GROUP BY list.id ORDER BY 3 DESC, 1
            """,  # noqa: S608 - parameters are bound
            [*parameters, loads],
        )
        return [Named(*row) for row in cursor.fetchall()]
