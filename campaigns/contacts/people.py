"""Contacts: made, changed, found. One person has one number, whatever its spelling, and one row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import QueryDict
from django.utils import timezone

from accounts.constraints import is_breach_of
from accounts.models import Account
from accounts.written.reading import is_storable, true_or_false
from campaigns.contacts import attributes, consent_history
from campaigns.contacts import labels as labelling
from campaigns.contacts.consent_history import Statement, Told
from campaigns.models import Contact
from devices import phone_numbers
from jobs import suppression
from jobs.erasing import erased

NAME_CHARACTERS: Final = 200
ATTRIBUTE_NAME_CHARACTERS: Final = 100
ATTRIBUTES_MAX_BYTES: Final = 16 * 1024
ATTRIBUTE_PREFIX: Final = "attribute."
NAMES: Final = ("label", "phone", "email", "opted_out", "search")  # of the filters, besides those of attributes
# Why a number is suppressed, in the list of suppressed numbers.


# "cont": the first key of the advisory locks that keep deleting a contact and freezing an audience apart.
_THERE: Final = 0x636F6E74


class PhoneTaken(Exception):
    """Another contact of the account has this number, perhaps in another spelling."""


class PhoneErased(Exception):
    """The number's owner was erased: they are a contact again once they have written that they want to hear."""


def keep_all(account_id: int) -> None:
    """Have no contact of the account deleted until our transaction ends; others may read them at the same time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", (_THERE, account_id & 0x7FFFFFFF))


def delete(contact: Contact, reason: str = suppression.CONTACT_DELETED) -> None:
    """Delete a contact, who is written to no more: not by a campaign under way either, where it was not their turn,
    for which their recipients have the `reason`."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", (_THERE, contact.account_id & 0x7FFFFFFF))
        suppression.leave_out_contact(contact.account_id, contact.pk, reason)
        contact.delete()


def save(contact: Contact, values: Mapping[str, Any], told: Told) -> Contact:
    """Write `values` to a new or a known contact, only those columns; labels that there are not are made.

    Keys: name, phone (E.164 or None), email, labels, custom_attributes, and opted_out: saying no suppresses the
    number, saying yes again lifts that. `told` says who told us. Raises PhoneTaken and PhoneErased; then nothing has
    changed.
    """
    columns = {name: value for name, value in values.items() if name != "opted_out"}
    if "phone" in columns:
        phone = columns["phone"]
        columns["phone_key"] = phone and phone_numbers.key_of(phone)
    columns.update(_consent(contact, values.get("opted_out"), told.source))
    for name, value in columns.items():
        setattr(contact, name, value)
    try:
        with transaction.atomic():
            if columns.get("phone_key") and erased.among(contact.account_id, [columns["phone_key"]]):
                raise PhoneErased
            _take_own_names(contact, columns)
            if contact.pk is None:
                contact.save(force_insert=True)
            elif columns:
                # Only what was said: other columns may have moved since the row was read.
                Contact.unscoped.filter(pk=contact.pk).update(**columns, updated_at=Now())
            if contact.phone and {"phone", "opted_out_at"} & columns.keys():
                if contact.opted_out_at is not None:
                    suppression.suppress(contact.account_id, [contact.phone], suppression.OPTED_OUT)
                elif "opted_out_at" in columns:
                    suppression.lift(contact.account_id, [contact.phone])
            _keep(contact, columns, told)
    except IntegrityError as error:
        if is_breach_of("contact_once_per_number", error):
            raise PhoneTaken from None
        raise
    return contact


def _keep(contact: Contact, columns: Mapping[str, Any], told: Told) -> None:
    """Keep what was said by this; of one who is out, that it is said of another number, too."""
    out_at, in_at = contact.opted_out_at, contact.opted_in_at
    if out_at is not None and {"phone", "opted_out_at"} & columns.keys():
        said = Statement(contact.phone or "", contact.pk, True, out_at, told, kind="")
    elif in_at is not None and "opted_out_at" in columns:
        said = Statement(contact.phone or "", contact.pk, False, in_at, told)
    else:
        return
    consent_history.add(contact.account_id, [said])


def _take_own_names(contact: Contact, columns: dict[str, Any]) -> None:
    """Write labels and attributes as the account writes them; those that there are not yet are made."""
    if "labels" in columns:
        own = labelling.ensure(contact.account_id, columns["labels"])
        contact.labels = columns["labels"] = labelling.each_once(columns["labels"], own)
    if "custom_attributes" in columns:
        contact.custom_attributes = columns["custom_attributes"] = attributes.under_own_names(
            contact.account_id, columns["custom_attributes"]
        )


def _consent(contact: Contact, opted_out: bool | None, source: str) -> dict[str, Any]:
    """The columns that change where a contact says yes or no; none where that was known."""
    if opted_out is None or opted_out == (contact.opted_out_at is not None):
        return {}
    if opted_out:
        return {"opted_out_at": timezone.now(), "opted_out_source": source}
    return {"opted_out_at": None, "opted_out_source": "", "opted_in_at": timezone.now(), "opted_in_source": source}


class BadFilter(ValueError):
    """A filter that means nothing. Says which one."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which contacts are meant. What is given must all hold; of several labels any one is enough."""

    labels: tuple[str, ...] = ()
    phone: str = ""  # in any spelling
    email: str = ""
    opted_out: bool | None = None
    search: str = ""  # part of the name, the number or the e-mail
    # By name. A text means that text, and the number, true, false or null that it spells.
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_query(cls, query: QueryDict) -> Self:
        """Read `?label=vip&label=new&phone=…&email=…&opted_out=true&attribute.region=norte&search=…`."""
        for name, values in query.lists():
            if (name in NAMES or name.startswith(ATTRIBUTE_PREFIX)) and not all(map(is_storable, (name, *values))):
                raise BadFilter(name[:100])
        return cls(
            labels=tuple(filter(None, query.getlist("label"))),
            phone=query.get("phone", ""),
            email=query.get("email", ""),
            opted_out=_true_or_false(query.get("opted_out", "")),
            search=query.get("search", ""),
            attributes={
                name.removeprefix(ATTRIBUTE_PREFIX): value
                for name, value in query.items()
                if name.startswith(ATTRIBUTE_PREFIX) and name != ATTRIBUTE_PREFIX
            },
        )

    @classmethod
    def from_json(cls, given: Any) -> Self:
        """Read the same names from an object; `label` may be a list. {} means every contact. Raises BadFilter."""
        if not isinstance(given, dict):
            raise BadFilter("filter")
        query = QueryDict(mutable=True)
        for name, value in given.items():
            if name not in NAMES and not name.startswith(ATTRIBUTE_PREFIX):
                raise BadFilter(name[:100])
            values = value if isinstance(value, list) and name == "label" else [value]
            if not all(isinstance(one, str | int | float | bool) for one in values) or not values:
                raise BadFilter(name[:100])
            query.setlist(name, [str(one).lower() if isinstance(one, bool) else str(one) for one in values])
        return cls.from_query(query)

    def apply(self, rows: QuerySet[Contact], account: Account) -> QuerySet[Contact]:
        if self.labels:
            rows = rows.filter(labels__overlap=list(labelling.known(account.pk, self.labels).values()))
        if self.phone:
            key = phone_numbers.key_of_spelling(self.phone, account.default_country)
            rows = rows.filter(phone_key=key or "")  # "" is nobody's; `none()` has no SQL to build on
        if self.email:
            rows = rows.filter(email__iexact=self.email)
        if self.opted_out is not None:
            rows = rows.filter(opted_out_at__isnull=not self.opted_out)
        own = attributes.known(account.pk, self.attributes)
        for name, text in self.attributes.items():
            name = own[name]
            meant = Q(custom_attributes__contains={name: text})
            for value in _spelled(text):
                meant |= Q(custom_attributes__contains={name: value})
            rows = rows.filter(meant)
        if self.search.strip():
            rows = rows.filter(_found(self.search.strip(), account))
        return rows


def _found(text: str, account: Account) -> Q:
    found = Q(name__icontains=text) | Q(email__icontains=text)
    digits = phone_numbers.without_separators(text).removeprefix("+")
    if digits.isascii() and digits.isdecimal():
        found |= Q(phone__contains=digits)
        if key := phone_numbers.key_of_spelling(text, account.default_country):
            found |= Q(phone_key=key)
    return found


def _spelled(text: str) -> list[Any]:
    """What else than itself a text in an address may mean."""
    words: dict[str, Any] = {"true": True, "false": False, "null": None}
    if text in words:
        return [words[text]]
    try:
        number = float(text)
    except ValueError:
        return []
    if number != number or number in (float("inf"), float("-inf")):  # JSON has none of them
        return []
    return [int(text) if text.lstrip("-").isdecimal() and len(text) < 20 else number]


def _true_or_false(text: str) -> bool | None:
    try:
        return true_or_false(text) if text else None
    except ValueError:
        raise BadFilter("opted_out") from None
