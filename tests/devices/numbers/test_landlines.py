"""Which numbers are landlines for sure."""

import phonenumbers
import pytest
from phonenumbers import PhoneNumberType

from devices.phone_numbers import is_surely_landline


@pytest.mark.parametrize("phone", ["+5114567890", "+551132345678", "+34911234567", "+576012345678", "+59824001234"])
def test_a_landline_is_one(phone):
    assert is_surely_landline(phone)


@pytest.mark.parametrize(
    "phone",
    [
        "+51987654321",
        "+551187654321",  # Brazil's mobiles before their ninth digit
        "+541123456789",  # Argentina's are written without their 9
        "+525512345678",
        "+56223456789",
        "+12125551234",
        "+1234567890",
        "+999999999999",
        "",
    ],
)
def test_what_may_be_a_mobile_is_none(phone):
    assert not is_surely_landline(phone)


@pytest.mark.parametrize("kind", [PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE])
def test_it_says_what_the_library_says(kind):
    said, meant = [], []
    for region in phonenumbers.SUPPORTED_REGIONS - {"AR"}:
        number = phonenumbers.example_number_for_type(region, kind)
        if number is not None and phonenumbers.region_code_for_country_code(number.country_code) == region:
            phone = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            said.append((region, is_surely_landline(phone)))
            meant.append((region, phonenumbers.number_type(number) == PhoneNumberType.FIXED_LINE))
    assert len(said) > 150
    assert said == meant
