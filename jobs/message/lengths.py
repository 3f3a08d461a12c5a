"""How long a text may be, in characters. WhatsApp takes 65,536 in a message; long before that it is cut on a screen."""

from collections.abc import Iterable
from typing import Final

MOST: Final = 65_536  # a longer one is not sent to anybody
EASY: Final = 4_096
EASY_CAPTION: Final = 1_024  # of an image, a video or a document


def easy(*, has_media: bool) -> int:
    """Up to how many characters nobody is warned."""
    return EASY_CAPTION if has_media else EASY


def problems_of(texts: Iterable[str], *, has_media: bool) -> list[str]:
    """What is likely a mistake in the length of these texts, as people would read them: a sentence in Spanish."""
    longest, limit = max(map(len, texts), default=0), easy(has_media=has_media)
    if longest <= limit:
        return []
    of_what = "El texto de un adjunto" if has_media else "El mensaje"
    if longest > MOST:
        return [f"{of_what} tiene {longest} caracteres para alguien de la muestra: más de {MOST} no se envía."]
    return [
        f"{of_what} tiene {longest} caracteres para alguien de la muestra: con más de {limit} puede no leerse entero."
    ]
