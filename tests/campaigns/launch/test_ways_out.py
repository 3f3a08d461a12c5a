"""A commercial campaign that does not say how to get no more of them is warned of, where its likely mistakes are."""

import pytest
from django.utils import timezone

from campaigns.launch import previewing, ways_out
from campaigns.pages import campaign_pages
from jobs.replies.keywords import Keywords
from tests.campaigns import campaigns_of
from tests.factories import make_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return make_account()


@pytest.mark.parametrize(
    ("fields", "lacks"),
    [
        ({"message": "Hola"}, True),
        ({"message": "Hola", "kind": "service"}, False),
        ({"message": "Hola", "way_out": True}, False),
        ({"message": "Hola. Responde BAJA para no recibir más"}, False),
        ({"message": "", "variants": [{"text": "Reply STOP", "weight": 1}, {"text": "Hola", "weight": 1}]}, True),
        ({"message": "", "multimedia": {"type": "audio", "url": "https://x.example/a.mp3"}, "way_out": True}, True),
    ],
)
def test_a_commercial_message_without_a_way_out_is_warned_of(account, fields, lacks):
    made = campaigns_of.campaign(account, **fields)
    assert ways_out.lacks_one(made) is lacks


@pytest.mark.parametrize(
    "text",
    [
        "Responde BAJA y no te escribimos más",
        "Para no recibir más, escribe baja.",
        "Si no quieres más mensajes contesta con la palabra «salir»",
        "Rebajas hoy.\nNo más mensajes: 'STOP'",
        "Responda SAIR para não receber mais",
        "To end these, text OPT OUT",
        "Responde CANCELAR",
    ],
)
def test_these_texts_name_an_opt_out_word(text):
    assert ways_out.names_a_word(text, Keywords())


@pytest.mark.parametrize(
    "text", ["Los precios van a la baja", "¡BAJA DE PRECIOS HOY!", "No más filas", "El alto de la casa", "BAJA", ""]
)
def test_these_texts_name_none(text):
    assert not ways_out.names_a_word(text, Keywords())


def test_the_accounts_own_words_count_and_those_it_took_away_do_not():
    words = Keywords(added_out=["chau"], removed=["baja"])
    assert ways_out.names_a_word("Responde CHAU", words)
    assert not ways_out.names_a_word("Responde BAJA", words)


def test_the_preview_says_so_and_so_does_the_question_before_a_launch(account):
    campaigns_of.contact(account, labels=["vip"])
    made = campaigns_of.campaign(account, message="Hola")
    assert previewing.preview(made, timezone.now()).lacks_way_out
    audience = campaign_pages.launching.audience_of(made)
    warning = "Este mensaje comercial no dice cómo dejar de recibirlos"
    assert warning in campaign_pages.launch_question(made, audience)[1]
    made.way_out = True
    assert not previewing.preview(made, timezone.now()).lacks_way_out
    assert warning not in campaign_pages.launch_question(made, audience)[1]
