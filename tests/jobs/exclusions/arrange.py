"""Arranges exclusion lists that hold, without a file."""

import hashlib
from collections.abc import Iterable
from typing import Any

from django.db import connection

from accounts.models import Account
from devices.phone_numbers import key_of
from jobs.exclusions import spellings
from jobs.models import ExclusionEntry, ExclusionList, ExclusionLoad


def exclusion_list(
    account: Account, phones: Iterable[str] = (), hashes: Iterable[str] = (), *, country: str = "", **fields: Any
) -> ExclusionList:
    """A list in force of these numbers ("+" and digits), and of hashes as they are written."""
    made: ExclusionList = ExclusionList.unscoped.create(
        **{"account": account, "name": "REPEP", "kind": "own", **fields}
    )
    entries = [(spellings.PLAIN, spellings.digest_of(key_of(phone))) for phone in phones]
    entries += [found for text in hashes if (found := spellings.hash_in(text))]
    made.load = ExclusionLoad.objects.create(
        exclusion_list=made, default_country=country, forms=sorted({form for form, _ in entries}), numbers=len(entries)
    )
    made.save()
    ExclusionEntry.objects.bulk_create([ExclusionEntry(load_id=made.load_id, digest=digest) for _, digest in entries])
    return made


def named(of: ExclusionList, phone: str) -> None:
    """Note that a list names a contact."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO jobs_exclusionhit (load_id, person) VALUES (%s, hashtextextended(%s, 0))",
            (of.load_id, key_of(phone)),
        )


def hashed(text: str, algorithm: str = "sha256") -> str:
    return hashlib.new(algorithm, text.encode()).hexdigest()
