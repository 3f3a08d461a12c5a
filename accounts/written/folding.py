"""When two spellings are one name. Pure; the browser's `static/jobs/template.js` folds each letter as this does."""

import re
import unicodedata
from typing import Final

# What may stand between two words of a name, or nothing: "Nombre completo", "nombre_completo".
BLANKS: Final = " \t\u00a0\u2007\u202f_"

_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def same_name(text: str) -> str:
    """Return what all spellings of one name share, of a label say: case, composed letters and blanks make no other
    name. Accents do: "año" is not "ano".
    """
    composed = unicodedata.normalize("NFC", text)
    return unicodedata.normalize("NFC", " ".join(composed.casefold().split()))


def loose_letter(letter: str) -> str:
    """One character without its case and its accents: "Ñ" is "n". "" for an accent by itself."""
    if letter.isascii():
        return letter.lower()
    taken_apart = unicodedata.normalize("NFD", letter.lower())
    return "".join([part for part in taken_apart if not unicodedata.category(part).startswith("M")])


def loose(text: str) -> str:
    """A name without case, accents and blanks, as people write it by heart: "Razón Social" is "razonsocial"."""
    letters = "".join([loose_letter(letter) for letter in text])
    return "".join([letter for letter in letters if letter not in BLANKS and not letter.isspace()])


def without_accents(text: str) -> str:
    """ "Ñandú" is "Nandu", and "½" is "1⁄2": signs that stand for several are taken apart."""
    return "".join([part for part in unicodedata.normalize("NFKD", text) if not unicodedata.combining(part)])


def slug(text: str) -> str:
    """A header without case, accents and signs: "Correo electrónico" is correo_electronico."""
    return re.sub(r"[\W_]+", "_", without_accents(text).casefold()).strip("_")


def word_set(text: str) -> frozenset[str]:
    """Words that are written as one text, to be looked for."""
    return frozenset(text.split())


def words(text: str) -> list[str]:
    """A header's words, folded and without digits: "customerId 2" is customer, id."""
    return re.findall(r"[^\W\d_]+", slug(_CAMEL.sub(" ", text)))
