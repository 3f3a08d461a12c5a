"""Which country a number is of, by its first digits alone: fast enough to count a file of a million."""

from collections import Counter
from functools import cache
from typing import Final

import phonenumbers

UNKNOWN: Final = "ZZ"  # no country's, as the library writes it
BEGINNING: Final = 5  # characters of a number that tell its country: "+1809" is the longest that `prefixes` has


@cache
def prefixes() -> dict[str, str]:
    """Return {"51": "PE", "1": "US", "1809": "DO", …}: the longest one that a number begins with says its country.

    Where several countries share a code, it is the largest one's, but for North America's area codes and Kazakhstan.
    """
    found = {
        str(code): regions[0]
        for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()
        if regions[0] != phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY
    }
    for area in range(200, 1000):
        region = phonenumbers.region_code_for_number(phonenumbers.parse(f"+1{area}2345678"))
        if region not in (None, "US"):
            found[f"1{area}"] = region
    return found | {"76": "KZ", "77": "KZ"}


def count_by_country(beginnings: Counter[str]) -> dict[str, int]:
    """Return {"PE": 980, "MX": 20}, the largest first, of the counted beginnings of numbers."""
    counted: Counter[str] = Counter()
    for start, number in beginnings.items():
        counted[country_of(start)] += number
    return dict(sorted(counted.items(), key=lambda entry: (-entry[1], entry[0])))


def country_of(e164: str) -> str:
    """Return the country ("PE") of a number ("+" and digits), of which its beginning is enough; "ZZ": of none."""
    known = prefixes()
    digits = e164[1:BEGINNING]
    for length in range(len(digits), 0, -1):
        if region := known.get(digits[:length]):
            return region
    return UNKNOWN


def is_of_sql(column: str, country: str) -> str:
    """Whether a number ("+" and digits) in this column is of this country ("PE"), as `country_of` says, in SQL."""
    known = prefixes()
    ways = [
        " AND ".join([f"left({column}, {len(own) + 1}) = '+{own}'", *_not_longer(column, own, known, country)])
        for own, region in known.items()
        if region == country
    ]
    return f"({' OR '.join(ways) or 'false'})"


def _not_longer(column: str, own: str, known: dict[str, str], country: str) -> list[str]:
    """The conditions that no longer beginning makes it another country's."""
    others: dict[int, list[str]] = {}
    for prefix, region in known.items():
        if region != country and prefix != own and prefix.startswith(own):
            others.setdefault(len(prefix) + 1, []).append(f"'+{prefix}'")
    return [f"left({column}, {length}) NOT IN ({', '.join(some)})" for length, some in others.items()]
