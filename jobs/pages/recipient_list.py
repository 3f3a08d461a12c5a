"""One page of a job's recipients, for its reader: in file order, by key, never counted.

A job may have a million of them. The first page reads fifty rows of the index; a filter reads on until it has
found fifty, at worst the job's own rows and nobody else's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from accounts.lists import linked_page
from accounts.lists.linked_page import LinkedPage
from devices import phone_numbers
from jobs.models import RECEIPT_TIMES, Job, Recipient
from jobs.states import RecipientState

_LAST_POSITION = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the reader asks to see. What makes no sense in an address is left out, not refused."""

    state: str = ""
    receipt: str = ""  # of whom it was said, by a name of RECEIPT_TIMES
    error: str = ""
    phone: str = ""
    after: int | None = None  # positions: from where the page goes on, or
    before: int | None = None  # ... up to where it goes back

    @classmethod
    def from_query(cls, query: QueryDict) -> "Wanted":
        state, receipt = query.get("state", ""), query.get("receipt", "")
        return cls(
            state=state if state in RecipientState.values else "",
            receipt=receipt if receipt in RECEIPT_TIMES else "",
            error=query.get("error", "")[:40].replace("\0", ""),
            phone=query.get("phone", "").strip()[:40].replace("\0", ""),
            after=linked_page.place(query.get("after", ""), _LAST_POSITION),
            before=linked_page.place(query.get("before", ""), _LAST_POSITION),
        )

    @property
    def is_narrowed(self) -> bool:
        return bool(self.state or self.receipt or self.error or self.phone)

    def address(self, **place: int) -> str:
        """The query string of the same choice at another place."""
        return _query({**self._kept(), "phone": self.phone, **place})

    @property
    def export_query(self) -> str:
        """The query string by which the API exports the same recipients; "" for all of them."""
        return _query({**self._kept(), "search": self.phone}) if self.is_narrowed else ""

    def _kept(self) -> dict[str, str]:
        return {"state": self.state, "receipt": self.receipt, "error": self.error}


def _query(wanted: Mapping[str, Any]) -> str:
    return "?" + urlencode({name: value for name, value in wanted.items() if value != ""})


def page_of(job: Job, wanted: Wanted) -> LinkedPage[Recipient]:
    rows = Recipient.objects.filter(job_id=job.pk).select_related("device")
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    if wanted.receipt:
        rows = rows.with_receipt(wanted.receipt)
    if wanted.error:
        rows = rows.filter(error_code=wanted.error)
    if phone := phone_numbers.without_separators(wanted.phone):
        rows = rows.filter(**{"phone__startswith" if phone.startswith("+") else "phone__contains": phone})

    page = linked_page.read(rows, "position", wanted)
    if wanted.before is not None and not page.rows:  # before the first: begin there
        return page_of(job, replace(wanted, before=None))
    return page


def latest(job: Job, number: int) -> list[Recipient]:
    """The last recipients of whom something is known, last first: what a live page shows before its first event.

    Reads back from where the claiming stands; what is claimed and not yet tried is a few chunks at most.
    """
    tried = Recipient.objects.filter(job_id=job.pk, position__lt=job.next_position)
    known = tried.exclude(state__in=[RecipientState.QUEUED, RecipientState.SENDING, RecipientState.CANCELLED])
    return list(known.order_by("-position")[:number])
