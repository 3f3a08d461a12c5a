"""What people wrote, as an account looks at it: which messages, whose, what they answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from django.db.models import Q, QuerySet
from django.http import QueryDict

from accounts.models import Account
from accounts.written.reading import is_storable, row_id, true_or_false
from campaigns.contacts.people import BadFilter
from campaigns.models import CampaignRun, Contact
from devices import phone_numbers
from jobs.models import IncomingMessage, Recipient
from jobs.states import Wish

SHORTEST_ENDING: Final = 6  # digits: fewer are many people's
UNSETTLED = Q(settled_at=None) & (Q(wish=Wish.NEAR_OUT) | Q(phone=""))


@dataclass(frozen=True, slots=True)
class Filters:
    """Which messages are meant. What is given must all hold."""

    contact: int | None = None
    device: int | None = None
    phone: str = ""  # in any spelling
    wish: str = ""
    unresolved: bool | None = None  # what waits for a person to say what it meant, or whose it is
    search: str = ""  # part of the text

    @classmethod
    def from_query(cls, query: QueryDict) -> Self:
        """Read `?contact=7&device=2&phone=…&wish=out&unresolved=true&search=…`. Raises BadFilter."""
        wish, unresolved = query.get("wish", ""), query.get("unresolved", "")
        if wish and wish not in Wish.values:
            raise BadFilter("wish")
        for name in ("search", "phone"):
            if not is_storable(query.get(name, "")):
                raise BadFilter(name)
        try:
            return cls(
                _id(query.get("contact", "")),
                _id(query.get("device", "")),
                query.get("phone", ""),
                wish,
                true_or_false(unresolved) if unresolved else None,
                query.get("search", "").strip(),
            )
        except ValueError:
            raise BadFilter("contact, device, unresolved") from None

    def apply(self, rows: QuerySet[IncomingMessage], account: Account) -> QuerySet[IncomingMessage]:
        if self.contact is not None:
            keys = Contact.objects.for_account(account).filter(pk=self.contact).exclude(phone_key=None)
            rows = rows.filter(phone_key__in=keys.values("phone_key"))
        if self.device is not None:
            rows = rows.filter(device=self.device)
        if self.phone:
            rows = rows.filter(_from(self.phone, account.default_country))
        if self.wish:
            rows = rows.filter(wish=self.wish)
        if self.unresolved is not None:
            rows = rows.filter(UNSETTLED) if self.unresolved else rows.exclude(UNSETTLED)
        if self.search:
            rows = rows.filter(Q(text__icontains=self.search) | Q(name__icontains=self.search))
        return rows


class Answered(NamedTuple):
    """The message of ours that somebody answered."""

    job: str  # uuid
    recipient_id: int
    campaign_id: int | None
    variant: int | None


class Beside(NamedTuple):
    """What belongs to a page of messages."""

    contacts: dict[str, Contact]  # by phone key
    answered: dict[int, Answered]  # by recipient's id


def beside(account_id: int, messages: Sequence[IncomingMessage]) -> Beside:
    """Whose messages these are and what they answer, for all of them in three queries."""
    keys = {message.phone_key for message in messages if message.phone_key}
    contacts = Contact.objects.for_account(account_id).filter(phone_key__in=keys)
    ids = {message.recipient_id for message in messages if message.recipient_id}
    recipients = list(Recipient.objects.filter(pk__in=ids, job__account_id=account_id).select_related("job"))
    runs = dict(
        CampaignRun.objects.filter(job__in={one.job_id for one in recipients}).values_list("job_id", "campaign_id")
    )
    return Beside(
        {str(contact.phone_key): contact for contact in contacts},
        {one.pk: Answered(str(one.job.uuid), one.pk, runs.get(one.job_id), one.variant) for one in recipients},
    )


def _from(phone: str, default_country: str) -> Q:
    """From a number in any spelling; where neither it nor the account says of which country, from any that ends so."""
    found = Q(phone_key=phone_numbers.key_of_spelling(phone, default_country) or "-")
    digits = phone_numbers.without_separators(phone)
    if not default_country and digits.isascii() and digits.isdigit() and len(digits) >= SHORTEST_ENDING:
        found |= Q(phone__endswith=digits)
    return found


def _id(text: str) -> int | None:
    pk = row_id(text)
    if text and pk is None:
        raise ValueError(text)
    return pk
