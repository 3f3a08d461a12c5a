"""The keyed hash that stays of an erased person's number: HMAC-SHA256 of its key, under a key of the account's own.

The account's key is drawn at random with its first erasure and kept encrypted, as a device's token is: whoever has a
copy of the database alone cannot try out numbers, two accounts' hashes of one number have nothing in common, and
rotating FIELD_ENCRYPTION_KEYS changes none of them. Python computes it of a few numbers, PostgreSQL of a million.
"""

import hashlib
import hmac
import secrets
from typing import Final, NamedTuple

from jobs.models import ErasureKey

_BLOCK_BYTES: Final = 64  # of SHA-256
_INNER: Final = bytes(number ^ 0x36 for number in range(256))
_OUTER: Final = bytes(number ^ 0x5C for number in range(256))


class KeyLost(Exception):
    """None of FIELD_ENCRYPTION_KEYS opens the account's key: nobody can say who was erased, so nobody goes on."""


class Digester(NamedTuple):
    """An account's key."""

    key: bytes  # 32

    def of(self, phone_key: str) -> bytes:
        return hmac.digest(self.key, phone_key.encode(), hashlib.sha256)

    def sql(self, phone_key: str) -> tuple[str, list[bytes]]:
        """The same as an SQL expression over a text column, and its parameters."""
        block = self.key.ljust(_BLOCK_BYTES, b"\0")
        text = f"sha256(%s::bytea || sha256(%s::bytea || convert_to({phone_key}, 'UTF8')))"
        return text, [block.translate(_OUTER), block.translate(_INNER)]


def of_account(account_id: int) -> Digester | None:
    """None where the account never erased anybody. Raises KeyLost."""
    row = ErasureKey.objects.filter(pk=account_id).first()
    return None if row is None else _opened(row)


def for_first(account_id: int) -> Digester:
    """The account's key, which is made where there is none yet. Raises KeyLost."""
    row, _ = ErasureKey.objects.get_or_create(pk=account_id, defaults={"key": secrets.token_hex(32)})
    return _opened(row)


def _opened(row: ErasureKey) -> Digester:
    if not row.key:
        raise KeyLost(f"the key of account {row.pk} is sealed with a key that is no longer in FIELD_ENCRYPTION_KEYS")
    return Digester(bytes.fromhex(row.key))
