"""What stands in a message like a variable, and that nothing can ever fill: it is not sent (docs/decisions/0020).

Of what a person wrote with "@" only that is taken for a variable which can hardly be anything else:

- `@valor9` where no row has nine values, wherever it stands, since it would be replaced there;
- `@valores2`: a word near "valor" with a number;
- in a file whose header names columns, a word of its own that is near one of them (`@apelido`, `@nombre` beside
  "nombre completo") or that everybody calls a person's data by (`@nombre`, `@dni`).

`@empresa` on its own, in an address, in a link or in a domain is text, and so is an "@" before a blank. What stands in
double braces was meant as a variable whatever it says.
"""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from accounts.written.folding import loose
from jobs.message.file_variables import Place, column_name, places

MOST: Final = 20  # that are told
NEAREST: Final = 3  # that are proposed for each
SHOWN_CHARACTERS: Final = 60
_LOOKED_AT: Final = 100  # different ones of each kind: a message may hold ten thousand

_NEAR: Final = 0.8  # of difflib's ratio
_SHORTEST: Final = 4  # letters that a word must share with another to be its beginning
# No letter before it, nor what joins it to an address, a link or a domain. `_@nombre_` is WhatsApp's italics.
_WORD: Final = re.compile(
    r"(?<![^\W_])(?<![.%+/@-])(?<![^\W_]_)@([^\W_](?:\w*[^\W_])?)(?!_*[^\W_])(?![.-][\w@/])(?![@/])"
)
_BRACED: Final = re.compile(r"\{\{([^{}]*)\}\}")
_SAYS_SOMETHING: Final = re.compile(r"[^\W_]")
_WITH_NUMBER: Final = re.compile("([^0-9]{3,9})([1-9][0-9]{0,5})")
_NUMBERED: Final = re.compile("valor[0-9]*")
# Without case, accents and blanks, in Spanish, Portuguese and English.
_PERSONAL: Final = frozenset(
    [
        *("nombre", "nombres", "nombrecompleto", "nome", "nomecompleto", "name", "firstname", "lastname", "fullname"),
        *("apellido", "apellidos", "sobrenome", "cliente", "dni", "ruc", "rut", "cpf", "cnpj", "telefono", "celular"),
        *("monto", "saldo", "deuda", "importe", "vencimiento", "pedido", "codigo"),
    ]
)
# What people write for a contact's own fields.
_FIELDS: Final = {
    **dict.fromkeys(("nombre", "nombres", "nombrecompleto", "nome", "firstname", "fullname", "contacto"), "name"),
    **dict.fromkeys(("telefono", "celular", "movil", "telefone", "numero", "whatsapp", "phonenumber"), "phone"),
    **dict.fromkeys(("correo", "mail", "correoelectronico"), "email"),
}
_CONTACT_FIELDS: Final = ("name", "phone", "email")


class Unfilled(NamedTuple):
    """A variable that nothing fills, as it is written, and those that may have been meant: "@valor9", ["@valor3"]."""

    name: str
    nearest: list[str]

    def __str__(self) -> str:
        return f"{self.name} (¿{', '.join(self.nearest)}?)" if self.nearest else self.name


def in_file(message: str, columns: Sequence[str], width: int) -> list[Unfilled]:
    """What in a file's message can never be filled, in its order, each once; 20 at most.

    `columns` are the header's names, `width` is how many values the longest row has.
    """
    width = max(width, len(columns))
    names = [name for name in map(column_name, columns) if name]
    known = [name for name in names if not _NUMBERED.fullmatch(loose(name))]
    spellings = {loose(name): f"@{name}" for name in reversed(known)}
    spellings |= {f"valor{number}": f"@valor{number}" for number in range(1, width + 1)}
    filled = places(message, columns)
    found: dict[str, tuple[int, list[str]]] = {}
    for place in filled:
        if place.value_index >= width:
            written = message[place.start : place.end]
            found.setdefault(written, (place.start, [f"@valor{width}"] if width else []))
    for start, written, inner in _outside(_BRACED, message, filled):
        if _SAYS_SOMETHING.search(inner):
            found[written] = start, _nearest(loose(inner.partition("|")[0]), spellings)
    loose_known = [loose(name) for name in known]
    for start, written, inner in _outside(_WORD, message, filled):
        word = loose(inner)
        if number := _misspelt_number(word):
            nearest = min(int(number), width)
            found[written] = start, [f"@valor{nearest}"] if width else []
        elif known and (word in _PERSONAL or _is_near(word, loose_known)):
            found[written] = start, _nearest(word, spellings) or [f"@{name}" for name in known[:NEAREST]]
    in_order = sorted((start, written, nearest) for written, (start, nearest) in found.items())
    return [Unfilled(_shown(written), nearest) for _, written, nearest in in_order[:MOST]]


def in_campaign(unknown: Iterable[str], attributes: Iterable[str] = ()) -> list[Unfilled]:
    """The same of what `rendering.unknown_variables` found in a campaign's texts, "{{nombre}}".

    `attributes`: the names of those that contacts of the account have.
    """
    spellings = {loose(name): f"{{{{custom_attributes.{name}}}}}" for name in attributes}
    spellings |= {name: f"{{{{{name}}}}}" for name in _CONTACT_FIELDS}
    found = []
    for written in unknown:
        if not _SAYS_SOMETHING.search(written):
            continue
        name = loose(written[2:-2].partition("|")[0]).rpartition(".")[2]
        own = [spellings[_FIELDS[name]]] if name in _FIELDS else []
        found.append(Unfilled(_shown(written), list(dict.fromkeys([*own, *_nearest(name, spellings)]))[:NEAREST]))
    return found[:MOST]


def sentence(unfilled: Sequence[Unfilled]) -> str:
    """The names with those that may have been meant: "@valor9 (¿@valor3?), {{apellido}}"."""
    return ", ".join(map(str, unfilled))


def _outside(pattern: re.Pattern[str], message: str, filled: Sequence[Place]) -> list[tuple[int, str, str]]:
    """What the pattern finds beside the variables: where it begins, all of it and its group; each text once."""
    taken = {place.start for place in filled}
    found: dict[str, tuple[int, str, str]] = {}
    for match in pattern.finditer(message):
        if match.start() not in taken:
            found.setdefault(match[0], (match.start(), match[0], match[1]))
            if len(found) == _LOOKED_AT:
                break
    return list(found.values())


def _nearest(name: str, spellings: dict[str, str]) -> list[str]:
    """Those that the name is a misspelling of, or that begin as it does."""
    beginning = [known for known in spellings if _begins(name, known)]
    near = difflib.get_close_matches(name[:SHOWN_CHARACTERS], spellings, NEAREST, 0.6)
    return list(dict.fromkeys(spellings[known] for known in [*near, *beginning]))[:NEAREST]


def _is_near(word: str, names: Sequence[str]) -> bool:
    """Whether it is the beginning of one, or a misspelling; "empresaperu" is not the column "empresa"."""
    if len(word) >= _SHORTEST and any(name.startswith(word) for name in names):
        return True
    return bool(difflib.get_close_matches(word[:SHOWN_CHARACTERS], names, 1, _NEAR))


def _begins(one: str, other: str) -> bool:
    return min(len(one), len(other)) >= _SHORTEST and (one.startswith(other) or other.startswith(one))


def _misspelt_number(word: str) -> str:
    """The number of a misspelt `valorN`, "" for any other word; "valor0" is text, as it always was."""
    match = _WITH_NUMBER.fullmatch(word)
    if match is None or match[1] == "valor":
        return ""
    return match[2] if difflib.SequenceMatcher(None, match[1], "valor").ratio() >= _NEAR else ""


def _shown(written: str) -> str:
    return written if len(written) <= SHOWN_CHARACTERS else written[: SHOWN_CHARACTERS - 1] + "…"
