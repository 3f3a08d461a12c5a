"""One page of a job's recipients, for its reader: in file order, by key, never counted.

A job may have a million of them. The first page reads fifty rows of the index; a filter reads on until it has
found fifty, at worst the job's own rows and nobody else's.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import QueryDict

from accounts.lists import keyset
from devices import phone_numbers
from jobs.models import Job, Recipient
from jobs.states import RecipientState

PAGE_ROWS = 50
_LAST_POSITION = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the reader asks to see. What makes no sense in an address is left out, not refused."""

    state: str = ""
    error: str = ""
    phone: str = ""
    after: int | None = None  # positions: from where the page goes on, or
    before: int | None = None  # ... up to where it goes back

    @classmethod
    def from_query(cls, query: QueryDict) -> "Wanted":
        state = query.get("state", "")
        return cls(
            state=state if state in RecipientState.values else "",
            error=query.get("error", "")[:40].replace("\0", ""),
            phone=query.get("phone", "").strip()[:40].replace("\0", ""),
            after=_position(query.get("after", "")),
            before=_position(query.get("before", "")),
        )

    @property
    def is_narrowed(self) -> bool:
        return bool(self.state or self.error or self.phone)

    def address(self, **place: int) -> str:
        """The query string of the same choice at another place."""
        kept = {"state": self.state, "error": self.error, "phone": self.phone}
        return "?" + urlencode({**{name: value for name, value in kept.items() if value}, **place})


@dataclass(frozen=True, slots=True)
class RecipientPage:
    """The rows, and the addresses of the pages before and after; "" where there is none."""

    rows: list[Recipient]
    previous: str
    following: str


def page_of(job: Job, wanted: Wanted) -> RecipientPage:
    rows = Recipient.objects.filter(job_id=job.pk).select_related("device")
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    if wanted.error:
        rows = rows.filter(error_code=wanted.error)
    if phone := phone_numbers.without_separators(wanted.phone):
        rows = rows.filter(**{"phone__startswith" if phone.startswith("+") else "phone__contains": phone})

    part = keyset.read(rows, ["position"], limit=PAGE_ROWS, after=_key(wanted.after), before=_key(wanted.before))
    if wanted.before is not None and not part.rows:  # before the first: begin there
        return page_of(job, Wanted(wanted.state, wanted.error, wanted.phone))
    return RecipientPage(
        rows=part.rows,
        previous=wanted.address(before=part.rows[0].position) if part.has_previous else "",
        following=wanted.address(after=part.rows[-1].position) if part.has_next else "",
    )


def latest(job: Job, number: int) -> list[Recipient]:
    """The last recipients of whom something is known, last first: what a live page shows before its first event.

    Reads back from where the claiming stands; what is claimed and not yet tried is a few chunks at most.
    """
    tried = Recipient.objects.filter(job_id=job.pk, position__lt=job.next_position)
    known = tried.exclude(state__in=[RecipientState.QUEUED, RecipientState.SENDING, RecipientState.CANCELLED])
    return list(known.order_by("-position")[:number])


def _position(raw: str) -> int | None:
    return min(int(raw), _LAST_POSITION) if raw.isascii() and raw.isdecimal() and len(raw) < 12 else None


def _key(position: int | None) -> tuple[int] | None:
    return None if position is None else (position,)
