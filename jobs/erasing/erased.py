"""Who was erased: asked at each door by which a number comes in. Such a number is not kept again, and not written to.

Whoever asks and then writes does both in one transaction, which an erasure that begins meanwhile waits for: what was
written before it is found and forgotten, what comes after it finds the digest.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any, Final

from django.db import connection

from devices.phone_numbers import key_of
from jobs.erasing import digests
from jobs.models import Erasure

ERASED: Final = "erased"  # the error code of a recipient who was
# "eras": the first key of the advisory locks that keep the beginning of an erasure apart from the doors.
_BEGINNING: Final = 0x65726173


def hold_off(account_id: int) -> None:
    """Have no erasure of the account begin until our transaction ends; others may hold it off at the same time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", (_BEGINNING, account_id & 0x7FFFFFFF))


def begin_alone(account_id: int) -> None:
    """Wait until nobody holds it off, and have whoever comes to a door wait until our transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", (_BEGINNING, account_id & 0x7FFFFFFF))


def reader(account_id: int) -> Callable[[str], bool] | None:
    """A function that says of a number's key whether its owner was erased; None where nobody of the account was."""
    hold_off(account_id)
    digester = digests.of_account(account_id)
    if digester is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT digest FROM jobs_erasure WHERE account_id = %s AND digest IS NOT NULL", (account_id,))
        known = {bytes(digest) for (digest,) in cursor.fetchall()}
    return lambda phone_key: digester.of(phone_key) in known


def among(account_id: int, phone_keys: Collection[str]) -> set[str]:
    """Those of these numbers' keys whose owners were erased."""
    is_theirs = reader(account_id) if phone_keys else None
    return set() if is_theirs is None else set(filter(is_theirs, phone_keys))


def is_erased(account_id: int, phone: str) -> bool:
    """Whether this number's ("+" and digits) owner was erased."""
    return bool(among(account_id, [key_of(phone)]))


def joined(account_id: int, phone_key: str) -> tuple[str, list[Any]]:
    """SQL, and its parameters: by which a text column with a number's key is joined with the `erased` row of its owner.
    Where nobody of the account was erased it costs nothing."""
    hold_off(account_id)
    digester = digests.of_account(account_id)
    if digester is None:
        return "false", []
    digest, parameters = digester.sql(phone_key)
    return f"erased.account_id = %s AND erased.digest = {digest}", [account_id, *parameters]


def came_before(account_id: int, told: Iterable[tuple[str, datetime]]) -> set[tuple[str, datetime]]:
    """Of what people, by their number's key, said at a time: what those who were erased said before that."""
    said = set(told)
    keys = among(account_id, {key for key, _ in said})
    if not keys:
        return set()
    digester = digests.for_first(account_id)
    theirs = Erasure.objects.for_account(account_id).filter(digest__in=[digester.of(key) for key in keys])
    asked = {bytes(digest): at for digest, at in theirs.values_list("digest", "asked_at")}
    return {(key, at) for key, at in said if key in keys and at <= asked[digester.of(key)]}


def lift(account_id: int, phone_key: str, agreed: datetime) -> bool:
    """Write again to somebody who, after their erasure, wrote themselves that they want to hear; whether they had been
    erased. What was forgotten stays forgotten."""
    if phone_key not in among(account_id, [phone_key]):
        return False
    digest = digests.for_first(account_id).of(phone_key)
    theirs = Erasure.objects.for_account(account_id).filter(digest=digest, done_at__lt=agreed)
    return bool(theirs.delete()[0])
