"""What a message that came wishes: to be written to no more, to be written to again, or neither. Pure.

All of a message must say so: its words are an asking word (`vocabulary`) and words that add nothing to it. One word
that nobody accounts for makes it a near miss, for a person to read: "no quiero perderme la oferta" asks for nothing.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from accounts.written.folding import without_accents
from jobs.replies.vocabulary import COURTESY, IN, MESSAGES, ONLY_AFTER_OUT, OUT, WISH, Force
from jobs.states import Wish

LONGEST_TEXT: Final = 500  # characters; longer than any wish, and not worth looking through
LONGEST_PHRASE: Final = 5  # words
FEW_WORDS: Final = 3
NEAR_WORDS: Final = 8  # a message as long as that may mean anything by "alto"
_CLAUSES: Final = re.compile(r"[.,;:!?¡¿\n\r()|/]+")
_WORDS: Final = re.compile(r"[^\W_]+")
_APOSTROPHES: Final = re.compile(r"['’`´]")
_STRETCHED: Final = re.compile(r"([a-z])\1{2,}")
# "no quiero" needs something that is not wanted; that it is to leave, says the opposite.
_REFUSALS: Final = ("no quiero", "ya no quiero", "no deseo", "ya no deseo", "nao quero", "nao quero mais", "nao desejo")


class Reading(NamedTuple):
    """A wish, the word that says so, folded, and the languages that have the word."""

    wish: Wish
    word: str = ""
    languages: frozenset[str] = frozenset()


class _Found(NamedTuple):
    phrase: str
    force: Force | None  # None: of IN


@dataclass(frozen=True)
class Keywords:
    """An account's words: ours without those it has taken away, and its own, which are clear."""

    added_out: Collection[str] = ()
    removed: Collection[str] = ()
    added_in: Collection[str] = ()

    @cached_property
    def phrases(self) -> dict[tuple[str, ...], _Found]:
        """Every phrase by its words."""
        gone = {fold(word) for word in self.removed}
        found = {}
        for phrases in IN.values():
            found.update({phrase: _Found(phrase, None) for phrase in phrases})
        for forces in OUT.values():
            for force, phrases in forces.items():
                found.update({phrase: _Found(phrase, force) for phrase in phrases})
        found.update({phrase: _Found(phrase, None) for word in self.added_in if (phrase := fold(word))})
        found.update({phrase: _Found(phrase, Force.CLEAR) for word in self.added_out if (phrase := fold(word))})
        return {tuple(phrase.split()): one for phrase, one in found.items() if phrase not in gone}

    @cached_property
    def _clear_words(self) -> list[_Found]:
        """The clear phrases of one word, of which others are misspellings."""
        return [found for phrase, found in self.phrases.items() if len(phrase) == 1 and found.force is Force.CLEAR]

    def read(self, text: str) -> Reading:
        """What a message wishes."""
        if len(text) > LONGEST_TEXT:
            return Reading(Wish.NONE)
        clauses = [clause for clause in map(_words, _CLAUSES.split(_unjoined(text))) if clause]
        number = sum(map(len, clauses))
        parts = [list(self._parts(clause)) for clause in clauses]
        found = [part for clause in parts for part in clause if isinstance(part, _Found)]
        out = [one for one in found if one.force is not None]
        if (
            out
            and len(out) == len(found)
            and (
                all(_is_out(clause, number) for clause in parts) or (number <= FEW_WORDS and _is_shouted(text, out[0]))
            )
        ):
            return _reading(Wish.OUT, out[0])
        if out:
            is_near = number <= NEAR_WORDS or any(one.force is Force.CLEAR for one in out)
            return _reading(Wish.NEAR_OUT, out[0]) if is_near else Reading(Wish.NONE)
        if found and all(_is_in(clause, number) for clause in parts):
            return _reading(Wish.IN_AFTER_OUT if found[0].phrase in ONLY_AFTER_OUT else Wish.IN, found[0])
        return self._mistyped(clauses)

    def _parts(self, clause: Sequence[str]) -> Iterator[_Found | str]:
        """The phrases of a clause, the longest first, and the words between them."""
        at = 0
        while at < len(clause):
            for length in range(min(LONGEST_PHRASE, len(clause) - at), 0, -1):
                if (found := self.phrases.get(tuple(clause[at : at + length]))) is not None:
                    yield found
                    at += length
                    break
            else:
                yield clause[at]
                at += 1

    def _mistyped(self, clauses: Sequence[Sequence[str]]) -> Reading:
        """One or two words of which one is nearly a clear one: "unsuscribe", "stpo"."""
        words = [word for clause in clauses for word in clause]
        if len(words) < FEW_WORDS:
            for word in words:
                for found in self._clear_words:
                    if _is_nearly(word, found.phrase):
                        return _reading(Wish.NEAR_OUT, found)
        return Reading(Wish.NONE)


def fold(text: str) -> str:
    """A message as it is compared: no case, accents, signs, pictures or doubled blanks."""
    return " ".join(_words(_unjoined(text)))


def _unjoined(text: str) -> str:
    """Without what divides a word: apostrophes, accents, marks nobody sees."""
    return _APOSTROPHES.sub("", without_accents(text).casefold())


def _words(text: str) -> list[str]:
    words = [_STRETCHED.sub(r"\1", word) for word in _WORDS.findall(text)]
    if len(words) > 1 and all(len(word) == 1 for word in words):
        return ["".join(words)]  # S T O P
    return words


def _is_out(clause: Sequence[_Found | str], words_in_all: int) -> bool:
    """Whether a clause says that somebody is to be left alone, or nothing at all."""
    found = [part for part in clause if isinstance(part, _Found)]
    rest = {part for part in clause if isinstance(part, str)}
    if not rest <= COURTESY | WISH | MESSAGES:
        return False
    if not found:
        return rest <= COURTESY | MESSAGES
    if found[0].phrase in _REFUSALS and len(found) > 1:
        return False
    force = _plainest(found)
    if force is Force.CLEAR or rest & MESSAGES:
        return True
    if force is Force.BARE:
        return words_in_all == 1
    return rest <= COURTESY and (words_in_all <= FEW_WORDS or len(clause) == 1)


def _is_in(clause: Sequence[_Found | str], words_in_all: int) -> bool:
    """Whether a clause says that somebody wants messages, or nothing at all."""
    rest = {part for part in clause if isinstance(part, str)}
    if any(isinstance(part, _Found) and part.phrase in ONLY_AFTER_OUT for part in clause):
        return words_in_all == 1
    if rest & MESSAGES:
        return rest <= COURTESY | WISH | MESSAGES
    return rest <= COURTESY and words_in_all <= FEW_WORDS


def _is_shouted(text: str, found: _Found) -> bool:
    """Whether a message begins with a clear word in capitals, and what follows has small letters: "BAJA ya pues"."""
    first, _, rest = text.strip().partition(" ")
    return found.force is Force.CLEAR and fold(first) == found.phrase and first.isupper() and not rest.isupper()


def _plainest(found: Iterable[_Found]) -> Force:
    forces = {one.force for one in found}
    return next(force for force in Force if force in forces)


def _reading(wish: Wish, found: _Found) -> Reading:
    return Reading(wish, found.phrase, _languages_of(found.phrase))


def _languages_of(phrase: str) -> frozenset[str]:
    out = {language for language, forces in OUT.items() if any(phrase in phrases for phrases in forces.values())}
    return frozenset(out or {language for language, phrases in IN.items() if phrase in phrases})


def _is_nearly(word: str, other: str) -> bool:
    """Whether one letter more, less, changed or exchanged with its neighbour makes the other of a word."""
    if word == other or min(len(word), len(other)) < 4 or abs(len(word) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(word), len(other)) and word[start] == other[start]:
        start += 1
    tail, other_tail = word[start:], other[start:]
    return (
        tail[1:] == other_tail[1:]
        or tail[1:] == other_tail
        or tail == other_tail[1:]
        or (tail[:2] == other_tail[:2][::-1] and tail[2:] == other_tail[2:])
    )
