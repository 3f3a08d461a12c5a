"""What time it is where a phone number is from, as far as its first digits tell."""

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import timezone as number_zones

# Country and area code: more digits tell nothing about the place.
_TELLING_CHARACTERS = 9
_UNKNOWN = ZoneInfo("UTC")


def zone_of(phone: str) -> ZoneInfo:
    """Return the time zone of a number ("+" and digits); UTC where it cannot be told."""
    return _zone_of_prefix(phone[:_TELLING_CHARACTERS], len(phone))


@lru_cache(maxsize=65_536)
def _zone_of_prefix(prefix: str, length: int) -> ZoneInfo:
    try:
        number = phonenumbers.parse(prefix.ljust(length, "0"))
        return ZoneInfo(number_zones.time_zones_for_geographical_number(number)[0])
    except (phonenumbers.NumberParseException, ZoneInfoNotFoundError, IndexError, ValueError):
        return _UNKNOWN
