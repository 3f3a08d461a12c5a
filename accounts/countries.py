"""The countries whose phone numbers are known, by their two letters."""

import phonenumbers


def is_country(region: str) -> bool:
    """Whether this is the two-letter code, in capitals, of a country whose numbers are known."""
    return region in phonenumbers.SUPPORTED_REGIONS
