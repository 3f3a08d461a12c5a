"""Which country a number is of, by its first digits."""

from collections import Counter

import pytest
from django.db import connection

from devices.numbers.countries import BEGINNING, count_by_country, country_of, is_of_sql


@pytest.mark.parametrize(
    ("phone", "country"),
    [
        ("+51987654321", "PE"),
        ("+5215512345678", "MX"),
        ("+5511987654321", "BR"),
        ("+12125551234", "US"),
        ("+18095551234", "DO"),
        ("+14165550000", "CA"),
        ("+77011234567", "KZ"),
        ("+79161234567", "RU"),
        ("+59171234567", "BO"),
        ("+99912345678", "ZZ"),
    ],
)
def test_the_longest_known_beginning_says_it(phone, country):
    assert country_of(phone) == country
    assert country_of(phone[:BEGINNING]) == country


def test_a_file_is_counted_by_country_with_the_most_first():
    phones = ["+51987654321", "+51123123123", "+525512345678", "+12125551234"]
    counted = count_by_country(Counter(phone[:BEGINNING] for phone in phones))
    assert list(counted.items()) == [("PE", 2), ("MX", 1), ("US", 1)]


@pytest.mark.django_db
@pytest.mark.parametrize("country", ["PE", "CO", "BR", "CL", "ES", "US", "DO", "KZ", "RU", "XX"])
def test_sql_says_the_same(country: str) -> None:
    phones = ["+51987654321", "+573001234567", "+5511987654321", "+56912345678", "+34600111222", "+12125551234"]
    phones += ["+18095551234", "+14165550000", "+77011234567", "+79161234567", "+59171234567", "+99912345678", ""]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT phone FROM unnest(%s::text[]) AS phone WHERE {is_of_sql('phone', country)}", [phones])
        assert {phone for (phone,) in cursor} == {phone for phone in phones if country_of(phone) == country}
