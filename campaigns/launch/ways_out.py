"""Whether a campaign's texts say how to get no more of them: by its line (`way_out`), or in their own words."""

import re
from typing import Final

from accounts.written.folding import word_set
from campaigns.launch.unfilled_texts import texts_of
from campaigns.models import Campaign
from jobs.replies import opting_out
from jobs.replies.keywords import LONGEST_PHRASE, Keywords, fold
from jobs.states import MessageKind

# "Responde con la palabra baja": how far before the word it may be said what to do with it.
_WORDS_BETWEEN: Final = 4
_ASKS: Final = word_set(
    "responde responda respondan respondenos responder contesta conteste contesten escribe escriba escriban "
    "escribenos envia envie envien envianos manda mande manden digita digite escreva mande responda reply text send "
    "write answer respond"
)
_WORD: Final = re.compile(r"[^\W_]+")
_QUOTES: Final = "\"'*_«»“”‘’`"


def lacks_one(campaign: Campaign) -> bool:
    """Whether it is commercial, and one of its texts says nothing of a way out. No line stands below an audio."""
    if campaign.kind != MessageKind.COMMERCIAL:
        return False
    words, has_line = opting_out.words_of(campaign.account_id), campaign.way_out
    return not all(text and (has_line or names_a_word(text, words)) for text in texts_of(campaign))


def names_a_word(text: str, words: Keywords) -> bool:
    """Whether an opt-out word stands there as something to answer with: after "responde", in quotes or in capitals
    among other letters. "Los precios van a la baja" names none."""
    found = list(_WORD.finditer(text))
    folded = [fold(one[0]) for one in found]
    out = {phrase for phrase, one in words.phrases.items() if one.force is not None}
    for start in range(len(found)):
        for end in range(start + 1, min(start + LONGEST_PHRASE, len(found)) + 1):
            if tuple(folded[start:end]) in out and _stands_out(text, found, folded, start, end):
                return True
    return False


def _stands_out(text: str, found: list[re.Match[str]], folded: list[str], start: int, end: int) -> bool:
    first, last = found[start].start(), found[end - 1].end()
    if not _ASKS.isdisjoint(folded[max(0, start - _WORDS_BETWEEN) : start]):
        return True
    if first and text[first - 1] in _QUOTES and text[last : last + 1] and text[last] in _QUOTES:
        return True
    around = [found[place][0] for place in (start - 1, end) if 0 <= place < len(found)]
    return text[first:last].isupper() and bool(around) and not any(word.isupper() for word in around)
