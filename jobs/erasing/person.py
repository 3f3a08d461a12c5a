"""Who is forgotten: their number, and by what else they are known meanwhile."""

import json
import re
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Final, Self

from devices.numbers.countries import country_of
from devices.phone_numbers import dialled, key_of, spelt

_NOT_DIGITS: Final = re.compile(r"[^0-9]")
FEWEST_DIGITS: Final = 7  # of a number without its country's code
_ARGENTINE_DIGITS: Final = 12  # of a number's key


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
        """Their number as its digits may be written, with the country's code: with what comes and goes in it."""
        if not self.phone:
            return []
        key = self.phone_key[1:]
        # Argentina's 15 stands behind the area code, whose length the number does not say.
        ends = (4, 5, 6) if key.startswith("54") and len(key) == _ARGENTINE_DIGITS else ()
        return sorted({*(one[1:] for one in spelt(self.phone)), *(f"{key[:end]}15{key[end:]}" for end in ends)})

    def is_written_in(self, text: str) -> bool:
        """Whether their number, in any spelling, stands in a text."""
        if not self.phone or self.phone_key[-4:] not in (digits := digits_of(text)):
            return False
        return any(one in digits for one in self.nationals)

    @property
    def nationals(self) -> list[str]:
        """The same spellings without their country's code."""
        code = len(dialled(country_of(self.phone))[0].removeprefix("+")) if self.phone else 0
        return sorted({one[code:] for one in self.spellings if len(one) - code >= FEWEST_DIGITS})

    @property
    def patterns(self) -> list[str]:
        """For LIKE: texts of digits that hold their number."""
        return [f"%{one}%" for one in self.nationals]


def digits_of(text: str) -> str:
    return _NOT_DIGITS.sub("", text)
