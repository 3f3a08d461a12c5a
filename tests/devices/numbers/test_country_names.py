"""What a column of countries says."""

import pytest

from devices.numbers.country_names import country_named


@pytest.mark.parametrize("text", ["PE", "pe", " Perú ", "PERU", "Peru\u0301", "PER", "+51", "51", "0051", "51.0"])
def test_a_country_in_any_spelling(text):
    assert country_named(text) == "PE"


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("Brasil", "BR"),
        ("EE.UU.", "US"),
        ("México", "MX"),
        ("España", "ES"),
        ("República Dominicana", "DO"),
        ("1", "US"),
        ("+1-809", "DO"),
        ("(+52)", "MX"),
        ("Perú (+51)", "PE"),
        ("PE - Perú", "PE"),
        ("+55 Brasil", "BR"),
        ("🇨🇱 Chile", "CL"),
        ("🇨🇴", "CO"),
        ("Perú\u200b", "PE"),
        ("Países Bajos", "NL"),
    ],
)
def test_names_of_the_americas(text, country):
    assert country_named(text) == country


@pytest.mark.parametrize("text", ["", "ZZ", "Lima", "norte", "999", "076", "Perú / Chile", "51987654321", "77"])
def test_what_is_no_country(text):
    assert country_named(text) is None
