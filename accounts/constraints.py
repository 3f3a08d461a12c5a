"""Which rule of the database a statement broke: only the one that is meant becomes a refusal, any other is a fault."""

from django.db import IntegrityError


def is_breach_of(constraint: str, error: IntegrityError) -> bool:
    """Whether it was this constraint, by its name. Its text would not do: it quotes the row, which people write."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None) == constraint
