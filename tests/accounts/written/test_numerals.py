"""Numbers as people write them."""

from decimal import Decimal

import pytest

from accounts.written import numerals


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("25", ".,"),
        ("-25", ".,"),
        ("0", ".,"),
        ("1.234", ".,"),
        ("1,234", ".,"),
        ("12.5", "."),
        ("1,234.50", "."),
        ("1,234,567", "."),
        ("0.123", "."),
        ("1234.567", "."),
        ("12,5", ","),
        ("1.234,50", ","),
        ("-1.234.567", ","),
        ("0,5", ","),
        ("007", ""),
        ("00.5", ""),
        ("12.34.5", ""),
        ("1,23,456", ""),
        ("+5", ""),
        ("5 %", ""),
        ("S/ 5", ""),
        ("1e5", ""),
        ("٣", ""),
        ("", ""),
        ("-", ""),
        ("1234567890123456", ""),
    ],
)
def test_the_decimal_signs_that_a_number_can_have_been_written_with(text, signs):
    assert numerals.signs(text) == signs


@pytest.mark.parametrize(
    ("text", "sign", "number"),
    [
        ("1.234,50", ",", "1234.50"),
        ("1,234.50", ".", "1234.50"),
        ("1.234", ",", "1234"),
        ("1.234", ".", "1.234"),
        ("-7", ".", "-7"),
        ("007", ",", "7"),
        ("+3,5", ",", "3.5"),
        ("1E+20", ".", "1E+20"),
        ("-6.3e-301", ".", "-6.3E-301"),
    ],
)
def test_a_number_keeps_its_decimals(text, sign, number):
    assert str(numerals.read(text, sign)) == number


@pytest.mark.parametrize(
    ("text", "sign"), [("12,5", "."), ("12.5", ","), ("x", "."), ("٣", "."), ("", ","), ("1 2", ".")]
)
def test_what_is_no_number_is_refused(text, sign):
    with pytest.raises(ValueError, match="a number"):
        numerals.read(text, sign)


@pytest.mark.parametrize(
    ("country", "sign"), [("AR", ","), ("BR", ","), ("ES", ","), ("PE", "."), ("MX", "."), ("XX", "")]
)
def test_countries_write_their_decimals_after_a_comma_or_a_point(country, sign):
    assert numerals.sign_of(country) == sign


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("25", Decimal(25)),
        ("-1.50", Decimal("-1.50")),
        ("007", Decimal(7)),
        ("1,5", None),
        ("25\n", None),
        (" 25", None),
    ],
)
def test_a_text_that_is_a_number_for_programs(text, number):
    assert numerals.plain(text) == number
