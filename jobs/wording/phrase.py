"""What a page says: a text, or one that waits for its reader's language."""

from collections.abc import Mapping

from django.utils.functional import Promise

Phrase = str | Promise


def as_text(phrases: Mapping[str, Phrase]) -> dict[str, str]:
    """Translate them all now, for a script of the page."""
    return {code: str(phrase) for code, phrase in phrases.items()}
