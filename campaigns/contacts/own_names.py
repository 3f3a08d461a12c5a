"""One name for all its spellings: "VIP" and "vip", ñ composed or not, are what the account wrote first (decision 0020).

Of labels and of custom attributes: rows with a `name` and its `folded` form, one of each in an account.
"""

import unicodedata
from collections.abc import Iterable
from typing import Any

from accounts.written.folding import same_name
from campaigns.models import AttributeName, Label

Names = type[Label] | type[AttributeName]


def known(model: Names, account_id: int, written: Iterable[str]) -> dict[str, str]:
    """By each of these spellings the account's own name; itself where there is none."""
    folded = {name: same_name(name) for name in written}
    if not folded:
        return {}
    rows = model.objects.for_account(account_id).filter(folded__in=set(folded.values()))
    own = dict(rows.values_list("folded", "name"))
    return {name: own.get(fold, name) for name, fold in folded.items()}


def ensure(model: Names, account_id: int, written: Iterable[str]) -> dict[str, str]:
    """As `known`; names that there are not yet are made, of several spellings the first."""
    first: dict[str, str] = {}
    written = list(written)
    for name in written:
        first.setdefault(same_name(name), unicodedata.normalize("NFC", name.strip()))
    there = model.objects.for_account(account_id).filter(folded__in=list(first)).values_list("folded", flat=True)
    missing = sorted(first.keys() - set(there)) if first else []
    if missing:
        rows: list[Any] = [model(account_id=account_id, name=first[fold]) for fold in missing]
        model.unscoped.bulk_create(rows, ignore_conflicts=True)
    return known(model, account_id, written)
