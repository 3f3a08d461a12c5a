"""One page of an account's contacts, for its reader: newest first, by key, never counted."""

from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import QueryDict

from accounts.lists import linked_page
from accounts.lists.linked_page import LinkedPage
from accounts.models import Account
from campaigns.contacts.people import ATTRIBUTE_PREFIX, Filters
from campaigns.models import Contact

_LAST_ID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the reader asks to see. What makes no sense in an address is left out, not refused."""

    search: str = ""
    label: str = ""
    attribute: str = ""
    value: str = ""
    opted_out: str = ""  # "true", "false" or ""
    after: int | None = None  # ids: from where the page goes on, or
    before: int | None = None  # ... up to where it goes back

    @classmethod
    def from_query(cls, query: QueryDict) -> Self:
        opted_out = query.get("opted_out", "")
        attribute, value = _text(query, "attribute"), _text(query, "value")
        is_pair = bool(attribute and value)
        return cls(
            search=_text(query, "search"),
            label=_text(query, "label"),
            attribute=attribute if is_pair else "",
            value=value if is_pair else "",
            opted_out=opted_out if opted_out in {"true", "false"} else "",
            after=linked_page.place(query.get("after", ""), _LAST_ID),
            before=linked_page.place(query.get("before", ""), _LAST_ID),
        )

    @property
    def is_narrowed(self) -> bool:
        return any(self.kept().values())

    def kept(self) -> dict[str, str]:
        """The choice without its place: what a form repeats."""
        names = ("search", "label", "attribute", "value", "opted_out")
        return {name: getattr(self, name) for name in names if getattr(self, name)}

    def address(self, **place: int) -> str:
        """The query string of the same choice at another place."""
        return "?" + urlencode({**self.kept(), **place})

    def api_query(self) -> str:
        """The same choice in the words of the API's filters."""
        query: dict[str, Any] = {"search": self.search, "label": self.label, "opted_out": self.opted_out}
        if self.attribute:
            query[ATTRIBUTE_PREFIX + self.attribute] = self.value
        return urlencode({name: value for name, value in query.items() if value})

    def rows(self, account: Account) -> QuerySet[Contact]:
        filters = Filters(
            labels=(self.label,) if self.label else (),
            search=self.search,
            opted_out={"true": True, "false": False}.get(self.opted_out),
            attributes={self.attribute: self.value} if self.attribute else {},
        )
        return filters.apply(Contact.objects.for_account(account), account)


def page_of(account: Account, wanted: Wanted) -> LinkedPage[Contact]:
    rows = wanted.rows(account).defer("custom_attributes")
    return linked_page.read(rows, "-id", wanted)


def _text(query: QueryDict, name: str) -> str:
    return query.get(name, "").strip()[:200].replace("\0", "")
