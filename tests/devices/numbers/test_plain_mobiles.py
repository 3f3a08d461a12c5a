"""The quick way of a number says what the slow one says, in every country."""

import random

import phonenumbers
import pytest

from devices.numbers import plans
from devices.numbers.written import Unreadable

MOBILE = phonenumbers.PhoneNumberType.MOBILE


def near(number: str, dice: random.Random) -> str:
    """The number, or one that differs in some digits or is a digit longer or shorter."""
    digits = list(number)
    for _ in range(dice.randint(0, 5)):
        digits[dice.randrange(len(digits))] = dice.choice("0123456789")
    if dice.random() < 0.2:
        digits.insert(0, dice.choice("0123456789"))
    return "".join(digits[1:] if dice.random() < 0.2 else digits)


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_a_mobile_with_its_code_and_no_plus_is_read_as_by_the_library(region):
    example = phonenumbers.example_number_for_type(region, MOBILE)
    dice = random.Random(region)
    for _ in range(30 if example else 0):
        text = f"{example.country_code}{near(str(example.national_number), dice)}"
        quick = plans.plain_mobile(text, region)
        if quick is not None:
            try:
                assert plans.national(text, region).e164 == quick
            except Unreadable:
                pytest.fail(f"{text} is no number in {region}")


def test_most_such_numbers_are_read_the_quick_way():
    assert plans.plain_mobile("51987654321", "PE") == "+51987654321"
    assert plans.plain_mobile("573001234567", "CO") == "+573001234567"
    assert plans.plain_mobile("51987654321", "CO") is None
