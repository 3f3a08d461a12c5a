"""Part of a long list, by the key of the row it begins after: nothing is counted, skipped or shown twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Part(Generic[Row]):
    """Some rows, in the list's order, and whether it has more before and after them."""

    rows: list[Row]
    has_previous: bool
    has_next: bool


def read(
    rows: QuerySet[Row],
    by: Sequence[str],
    *,
    limit: int,
    after: Sequence[Any] | None = None,
    before: Sequence[Any] | None = None,
) -> Part[Row]:
    """Read `limit` rows at most: the first, those after a key, or the last before a key.

    `by` orders the list: one field whose values differ, or a field and one that decides between its equal values,
    both with "-" in front or neither. They must not be null. A key has a value for each.
    """
    backwards = before is not None
    key = before if backwards else after
    order = [_reversed(name) for name in by] if backwards else list(by)
    if key is not None:
        rows = rows.filter(_beyond(order, key))
    found = list(rows.order_by(*order)[: limit + 1])
    has_more = len(found) > limit
    del found[limit:]
    if backwards:
        found.reverse()
    return Part(
        found,
        has_previous=bool(found) and (has_more if backwards else after is not None),
        has_next=bool(found) and (has_more or backwards),
    )


def _reversed(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"


def _beyond(order: Sequence[str], key: Sequence[Any]) -> Q:
    after = "lt" if order[0].startswith("-") else "gt"
    names = [name.removeprefix("-") for name in order]
    beyond = Q(**{f"{names[-1]}__{after}": key[len(names) - 1]})
    if len(names) == 1:
        return beyond
    # The first comparison alone is what an index can use.
    return Q(**{f"{names[0]}__{after}e": key[0]}) & (Q(**{f"{names[0]}__{after}": key[0]}) | beyond)
