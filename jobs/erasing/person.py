"""Who is forgotten: their number, and by what else they are known meanwhile."""

import json
import re
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Final, Self

from devices.numbers.countries import prefixes
from devices.phone_numbers import key_of

_NOT_DIGITS: Final = re.compile(r"[^0-9]")
FEWEST_DIGITS: Final = 7  # of a number without its country's code


class Waits(StrEnum):
    """What an erasure waits for."""

    NOTHING = ""
    SENDING = "sending"  # a message to them is on its way
    IMPORTS = "imports"  # a file that may name them is being read
    EVENTS = "events"  # what gateways told before it began is not worked yet


@dataclass(slots=True)
class Person:
    """Sealed in the erasure's row while it is under way: whoever takes over after a crash knows them by it."""

    phone: str = ""  # "+" and digits; "": they have none
    contact_ids: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)  # as a contact: the name, and whatever else fills a message
    lids: list[str] = field(default_factory=list)

    @classmethod
    def unsealed(cls, text: str) -> Self:
        return cls(**json.loads(text))

    def sealed(self) -> str:
        return json.dumps(asdict(self))

    @property
    def phone_key(self) -> str:
        return key_of(self.phone) if self.phone else ""

    @property
    def spellings(self) -> list[str]:
        """Their number as its digits may be written: with what comes and goes in it, and without the country's code."""
        if not self.phone:
            return []
        whole = {self.phone[1:], self.phone_key[1:], *_longer(self.phone_key)}
        return sorted(whole)

    def is_written_in(self, text: str) -> bool:
        """Whether their number, in any spelling, stands in a text."""
        if not self.phone or self.phone_key[-4:] not in (digits := digits_of(text)):
            return False
        return any(one in digits for one in self.nationals)

    @property
    def nationals(self) -> list[str]:
        """The same spellings without their country's code."""
        code = len(_code_of(self.phone_key[1:])) if self.phone else 0
        return sorted({one[code:] for one in self.spellings if len(one) - code >= FEWEST_DIGITS})

    @property
    def patterns(self) -> list[str]:
        """For LIKE: texts of digits that hold their number."""
        return [f"%{one}%" for one in self.nationals]


def digits_of(text: str) -> str:
    return _NOT_DIGITS.sub("", text)


def _code_of(digits: str) -> str:
    """The country's code that a number begins with; "" where it begins with none."""
    known = prefixes()
    if digits[:1] in ("1", "7"):
        return digits[:1]  # the areas of North America, and Kazakhstan, are no codes
    return next((digits[:length] for length in (3, 2) if digits[:length] in known), "")


def _longer(phone_key: str) -> list[str]:
    """The spellings of a key that have more digits than it."""
    digits = phone_key[1:]
    if phone_key.startswith("+55") and len(digits) == 12:
        return [f"{digits[:4]}9{digits[4:]}"]
    if phone_key.startswith("+52") and len(digits) == 12:
        return [f"521{digits[2:]}"]
    if phone_key.startswith("+54") and len(digits) == 12:
        return [f"549{digits[2:]}", *(f"54{digits[2:end]}15{digits[end:]}" for end in (4, 5, 6))]
    return []
