"""Whom of some people exclusion lists name: their numbers are digested here, and looked for in the lists' entries."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from devices.prepared import numbers
from jobs.exclusions import spellings
from jobs.models import ExclusionLoad

Cursor = Any


class Load(NamedTuple):
    """What a list's file is of: see `spellings`."""

    load_id: int
    forms: tuple[str, ...]
    country: str


def loads_of(load_ids: Collection[int]) -> list[Load]:
    """These loads; one that is gone is left out."""
    rows = ExclusionLoad.objects.filter(pk__in=load_ids).order_by("pk")
    return [
        Load(pk, tuple(forms), country) for pk, forms, country in rows.values_list("pk", "forms", "default_country")
    ]


def named(cursor: Cursor, loads: Iterable[Load], phones: Sequence[str]) -> set[str]:
    """Those of these numbers ("+" and digits) that one of the loads names."""
    found: set[str] = set()
    for load in loads:
        found.update(_named_by(cursor, load, phones))
    return found


def _named_by(cursor: Cursor, load: Load, phones: Sequence[str]) -> list[str]:
    places: list[int] = []
    digests: list[int] = []
    for place, phone in enumerate(phones):
        for digest in spellings.digests_for(phone, load.forms, load.country):
            places.append(place)
            digests.append(digest)
    if not digests:
        return []
    # A look into the index for each: as a join it would be planned for all at once, by reading the whole list.
    cursor.execute(
        """
        SELECT DISTINCT given.place FROM unnest(%s::int[], %s::bigint[]) AS given (place, digest)
        WHERE (
            SELECT true FROM jobs_exclusionentry AS entry WHERE entry.load_id = %s AND entry.digest = given.digest
        )
        """,
        (numbers(places), numbers(digests), load.load_id),
    )
    return [phones[place] for (place,) in cursor.fetchall()]
