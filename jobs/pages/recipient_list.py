"""One page of a job's recipients, for its reader: in file order, by key, never counted.

A job may have a million of them. The first page reads fifty rows of the index; a filter reads on until it has
found fifty, at worst the job's own rows and nobody else's.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import QueryDict

from accounts.lists import linked_page
from accounts.lists.linked_page import LinkedPage
from devices import phone_numbers
from jobs.models import Job, Recipient
from jobs.states import RecipientState

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
            after=linked_page.place(query.get("after", ""), _LAST_POSITION),
            before=linked_page.place(query.get("before", ""), _LAST_POSITION),
        )

    @property
    def is_narrowed(self) -> bool:
        return bool(self.state or self.error or self.phone)

    def address(self, **place: int) -> str:
        """The query string of the same choice at another place."""
        kept = {"state": self.state, "error": self.error, "phone": self.phone}
        return "?" + urlencode({**{name: value for name, value in kept.items() if value}, **place})


def page_of(job: Job, wanted: Wanted) -> LinkedPage[Recipient]:
    rows = Recipient.objects.filter(job_id=job.pk).select_related("device")
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    if wanted.error:
        rows = rows.filter(error_code=wanted.error)
    if phone := phone_numbers.without_separators(wanted.phone):
        rows = rows.filter(**{"phone__startswith" if phone.startswith("+") else "phone__contains": phone})

    page = linked_page.read(rows, "position", wanted)
    if wanted.before is not None and not page.rows:  # before the first: begin there
        return page_of(job, Wanted(wanted.state, wanted.error, wanted.phone))
    return page


def latest(job: Job, number: int) -> list[Recipient]:
    """The last recipients of whom something is known, last first: what a live page shows before its first event.

    Reads back from where the claiming stands; what is claimed and not yet tried is a few chunks at most.
    """
    tried = Recipient.objects.filter(job_id=job.pk, position__lt=job.next_position)
    known = tried.exclude(state__in=[RecipientState.QUEUED, RecipientState.SENDING, RecipientState.CANCELLED])
    return list(known.order_by("-position")[:number])
