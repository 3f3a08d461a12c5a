"""Custom attributes by their names. A contact holds the names themselves, as `own_names` has them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from accounts.written.folding import same_name
from campaigns.contacts import kinds, own_names
from campaigns.models import AttributeName

MOST: Final = 1_000  # that are offered


def names(account_id: int) -> list[str]:
    """The names of the account's attributes, in alphabetical order; 1,000 at most."""
    rows = AttributeName.objects.for_account(account_id).order_by("name")
    return list(rows.values_list("name", flat=True)[:MOST])


def known(account_id: int, written: Iterable[str]) -> dict[str, str]:
    """By each of these spellings the account's own name; itself where there is none."""
    return own_names.known(AttributeName, account_id, written)


def ensure(account_id: int, written: Iterable[str]) -> dict[str, str]:
    """The same; names that there are not yet are made."""
    return own_names.ensure(AttributeName, account_id, written)


class Own(NamedTuple):
    """How an account writes an attribute, and what its values are (`kinds`)."""

    name: str
    kind: str


def described(account_id: int, written: Iterable[str]) -> dict[str, Own]:
    """By each of these spellings the account's own attribute; itself, of a kind unknown, where there is none."""
    folded = {name: same_name(name) for name in written}
    if not folded:
        return {}
    rows = AttributeName.objects.for_account(account_id).filter(folded__in=set(folded.values()))
    own = {fold: Own(name, kind) for fold, name, kind in rows.values_list("folded", "name", "kind")}
    return {name: own.get(fold, Own(name, kinds.UNKNOWN)) for name, fold in folded.items()}


def under_own_names(account_id: int, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A contact's attributes under the account's own names; of two spellings of one name the later counts.

    What their values are is noted with the names.
    """
    own = ensure(account_id, attributes)
    said = {own[name]: value for name, value in attributes.items()}
    _note(account_id, said, kinds.after_value)
    return said


def note_kinds(account_id: int, columns: Mapping[str, str]) -> None:
    """Note of what kinds the columns are that become these attributes, which are the account's own names."""
    _note(account_id, columns, kinds.after_column)


def _note(account_id: int, said: Mapping[str, Any], after: Callable[[str, Any], str]) -> None:
    rows = AttributeName.objects.for_account(account_id).filter(name__in=list(said)).exclude(kind=kinds.MIXED)
    for pk, name, kind in rows.values_list("pk", "name", "kind") if said else ():
        if (now := after(kind, said[name])) != kind:
            AttributeName.unscoped.filter(pk=pk, kind=kind).update(kind=now)
