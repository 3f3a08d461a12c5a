"""Custom attributes by their names. A contact holds the names themselves, as `own_names` has them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from campaigns.contacts import own_names
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


def under_own_names(account_id: int, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A contact's attributes under the account's own names; of two spellings of one name the later counts."""
    own = ensure(account_id, attributes)
    return {own[name]: value for name, value in attributes.items()}
