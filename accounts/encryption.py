"""A text column that is encrypted at rest (Fernet: AES-128-CBC with HMAC), with key rotation.

The packages that offer this are unkept or store "" as NULL; it is one small field.
"""

from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def cipher() -> MultiFernet:
    """The first of FIELD_ENCRYPTION_KEYS encrypts; all of them decrypt."""
    return _cipher(tuple(settings.FIELD_ENCRYPTION_KEYS))


class Sealed(str):
    """What is read of a text that none of our keys opens: nothing. Saved again, its ciphertext stays as it was."""

    ciphertext: str

    def __new__(cls, ciphertext: str) -> "Sealed":
        sealed = super().__new__(cls, "")
        sealed.ciphertext = ciphertext
        return sealed


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Text in Python, ciphertext in the database. Cannot be searched or ordered by."""

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, Sealed):
            return value.ciphertext
        value = super().get_prep_value(value)
        return value if value is None else cipher().encrypt(str(value).encode()).decode()

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        try:
            return value if value is None else cipher().decrypt(value.encode()).decode()
        except InvalidToken:
            # One lost key must not keep all the other rows from being read.
            return Sealed(value or "")

    def get_lookup(self, lookup_name: str) -> Any:
        # The same text encrypts differently each time: a comparison would silently find nothing.
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None
