"""Below a message stands how to get no more of them, in the language of the number's country."""

import pytest

from jobs.message.book import template_of
from jobs.message.rendering import Template
from jobs.message.way_out import LINES, WithWayOut
from jobs.models import Job, MessageSyntax
from jobs.replies.keywords import Keywords
from jobs.states import Wish

PERU, BRAZIL, USA, NOWHERE = "+51987654321", "+5511987654321", "+12025550123", "+88812345678"


@pytest.mark.parametrize(
    ("phone", "language"), [(PERU, "es"), (BRAZIL, "pt"), (USA, "en"), (NOWHERE, "es"), ("", "es")]
)
def test_the_line_is_in_the_language_of_the_country(phone, language):
    text = WithWayOut(Template("Hola @valor1")).render(["Ana"], phone)

    assert text == f"Hola Ana\n\n{LINES[language]}"


def test_a_medium_without_a_text_stays_without_one():
    assert WithWayOut(Template("")).render([], PERU) == ""


@pytest.mark.parametrize("syntax", MessageSyntax.values)
def test_a_job_has_it_where_it_was_asked_for(syntax):
    job = Job(message="Hola", syntax=syntax)
    assert template_of(job).render([], PERU) == "Hola"

    job.way_out = True
    assert template_of(job).render([], PERU) == f"Hola\n\n{LINES['es']}"


@pytest.mark.parametrize(("word", "language"), [("BAJA", "es"), ("SAIR", "pt"), ("STOP", "en")])
def test_the_word_that_it_names_is_understood(word, language):
    assert word in LINES[language]
    assert Keywords().read(word).wish is Wish.OUT
