"""One page of a list for its reader, with the addresses of the pages beside it: by key, never counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol

from django.db.models import QuerySet

from accounts.lists import keyset
from accounts.lists.keyset import Row

PAGE_ROWS: Final = 50


class Asked(Protocol):
    """What the reader asks to see, and from where on."""

    @property
    def after(self) -> int | None:
        """The key from where the page goes on, or"""

    @property
    def before(self) -> int | None:
        """... up to where it goes back."""

    def address(self, **place: int) -> str:
        """The query string of the same choice at another place."""


@dataclass(frozen=True, slots=True)
class LinkedPage(Generic[Row]):
    """The rows, and the addresses of the pages before and after; "" where there is none."""

    rows: list[Row]
    previous: str
    following: str


def read(rows: QuerySet[Row], by: str, asked: Asked) -> LinkedPage[Row]:
    """Read fifty rows at most. `by` is a whole number that differs from row to row, "-" in front: the highest first."""
    field = by.removeprefix("-")
    part = keyset.read(rows, [by], limit=PAGE_ROWS, after=_key(asked.after), before=_key(asked.before))
    return LinkedPage(
        part.rows,
        previous=asked.address(before=getattr(part.rows[0], field)) if part.has_previous else "",
        following=asked.address(after=getattr(part.rows[-1], field)) if part.has_next else "",
    )


def place(raw: str, most: int) -> int | None:
    """The key that an address names, `most` where that is more; None for what is no whole number."""
    return min(int(raw), most) if raw.isascii() and raw.isdecimal() and len(raw) < 20 else None


def _key(number: int | None) -> Sequence[int] | None:
    return None if number is None else [number]
