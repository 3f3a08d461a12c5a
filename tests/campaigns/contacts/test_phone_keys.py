"""Numbers as people type them: any spelling goes in, E.164 comes out, and one person has one key."""

import random
import re

import phonenumbers
import pytest
from django.db import connection
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devices import phone_numbers
from devices.phone_numbers import key_of, parse


@pytest.mark.parametrize(
    ("raw", "country", "e164"),
    [
        ("+51 987 654 321", "", "+51987654321"),
        ("0051 987654321", "", "+51987654321"),
        ("(+51) 987-654-321", "MX", "+51987654321"),
        ("+51\u00a0987.654.321", "", "+51987654321"),
        ("\u202a+51987654321\u202c", "", "+51987654321"),  # copied from a phone
        ("'+51987654321", "", "+51987654321"),  # a spreadsheet's text
        ("+٥١٩٨٧٦٥٤٣٢١", "", "+51987654321"),
        ("987654321", "PE", "+51987654321"),
        ("51987654321", "PE", "+51987654321"),
        ("51987654321", "MX", "+51987654321"),  # of another country, without its plus
        ("01 234 5678", "PE", "+5112345678"),
        ("55 1234 5678", "MX", "+525512345678"),
        ("044 55 1234 5678", "MX", "+525512345678"),
        ("1 55 1234 5678", "MX", "+525512345678"),
        ("+52 1 55 1234 5678", "", "+525512345678"),
        ("5215512345678", "BR", "+525512345678"),
        ("5215512345678", "MX", "+525512345678"),
        ("011 15 2345 6789", "AR", "+5491123456789"),
        ("+54 11 15 2345 6789", "", "+5491123456789"),
        ("+54 9 11 2345 6789", "", "+5491123456789"),
        ("+54 11 2345 6789", "", "+541123456789"),
        ("(11) 98765-4321", "BR", "+5511987654321"),
        ("+55 11 8765-4321", "", "+551187654321"),
        ("0 11 98765-4321", "BR", "+5511987654321"),
        ("+39 06 1234 5678", "", "+390612345678"),  # Italy keeps its zero
        ("+1234567890", "", "+1234567890"),  # seed 003's own example
    ],
)
def test_any_spelling_goes_in_and_e164_comes_out(raw, country, e164):
    assert parse(raw, country) == e164


@pytest.mark.parametrize(
    "raw",
    [
        "",
        " ",
        "+",
        "abc",
        "Ana 987654321",
        "987654321 / 2",
        "5.1E+10",  # a spreadsheet has lost its last digits
        "+519876543210123",
        "+999123456789",
        "1234",
        "+51 98",
        "+" + "9" * 40,
        "+0051987654321",
        "51+987654321",
        "\x00",
        "+51987654321\x00",
        "0" * 12,
    ],
)
@pytest.mark.parametrize("country", ["", "PE"])
def test_what_is_no_number_is_none(raw, country):
    assert parse(raw, country) is None


@pytest.mark.parametrize("raw", ["0987654321", "987654321", "51987654321", "5512345678"])
def test_a_number_without_country_code_needs_a_country(raw):
    assert parse(raw) is None


@pytest.mark.parametrize(
    "spellings",
    [
        ("+525512345678", "+5215512345678"),
        ("+541123456789", "+5491123456789", "+54111523456789"),
        ("+543412345678", "+5493412345678", "+54341152345678"),
        ("+551187654321", "+5511987654321"),
        ("+553198765432", "+5531998765432"),
    ],
)
def test_the_spellings_of_one_number_have_one_key(spellings):
    assert len({key_of(spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+5511923456789", "+551123456789"),  # a mobile with nine digits, and a landline
        ("+51987654321", "+5187654321"),
        ("+5215512345678", "+5215512345679"),
        ("+5511987654321", "+5521987654321"),
    ],
)
def test_other_peoples_numbers_have_other_keys(one, other):
    assert key_of(one) != key_of(other)


codes = st.sampled_from(["1", "7", "39", "44", "49", "51", "52", "54", "55", "56", "57", "225", "593", "598", "800"])


@settings(max_examples=300)
@given(code=codes, rest=st.text("0123456789", min_size=4, max_size=12))
@example(code="54", rest="111523456789")
@example(code="55", rest="01511987654321"[:12])
@example(code="55", rest="001160000000")
def test_what_is_read_is_a_number_by_the_librarys_plan(code, rest):
    e164 = parse(f"+{code}{rest}")
    if e164 is None or e164 == "+1234567890":
        return
    old_brazilian = re.fullmatch(r"\+55[1-9]{2}[6-9][0-9]{7}", e164)
    assert old_brazilian or phonenumbers.is_valid_number(phonenumbers.parse(e164))


@settings(max_examples=300)
@given(raw=st.text(max_size=25), country=st.sampled_from(["", "PE", "BR", "AR", "MX", "ZZ"]))
def test_whatever_is_typed_ends_in_e164_or_nothing(raw, country):
    e164 = parse(raw, country)
    assert e164 is None or phone_numbers.normalise(e164) == e164 or len(e164) < 9


@pytest.mark.django_db
def test_the_database_makes_the_same_keys():
    chance = random.Random(7)
    heads = ("+55", "+5511", "+55119", "+52", "+521", "+54", "+549", "+5411", "+541115", "+5422115", "+54222115", "+51")
    phones = ["", "hola", "+5", "+55"]
    for _ in range(4000):
        head = chance.choice(heads)
        length = chance.randint(9, 15) - len(head)
        phones.append(
            head + "".join(chance.choices("0123456789", weights=[1, 4, 1, 1, 1, 4, 1, 1, 1, 4], k=max(0, length)))
        )
    with connection.cursor() as cursor:
        expression = phone_numbers.key_sql("phone")
        cursor.execute(f"SELECT phone, {expression} FROM unnest(%s::text[]) AS phone", [phones])
        made = cursor.fetchall()

    assert [key for _, key in made] == [key_of(phone) for phone, _ in made]
    assert sum(key != phone for phone, key in made) > 200
