"""Numbers that an account must not write to: every way to make or lift such a ban passes here."""

from collections.abc import Iterable

from devices.phone_numbers import key_of
from jobs.models import Suppression

OPTED_OUT = "opted_out"  # the error code of a recipient whose number is on the list


def suppress(account_id: int, phones: Iterable[str], reason_code: str) -> None:
    """Ban these numbers ("+" and digits), for a reason of ours; one that is banned already keeps its first reason."""
    banned = [
        Suppression(account_id=account_id, phone=phone, phone_key=key_of(phone), reason_code=reason_code)
        for phone in phones
    ]
    Suppression.unscoped.bulk_create(banned, ignore_conflicts=True)


def lift(account_id: int, phones: Iterable[str]) -> int:
    """Allow these numbers again, which their owners agreed to. Returns how many were banned."""
    banned = Suppression.objects.for_account(account_id).filter(phone_key__in=[key_of(phone) for phone in phones])
    deleted, _ = banned.delete()
    return int(deleted)
