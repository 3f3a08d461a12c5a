"""What is kept of a number of an exclusion list, and by which digests somebody's number is looked for in one.

A list of plain numbers keeps a digest of each number's key. A list of hashes keeps the hashes as they are, and does not
say how the number was written before it was hashed: every spelling that is likely is tried (`candidates`). Of all
digests the first 64 bits are kept, as PostgreSQL's bigint: among a million a stranger is one by chance once in 18
million million.
"""

import hashlib
import re
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, Final

from devices.phone_numbers import dialled, key_of, spelt

PLAIN: Final = "plain"
# By the length of a hash in hexadecimal digits.
ALGORITHMS: Final = {64: "sha256", 40: "sha1", 32: "md5"}
FORMS: Final = (PLAIN, *ALGORITHMS.values())

# Named outright: to look one up by its name takes longer than to hash a number.
_HASHERS: Final[dict[str, Callable[[bytes], Any]]] = {
    "sha256": hashlib.sha256,
    "sha1": partial(hashlib.sha1, usedforsecurity=False),
    "md5": partial(hashlib.md5, usedforsecurity=False),
}
_HEX: Final = re.compile(r"(?:0x)?([0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})", re.IGNORECASE)


def hash_in(text: str) -> tuple[str, int] | None:
    """The algorithm and the digest of a hash as it is written; None for what is none."""
    found = _HEX.fullmatch(text.strip())
    return None if found is None else (ALGORITHMS[len(found[1])], _bits(bytes.fromhex(found[1][:16])))


def digest_of(phone_key: str) -> int:
    """What is kept of a plain number, by its key."""
    return _bits(hashlib.blake2b(phone_key.encode(), digest_size=8, usedforsecurity=False).digest())


def digests_for(phone: str, forms: Collection[str], country: str) -> list[int]:
    """By which digests a number ("+" and digits) stands in a list of these forms, whose bare numbers are a country's
    ("PE"; "" for none).
    """
    found = [digest_of(key_of(phone))] if PLAIN in forms else []
    hashers = [_HASHERS[form] for form in forms if form != PLAIN]
    if hashers:
        written = [text.encode() for text in candidates(phone, country)]
        for hasher in hashers:
            found += [_bits(hasher(text).digest()[:8]) for text in written]
    return found


def candidates(phone: str, country: str) -> list[str]:
    """The spellings under which a number may have been hashed: E.164 with "+" and without it, and in the list's own
    country as it is written there, with the 0 before it where it has one; each with and without the digit that comes
    and goes in Mexico, Argentina and Brazil.
    """
    code, trunk = dialled(country)
    found: list[str] = []
    for spelling in spelt(phone):
        found += (spelling, spelling[1:])
        if code and spelling.startswith(code):
            national = spelling[len(code) :]
            found += (national, trunk + national) if trunk else (national,)
    return found


def _bits(raw: bytes) -> int:
    return int.from_bytes(raw, "big", signed=True)
