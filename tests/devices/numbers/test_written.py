"""What people write as a number: its digits, whether they carry their country, and how many numbers there are."""

import pytest

from devices.numbers.written import Unreadable, read


@pytest.mark.parametrize(
    "raw",
    [
        "51987654321",
        " 51 987-654.321 ",
        "(51) [987] 654 321",
        "51\u00a0987654321",
        "51\u202f987\u2009654\u3000321",
        "51\u200b987654321",
        "\u202a51987654321\u202c",
        "51987\u00ad654321",
        "5\ufe0f1987654321",
        "5\ufe0d1987654321",
        "\ufeff51987654321",
        "51987\u2013654\u2212321",
        "51\u2010987\u2011654\u2015321",
        "'51987654321",
        "\u201951987654321",
        '"51987654321"',
        '="51987654321"',
        "=51987654321",
        "51987654321.0",
        "51987654321,0",
        "51987654321.00",
        "51 987 654 321.0",
        "51,987,654,321",
        "51.987.654.321,0",
        "5.1987654321E+10",
        "5,1987654321e10",
        "５１９８７６５４３２１",
        "٥١٩٨٧٦٥٤٣٢١",
        "tel:51987654321",
        "51987654321\n",
    ],
)
def test_one_number_in_any_dress(raw):
    assert read(raw) == [("51987654321", False)]


@pytest.mark.parametrize(
    "raw",
    [
        "+51987654321",
        "(+51) 987 654 321",
        "'+51987654321",
        "+\u200e51 987 654 321",
        "＋５１９８７６５４３２１",
        '="+51987654321"',
        "+51987654321.0",
        "tel:+51-987-654-321",
        "whatsapp:+51987654321",
        "wa.me/51987654321",
        "https://wa.me/51987654321",
        "https://wa.me/+51987654321?text=hola, 2 panes",
        "https://api.whatsapp.com/send?phone=51987654321",
        "https://api.whatsapp.com/send/?phone=%2B51987654321&text=hola",
        "https://web.whatsapp.com/send?text=hola&phone=51987654321",
        "whatsapp://send?phone=51987654321",
        "51987654321@c.us",
        "51987654321@s.whatsapp.net",
        "51987654321:12@s.whatsapp.net",
    ],
)
def test_a_plus_a_link_and_an_address_of_whatsapp_carry_the_country(raw):
    assert read(raw) == [("51987654321", True)]


@pytest.mark.parametrize(
    "raw",
    [
        "987654321 / 987654322",
        "987654321/987654322",
        "987654321;987654322",
        "987654321, 987654322",
        "987654321 y 987654322",
        "987654321 ou 987654322",
        "987654321\n987654322",
        "987654321 ::: 987654322",
        "987654321 987654322",
        "987654321-987654322",
        "987-654-321 987-654-322",
        "987 654 321 - 987 654 322",
        "987654321.0 / 987654322.0",
    ],
)
def test_two_numbers_are_never_joined(raw):
    assert [digits for digits, _ in read(raw)] == ["987654321", "987654322"]


@pytest.mark.parametrize(
    "raw",
    ["+55 11987654321", "54 91123456789", "1 3055550123", "55 11 98765-4321", "0 5511987654321", "551198765 4321"],
)
def test_a_code_and_its_number_are_one(raw):
    assert len(read(raw)) == 1


def test_a_second_plus_begins_a_second_number():
    assert read("+51987654321+51987654322") == [("51987654321", True), ("51987654322", True)]
    assert read("+51 987 654 321 987654322") == [("51987654321", True), ("987654322", False)]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "phone_missing"),
        (" \u200b\ufeff", "phone_missing"),
        ("+", "phone_invalid"),
        ("++51987654321", "phone_invalid"),
        ("51+987654321", "phone_invalid"),
        ("987654321 / 2", "phone_invalid"),  # the last digit of another number, which nobody can complete
        ("987654321.5", "phone_invalid"),
        ("987654321\x00", "phone_invalid"),
        ("51987650001\t12", "phone_invalid"),  # two cells
        ("51987650001 12", "phone_invalid"),
        ("+51987650001-2", "phone_invalid"),
        ("1 51987650001", "phone_invalid"),  # the first line of a list
        ("12 5511987650001", "phone_invalid"),
        ("Ana 987654321", "phone_has_letters"),
        ("987654321 ext. 3", "phone_has_letters"),
        ("987654321x3", "phone_has_letters"),
        ("987654321#3", "phone_has_letters"),
        ("120363041234567890@g.us", "phone_has_letters"),
        ("https://wa.me/message/ABC123", "phone_has_letters"),
        ("5.1E+10", "phone_inexact"),
        ("5.19877E+10", "phone_inexact"),
        ("5.19876543215E+10", "phone_inexact"),
        ("9" * 21, "phone_too_long"),
        ("1 " * 300, "phone_too_long"),
    ],
)
def test_what_is_no_number_says_why(raw, code):
    with pytest.raises(Unreadable) as refused:
        read(raw)
    assert refused.value.code == code
