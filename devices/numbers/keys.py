"""The key of a number: what is the same for all spellings of one person's number. Compared, never called or shown."""

import re
from typing import Final

_SPELT_TWICE: Final = frozenset(("+52", "+54", "+55"))
_ARGENTINE_15 = re.compile(r"\+54(11|[23]\d{2,3}?)15(\d{6,8})")


def key_of(e164: str) -> str:
    """Return what is the same for all spellings of one person's number; it is compared, never called or shown.

    Mexico: 52 1 and ten digits is 52 and those ten. Argentina: 54 9 and ten digits, or ten with 15 after the area
    code, is 54 and those ten. Brazil: a mobile's ninth digit, the 9 after the area code, is dropped; a landline
    begins with 2 to 5 and never had one, so "9 2345-6789" stays another number than "2345-6789".
    """
    if e164[:3] not in _SPELT_TWICE:
        return e164
    if e164.startswith("+55"):
        if len(e164) == 14 and e164[5] == "9" and e164[6] in "6789":
            return e164[:5] + e164[6:]
    elif e164.startswith("+52"):
        if len(e164) == 14 and e164[3] == "1":
            return "+52" + e164[4:]
    elif e164.startswith("+54"):
        if len(e164) == 14 and e164[3] == "9":
            return "+54" + e164[4:]
        if len(e164) == 15 and (match := _ARGENTINE_15.fullmatch(e164)):
            return "+54" + match[1] + match[2]
    return e164


def spelt(e164: str) -> list[str]:
    """Return the spellings of one person's number, this one first: with and without what its key lacks.

    Not with Argentina's 15, which stands behind an area code whose length the number does not say.
    """
    key = key_of(e164)
    spellings = [e164, key]
    if e164[:3] in _SPELT_TWICE:
        if key.startswith("+55") and len(key) == 13 and key[5] in "6789":
            spellings.append(f"{key[:5]}9{key[5:]}")
        elif key.startswith("+52") and len(key) == 13:
            spellings.append(f"+521{key[3:]}")
        elif key.startswith("+54") and len(key) == 13:
            spellings.append(f"+549{key[3:]}")
    return list(dict.fromkeys(spellings))


def key_sql(column: str) -> str:
    """Return `key_of` as an SQL expression over a column that holds "+" and digits, or something that is no number."""
    return f"""CASE
        WHEN left({column}, 3) NOT IN ('+52', '+54', '+55') THEN {column}
        WHEN {column} ~ '^[+]55[0-9]{{2}}9[6-9][0-9]{{7}}$' THEN left({column}, 5) || substr({column}, 7)
        WHEN {column} ~ '^[+]521[0-9]{{10}}$' THEN '+52' || substr({column}, 5)
        WHEN {column} ~ '^[+]549[0-9]{{10}}$' THEN '+54' || substr({column}, 5)
        WHEN {column} ~ '^[+]541115[0-9]{{8}}$' THEN '+5411' || substr({column}, 8)
        WHEN {column} ~ '^[+]54[23][0-9]{{2}}15[0-9]{{7}}$' THEN left({column}, 6) || substr({column}, 9)
        WHEN {column} ~ '^[+]54[23][0-9]{{3}}15[0-9]{{6}}$' THEN left({column}, 7) || substr({column}, 10)
        ELSE {column} END"""
