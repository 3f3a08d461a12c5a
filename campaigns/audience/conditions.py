"""Whom a campaign is for: the `audience` JSON of seed 003 and contract §4, read strictly, in SQL and in plain Python.

    {"contact_ids": [1, 2], "labels": ["vip", "newsletter"], "custom_attributes": {"region": "norte"}, "exclude": {…}}

- Keys that are given must all hold. Of the labels any one is enough, of the contact ids any one; an empty list
  holds for nobody. Labels are read as the account writes them: "vip" is its label "VIP" (`own_names`).
- Each custom attribute is named by its key, read the same way, and must equal, with JSON's types: true is not "true",
  and null is equal to null but not to a missing attribute. Numbers and days are equal in all their spellings: 1 is
  1.0, and "1" where the attribute holds no texts (`comparing`).
- Or it is an operator, {"op": …, "value": …}:

    | op               | value               | holds where the attribute                                            |
    | eq               | scalar              | equals the value                                                     |
    | ne               | scalar              | does not equal it, or is missing: exactly where eq does not hold     |
    | gt gte lt lte    | number or text      | compares so: numbers, days and texts each as such (`comparing`)      |
    | contains         | scalar              | is a text with that text in it, or a list with an element equal to it |
    | in               | 1–100 scalars       | equals one of them                                                   |
    | exists           | true or false       | is there (null too), or is not                                       |

- `exclude` takes the same three keys, read the same way: who matches it is left out. Only `exclude`: everyone else.
- An audience without any condition ({}) matches nobody: everyone is never meant by accident. A draft may have it;
  launching refuses it (`EmptyAudience`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, Protocol

from django.db.models import F, Lookup, Q, QuerySet
from django.db.models.sql.compiler import SQLCompiler

from accounts.models import Account
from accounts.written import days
from accounts.written.reading import is_storable
from campaigns.audience.attribute_conditions import OPERATORS, AttributeCondition, kind_of
from campaigns.audience.refused import BadAudience, Problem
from campaigns.contacts import attributes, labels
from campaigns.contacts.kinds import DATE
from campaigns.models import Contact
from campaigns.wording import audience_problems

MAX_CONTACT_IDS: Final = 100_000
MAX_LABELS: Final = 200
MAX_ATTRIBUTES: Final = 50
MAX_LABEL_CHARACTERS: Final = 100  # Contact.labels: PostgreSQL would cut a longer one, and then it would match
MAX_KEY_CHARACTERS: Final = 200
MAX_PROBLEMS: Final = 20
LARGEST_ID: Final = 2**63 - 1

KEYS: Final = ("contact_ids", "labels", "custom_attributes")


class Person(Protocol):
    """What an audience asks of a contact."""

    id: Any
    labels: Any
    custom_attributes: Any


# --- The audience ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Audience:
    """A valid audience. None: the key was not given."""

    contact_ids: tuple[int, ...] | None = None
    labels: tuple[str, ...] | None = None
    custom_attributes: tuple[AttributeCondition, ...] = ()
    exclude: "Audience | None" = None

    @classmethod
    def parse(cls, raw: Any) -> "Audience":
        """Read the JSON. Raises BadAudience with every problem and its place, 20 at most."""
        reader = _Reader()
        audience = reader.audience(raw, "audience", (*KEYS, "exclude"))
        if reader.problems:
            raise BadAudience(reader.problems)
        return audience

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing, and so means nobody."""
        return (
            self.contact_ids is None
            and self.labels is None
            and not self.custom_attributes
            and (self.exclude is None or self.exclude.is_empty)
        )

    def as_json(self) -> dict[str, Any]:
        """The audience in one spelling: repeated ids and labels once, `eq` as the bare value."""
        raw: dict[str, Any] = {}
        if self.contact_ids is not None:
            raw["contact_ids"] = list(self.contact_ids)
        if self.labels is not None:
            raw["labels"] = list(self.labels)
        if self.custom_attributes:
            raw["custom_attributes"] = {condition.key: condition.as_json() for condition in self.custom_attributes}
        if self.exclude is not None and not self.exclude.is_empty:
            raw["exclude"] = self.exclude.as_json()
        return raw

    def matches(self, contact: Person) -> bool:
        """Whether the contact is meant: the plain reading, which the SQL must agree with."""
        if self.is_empty:
            return False
        if self.contact_ids is not None and contact.id not in self.contact_ids:
            return False
        if self.labels is not None and not set(self.labels) & set(contact.labels):
            return False
        if not all(condition.matches(contact.custom_attributes) for condition in self.custom_attributes):
            return False
        return self.exclude is None or not self.exclude.matches(contact)

    def select(self, account: Account | int) -> "QuerySet[Contact]":
        """The account's contacts that are meant, sendable or not, in no order. Another account's never match."""
        contacts: QuerySet[Contact] = Contact.objects.for_account(account)
        return contacts.none() if self.is_empty else contacts.filter(self.of(account).condition())

    def of(self, account: Account | int) -> "Audience":
        """The audience in the account's own words: "vip" is its label "VIP"."""
        return self._in(self.own_words(account))

    def own_words(self, account: Account | int) -> "OwnWords":
        """How the account writes the labels and attributes that are named, by how they are written here."""
        account_id = account if isinstance(account, int) else account.pk
        parts = [self] if self.exclude is None else [self, self.exclude]
        described = attributes.described(account_id, {one.key for part in parts for one in part.custom_attributes})
        has_days = any(own.kind == DATE for own in described.values())
        return OwnWords(
            labels.known(account_id, {name for part in parts for name in part.labels or ()}),
            described,
            (has_days and days.order_of(_country(account))) or "dmy",
        )

    def _in(self, words: "OwnWords") -> "Audience":
        return replace(
            self,
            labels=None if self.labels is None else tuple(dict.fromkeys(words.labels[name] for name in self.labels)),
            custom_attributes=tuple(
                replace(one, key=own.name, kind=own.kind, day_order=words.day_order)
                for one in self.custom_attributes
                for own in (words.attributes[one.key],)
            ),
            exclude=self.exclude and self.exclude._in(words),
        )

    def condition(self) -> Q:
        """The audience as a condition on Contact, for one that is not empty."""
        condition = Q()
        if self.contact_ids is not None:
            condition &= Q(_IsAnyOf(F("id"), list(self.contact_ids)))
        if self.labels is not None:
            condition &= Q(labels__overlap=list(self.labels))
        for attribute in self.custom_attributes:
            condition &= Q(attribute.condition())
        if self.exclude is not None and not self.exclude.is_empty:
            condition &= ~self.exclude.condition()
        return condition

    def unknown_contact_ids(self, account: Account | int) -> list[int]:
        """The ids, those of `exclude` too, of no contact of the account; another account's are no different."""
        wanted = {*(self.contact_ids or ()), *((self.exclude and self.exclude.contact_ids) or ())}
        if not wanted:
            return []
        contacts = Contact.objects.for_account(account).filter(_IsAnyOf(F("id"), sorted(wanted)))
        return sorted(wanted.difference(contacts.values_list("id", flat=True)))


class OwnWords(NamedTuple):
    """An account's own names, by how somebody wrote them."""

    labels: dict[str, str]
    attributes: dict[str, attributes.Own]
    day_order: str  # how the account writes days

    def written_in(self, raw: dict[str, Any]) -> dict[str, Any]:
        """The JSON of a valid audience in these words. Two conditions on what is one attribute stay as they are."""
        said = dict(raw)
        if "labels" in said:
            said["labels"] = list(dict.fromkeys(self.labels[name] for name in said["labels"]))
        conditions = said.get("custom_attributes", {})
        named = {self.attributes[key].name: value for key, value in conditions.items()}
        if conditions and len(named) == len(conditions):
            said["custom_attributes"] = named
        if "exclude" in said:
            said["exclude"] = self.written_in(said["exclude"])
        return said


def _country(account: Account | int) -> str:
    if isinstance(account, Account):
        return account.default_country
    country: str = Account.objects.values_list("default_country", flat=True).get(pk=account)
    return country


class _IsAnyOf(Lookup):
    """`id = ANY(array)`: one parameter, where `IN` would take a hundred thousand."""

    lookup_name = "is_any_of"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, parameters = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s::bigint[])", (*parameters, self.rhs)


# --- Reading the JSON --------------------------------------------------------------------------------


class _Reader:
    """Reads what it can and notes what it cannot."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def problem(self, path: str, code: str, message: str = "", **details: Any) -> None:
        """`details` fill the gaps of the code's sentence, unless another `message` says it better."""
        if len(self.problems) < MAX_PROBLEMS:
            message = message or audience_problems.on_the_wire(code, **details)
            self.problems.append({"path": path, "code": code, "message": message})

    def audience(self, raw: Any, path: str, keys: Sequence[str]) -> Audience:
        if not isinstance(raw, dict):
            self.problem(path, "wrong_type", expected=audience_problems.AN_AUDIENCE)
            return Audience()
        for key in raw:
            if key not in keys:
                self.problem(_place(path, key), "unknown_key", keys=", ".join(keys))
        return Audience(
            contact_ids=self.contact_ids(raw["contact_ids"], f"{path}.contact_ids") if "contact_ids" in raw else None,
            labels=self.labels(raw["labels"], f"{path}.labels") if "labels" in raw else None,
            custom_attributes=self.attributes(raw.get("custom_attributes", {}), f"{path}.custom_attributes"),
            exclude=self.audience(raw["exclude"], f"{path}.exclude", KEYS)
            if "exclude" in raw and "exclude" in keys
            else None,
        )

    def contact_ids(self, raw: Any, path: str) -> tuple[int, ...]:
        if not self._is_list(raw, path, MAX_CONTACT_IDS, audience_problems.CONTACT_IDS):
            return ()
        for index, value in enumerate(raw):
            if kind_of(value) != "number" or not isinstance(value, int) or not 0 < value <= LARGEST_ID:
                self.problem(f"{path}.{index}", "wrong_type", expected=audience_problems.CONTACT_ID)
                return ()
        return tuple(dict.fromkeys(raw))

    def labels(self, raw: Any, path: str) -> tuple[str, ...]:
        if not self._is_list(raw, path, MAX_LABELS, audience_problems.LABELS):
            return ()
        for index, value in enumerate(raw):
            if not isinstance(value, str) or not value or not is_storable(value):
                self.problem(f"{path}.{index}", "wrong_type", expected=audience_problems.LABEL)
            elif len(value) > MAX_LABEL_CHARACTERS:
                self.problem(f"{path}.{index}", "too_long", limit=MAX_LABEL_CHARACTERS)
        return tuple(dict.fromkeys(value for value in raw if isinstance(value, str)))

    def attributes(self, raw: Any, path: str) -> tuple[AttributeCondition, ...]:
        if not isinstance(raw, dict):
            self.problem(path, "wrong_type", expected=audience_problems.ATTRIBUTES)
            return ()
        if len(raw) > MAX_ATTRIBUTES:
            self.problem(path, "too_many", limit=MAX_ATTRIBUTES, of_what=audience_problems.CONDITIONS)
            return ()
        conditions = []
        for key, value in raw.items():
            place = _place(path, key)
            if not key or len(key) > MAX_KEY_CHARACTERS or not is_storable(key):
                self.problem(place, "wrong_type", audience_problems.wrong_name(MAX_KEY_CHARACTERS))
            elif (condition := self.attribute(key, value, place)) is not None:
                conditions.append(condition)
        return tuple(conditions)

    def attribute(self, key: str, raw: Any, path: str) -> AttributeCondition | None:
        op, value = "eq", raw
        if isinstance(raw, dict):
            for name in raw:
                if name not in ("op", "value"):
                    self.problem(_place(path, name), "unknown_key", keys="op, value")
                    return None
            if not isinstance(raw.get("op"), str) or raw["op"] not in OPERATORS:
                self.problem(f"{path}.op", "unknown_operator", operators=", ".join(OPERATORS))
                return None
            op, path = raw["op"], f"{path}.value"
            if "value" not in raw:
                self.problem(path, "missing", op=op, expected=OPERATORS[op].expected)
                return None
            value = raw["value"]
        if not OPERATORS[op].takes(value):
            hint = "" if isinstance(raw, dict) else audience_problems.OR_AN_OPERATOR
            self.problem(path, "wrong_type", expected=OPERATORS[op].expected + hint)
            return None
        return AttributeCondition(key, op, tuple(value) if op == "in" else value)

    def _is_list(self, raw: Any, path: str, limit: int, of_what: str) -> bool:
        if not isinstance(raw, list):
            self.problem(path, "wrong_type", expected=audience_problems.a_list(of_what))
            return False
        if len(raw) > limit:
            self.problem(path, "too_many", limit=limit, of_what=of_what)
            return False
        return True


def _place(path: str, key: Any) -> str:
    text = str(key)
    return f"{path}.{text if len(text) <= 60 else text[:59] + '…'}"
