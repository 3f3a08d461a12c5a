"""How a number becomes a jid (Evolution API 2.3.7 `utils/createJid.ts`)."""

import pytest

from devices.simulator.evolution.numbers import create_jid, digits_of, is_findable, sent_as


@pytest.mark.parametrize(
    ("number", "jid"),
    [
        ("51987654321", "51987654321@s.whatsapp.net"),
        ("+51 (987) 654-321", "51987654321@s.whatsapp.net"),
        ("51987654321:12@s.whatsapp.net", "51987654321@s.whatsapp.net"),
        ("5215512345678", "525512345678@s.whatsapp.net"),
        ("5491123456789", "541123456789@s.whatsapp.net"),
        ("541123456789", "541123456789@s.whatsapp.net"),
        ("5511987654321", "5511987654321@s.whatsapp.net"),
        ("5531987654321", "553187654321@s.whatsapp.net"),
        ("5531961234567", "5531961234567@s.whatsapp.net"),
        ("0051987654321", "0051987654321@s.whatsapp.net"),
        ("", "@s.whatsapp.net"),
        ("abc", "@s.whatsapp.net"),
        ("120363041234567890", "120363041234567890@g.us"),
        ("51987654321-1612345678901", "51987654321-1612345678901@g.us"),
        ("1234@lid", "1234@lid"),
        ("status@broadcast", "status@broadcast"),
    ],
)
def test_a_number_becomes_the_jid_the_real_gateway_makes(number: str, jid: str) -> None:
    assert create_jid(number) == jid


@pytest.mark.parametrize("number", ["+5521912345678", "+525512345678", "+5491123456789", "00519876543", "abc", "123"])
def test_a_number_the_look_up_does_not_find(number: str) -> None:
    assert not is_findable(number, create_jid(number))


@pytest.mark.parametrize("number", ["5521912345678", "+51987654321", "120363041234567890"])
def test_a_number_the_look_up_finds(number: str) -> None:
    assert is_findable(number, create_jid(number))


def test_every_number_that_leads_to_a_jid_is_known_again() -> None:
    assert "5531987654321" in sent_as("553187654321@s.whatsapp.net")
    assert "5215512345678" in sent_as("525512345678@s.whatsapp.net")
    assert sent_as("51987654321@s.whatsapp.net") == ["51987654321"]


def test_the_ledger_keeps_the_digits_the_client_sent() -> None:
    assert digits_of("+55 31 98765-4321") == "5531987654321"
    assert digits_of("5531987654321@s.whatsapp.net") == "5531987654321"
