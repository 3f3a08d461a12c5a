"""One page of an account's contacts, for its reader: newest first, by key, never counted."""

from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import QueryDict

from accounts.lists import keyset
from accounts.models import Account
from campaigns.contacts.people import ATTRIBUTE_PREFIX, Filters
from campaigns.models import Contact

PAGE_ROWS: Final = 50


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
            after=_id(query.get("after", "")),
            before=_id(query.get("before", "")),
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


@dataclass(frozen=True, slots=True)
class ContactPage:
    """The rows, and the addresses of the pages before and after; "" where there is none."""

    rows: list[Contact]
    previous: str
    following: str


def page_of(account: Account, wanted: Wanted) -> ContactPage:
    rows = wanted.rows(account).defer("custom_attributes")
    part = keyset.read(rows, ["-id"], limit=PAGE_ROWS, after=_key(wanted.after), before=_key(wanted.before))
    return ContactPage(
        rows=part.rows,
        previous=wanted.address(before=part.rows[0].pk) if part.has_previous else "",
        following=wanted.address(after=part.rows[-1].pk) if part.has_next else "",
    )


def _text(query: QueryDict, name: str) -> str:
    return query.get(name, "").strip()[:200].replace("\0", "")


def _id(raw: str) -> int | None:
    return int(raw) if raw.isascii() and raw.isdecimal() and len(raw) < 19 else None


def _key(contact_id: int | None) -> tuple[int] | None:
    return None if contact_id is None else (contact_id,)
