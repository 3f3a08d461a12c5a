"""What one recipient will read: the message with that recipient's values in place of its variables.

Two spellings, one for each of `MessageSyntax`: `Template` for recipient files, `CampaignTemplate` for campaigns.
"""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final, Protocol

from accounts.written.folding import loose
from jobs.message.file_variables import MISSING, places


class MessageTemplate(Protocol):
    """A job's message. The same recipient reads the same text however often it is rendered: look-ups compare it."""

    def render(self, values: Sequence[str], phone: str = "", variant: int | None = None) -> str:
        """Return the text for one recipient: its row's values, phone and variant."""
        ...


# --- Recipient files ---------------------------------------------------------------------------------


class Template:
    """A message, taken apart once so that each of a million recipients costs about a microsecond.

    - What its variables are and which columns they mean, `file_variables` says. What is none is sent as it stands.
    - A value that is missing or blank is sent as `---`, or as the default of `{{name|default:"amigo"}}`.
    - Values go in without the blanks around them, in one pass: a value that contains `@valor2` stays that text.
    """

    def __init__(self, message: str, columns: Sequence[str] = ()) -> None:
        self._parts: list[str] = []
        self._variables: list[tuple[int, int]] = []  # which part is which value
        end = 0
        for place in places(message, columns):
            self._parts.append(message[end : place.start])
            self._variables.append((len(self._parts), place.value_index))
            self._parts.append(place.default)
            end = place.end
        self._parts.append(message[end:])

    def render(self, values: Sequence[str], phone: str = "", variant: int | None = None) -> str:
        """Return the text for one recipient. Only its values matter."""
        parts = self._parts.copy()
        count = len(values)
        for part, index in self._variables:
            if index < count and (value := values[index].strip()):
                parts[part] = value
        return "".join(parts)


# --- Campaigns ---------------------------------------------------------------------------------------

MAX_DEPTH: Final = 10  # braces within braces
MAX_PROBLEMS: Final = 20
_SHOWN_CHARACTERS = 60
_EXAMPLE = 'como {{name|default:"amigo"}}'
_CONTACT_FIELDS = ("name", "phone", "email")
_ATTRIBUTES = "custom_attributes."

# Each part stops at the next brace or quote, so that no message takes longer than its length.
_VARIABLE = r"""\{\{(?P<name>[^{}|]*)(?:\|\s*default\s*:\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)')\s*)?\}\}"""
_TOKEN = re.compile(rf"{_VARIABLE}|(?P<other>\{{\{{[^{{}}]*\}}\}})|(?P<sign>[{{}}|])")


class CampaignTemplate:
    """A campaign's message or its variants, taken apart once.

    - `{{name}}`, `{{phone}}`, `{{email}}` and `{{custom_attributes.region}}` are the contact's, in any case; Chatwoot's
      `{{contact.name}}` is the same. One that is missing or blank is sent as `---`, or as the default of
      `{{name|default:"amigo"}}`. Values go in without the blanks around them, and are never read again.
    - `{a|b|c}` is one of its options, which may be empty, hold variables and hold choices. Which one is decided by
      the recipient's phone and the job alone.
    - Braces that are not closed, that hold no bar or whose variable does not exist stay text, and so do all where they
      stand deeper than MAX_DEPTH in each other. `problems_of` finds what is likely a mistake.
    """

    def __init__(self, texts: Sequence[tuple[str, int]], columns: Sequence[str] = (), salt: str = "") -> None:
        """`texts`: each variant with its weight. `columns`: the variables that recipients have values for, in order.

        `salt` is the job's: the same phone need not get the same choices from another job.
        """
        index_of = {column: index for index, column in enumerate(columns)}
        self._texts = [_parsed(text, index_of) for text, _ in texts]
        self._weights = [weight for _, weight in texts]
        self._salt = salt

    def render(self, values: Sequence[str], phone: str = "", variant: int | None = None) -> str:
        """Return the text for one recipient. Without a `variant` it is drawn, as it is when a job is made."""
        if variant is None:
            variant = self.variant_of(phone) or 0
        text = self._texts[variant]
        return text.render(values, _Dice(phone, self._salt) if text.has_choices else _NO_DICE)

    def variant_of(self, phone: str) -> int | None:
        """Which of several variants this phone gets; None where there is one text."""
        return draw(self._weights, phone, self._salt) if len(self._weights) > 1 else None


def draw(weights: Sequence[int], phone: str, salt: str) -> int:
    """Draw a variant by weight, always the same for a phone and a salt; in SQL: `campaigns.audience.freezing`."""
    thresholds = list(accumulate(weights))
    number = int.from_bytes(hashlib.sha256(f"{phone}{salt}".encode()).digest()[:4], "big") % thresholds[-1]
    return bisect_right(thresholds, number)


def variables_of(*texts: str, without_default: bool = False) -> list[str]:
    """The contact's variables in these texts, each once: a job's `columns`. {{contact.name}} is "name".

    Or only those that stand somewhere `without_default`.
    """
    names = (
        _canonical(match["name"])
        for text in texts
        for match in _TOKEN.finditer(text)
        if match["name"] is not None and not (without_default and _has_default(match))
    )
    return list(dict.fromkeys(name for name in names if name is not None))


def _has_default(match: re.Match[str]) -> bool:
    return match["double"] is not None or match["single"] is not None


def problems_of(text: str) -> list[str]:
    """What is likely a mistake in a campaign's message, a sentence in Spanish each; 20 at most."""
    problems: dict[str, None] = {}
    for written, inner in _unknown(text):
        shown = written if len(written) <= _SHOWN_CHARACTERS else written[:_SHOWN_CHARACTERS] + "…"
        if _canonical(inner.partition("|")[0]) is not None:
            problem = f"«{shown}»: después de la barra va default y un texto entre comillas, {_EXAMPLE}."
        else:
            problem = (
                f"«{shown}»: esta variable no existe. Las que hay son {{{{name}}}}, {{{{phone}}}}, {{{{email}}}} y los "
                "atributos, como {{custom_attributes.region}}."
            )
        problems[problem] = None
    if _depth(text) > MAX_DEPTH:
        problems[f"Las llaves {{a|b}} están unas dentro de otras más de {MAX_DEPTH} veces."] = None
    return list(problems)[:MAX_PROBLEMS]


def unknown_variables(*texts: str) -> list[str]:
    """What stands in double braces in a campaign's texts and is no variable, as it is written, each once."""
    return list(dict.fromkeys(written for text in texts for written, _ in _unknown(text)))


def _unknown(text: str) -> Iterator[tuple[str, str]]:
    """What is in double braces and no variable, with what the braces hold."""
    for match in _TOKEN.finditer(text):
        name = match["name"]
        if match["sign"] is None and (name is None or _canonical(name) is None):
            yield match[0], match[0][2:-2]


def _canonical(name: str) -> str | None:
    """A variable's name as `columns` has it; None for one that does not exist."""
    name = name.strip()
    if loose(name[: len("contact.")]) == "contact.":
        name = name[len("contact.") :].strip()
        if loose(name) == "phonenumber":  # Chatwoot's own names
            return "phone"
        if loose(name[: len("custom_attribute.")]) == "customattribute.":
            name = _ATTRIBUTES + name[len("custom_attribute.") :]
    prefix, attribute = name[: len(_ATTRIBUTES)], name[len(_ATTRIBUTES) :].strip()
    if loose(prefix) == loose(_ATTRIBUTES) and attribute:
        return _ATTRIBUTES + attribute
    folded = loose(name)
    return folded if folded in _CONTACT_FIELDS else None


class _Dice:
    """Throws that depend on nothing but the recipient and the job."""

    __slots__ = ("_state",)

    def __init__(self, phone: str, salt: str) -> None:
        self._state = int.from_bytes(hashlib.blake2b(f"{phone}\0{salt}".encode()).digest(), "big")

    def throw(self, sides: int) -> int:
        # Digit by digit of one number of 512 bits: independent throws, whatever their sides; 300 of three and more.
        self._state, thrown = divmod(self._state, sides)
        return thrown


_NO_DICE = _Dice("", "")


class _Text:
    """Text with gaps: variables, by the index of their value, and choices, each a list of such texts."""

    __slots__ = ("_choices", "_parts", "_variables", "has_choices")

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._variables: list[tuple[int, int]] = []  # which part is which value
        self._choices: list[tuple[int, list[_Text]]] = []
        self.has_choices = False

    def add(self, text: str) -> None:
        self._parts.append(text)

    def add_variable(self, index: int | None, default: str) -> None:
        if index is not None:
            self._variables.append((len(self._parts), index))
        self._parts.append(default)

    def add_choice(self, options: "list[_Text]") -> None:
        self.has_choices = True
        self._choices.append((len(self._parts), options))
        self._parts.append("")

    def extend(self, other: "_Text") -> None:
        start = len(self._parts)
        self._parts += other._parts
        self._variables += [(start + part, index) for part, index in other._variables]
        self._choices += [(start + part, options) for part, options in other._choices]
        self.has_choices |= other.has_choices

    def render(self, values: Sequence[str], dice: _Dice) -> str:
        parts = self._parts.copy()
        count = len(values)
        for part, index in self._variables:
            if index < count and (value := values[index].strip()):
                parts[part] = value
        for part, options in self._choices:
            parts[part] = options[dice.throw(len(options))].render(values, dice)
        return "".join(parts)


def _parsed(text: str, index_of: dict[str, int]) -> _Text:
    with_choices = _depth(text) <= MAX_DEPTH
    # Innermost last: the options so far of each brace that is open. The first is the message, whose bars are text.
    open_: list[list[_Text]] = [[_Text()]]
    end = 0
    for match in _TOKEN.finditer(text):
        here = open_[-1][-1]
        if match.start() > end:
            here.add(text[end : match.start()])
        end = match.end()
        name = _canonical(match["name"]) if match["name"] is not None else None
        sign = match["sign"] if with_choices else None
        if name is not None:
            default = match["double"] if match["double"] is not None else match["single"]
            here.add_variable(index_of.get(name), MISSING if default is None else default)
        elif sign == "{":
            open_.append([_Text()])
        elif sign == "|" and len(open_) > 1:
            open_[-1].append(_Text())
        elif sign == "}" and len(open_) > 1:
            options = open_.pop()
            if len(options) > 1:
                open_[-1][-1].add_choice(options)
            else:
                _put_back(open_[-1][-1], options, "}")
        else:
            here.add(match[0])
    open_[-1][-1].add(text[end:])
    while len(open_) > 1:
        options = open_.pop()
        _put_back(open_[-1][-1], options, "")
    return open_[0][0]


def _put_back(text: _Text, options: Iterable[_Text], closing: str) -> None:
    """Braces that were no choice after all: as they were written."""
    sign = "{"
    for option in options:
        text.add(sign)
        text.extend(option)
        sign = "|"
    text.add(closing)


def _depth(text: str) -> int:
    """How many braces of choices stand open at once, at most."""
    depth = deepest = 0
    for match in _TOKEN.finditer(text):
        if match["sign"] == "{":
            depth += 1
            deepest = max(deepest, depth)
        elif match["sign"] == "}" and depth:
            depth -= 1
    return deepest
