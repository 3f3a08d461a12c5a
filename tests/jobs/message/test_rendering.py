"""What a recipient will read."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.message.rendering import Template


def render(message: str, *values: str, columns: list[str] | None = None) -> str:
    return Template(message, columns or []).render(values)


def test_the_example_of_the_seed():
    text = render("Hola @valor1, tu pedido @valor2 ha sido procesado. Gracias @valor1!", "leonardo", "12345")
    assert text == "Hola leonardo, tu pedido 12345 ha sido procesado. Gracias leonardo!"


def test_a_missing_value_is_sent_as_three_dashes():
    assert render("@valor1 @valor2 @valor3", "ana") == "ana --- ---"


@pytest.mark.parametrize("blank", ["", " ", "\t", "\u00a0"])
def test_a_blank_value_is_sent_as_three_dashes(blank):
    assert render("<@valor1>", blank) == "<--->"


def test_a_value_goes_in_without_the_blanks_around_it():
    assert render("<@valor1> <@valor2>", "  ana ", "\u00a0dos\t tres\n") == "<ana> <dos\t tres>"


def test_the_tenth_value_is_not_the_first_and_a_zero():
    values = [f"v{n}" for n in range(1, 13)]
    assert render("@valor10 @valor1 @valor12 @valor2", *values) == "v10 v1 v12 v2"


def test_replacement_is_one_pass():
    assert render("@valor1 @valor2", "@valor2", "x") == "@valor2 x"


def test_a_variable_is_replaced_wherever_it_stands():
    assert render("a@valor1b(@valor1)@valor1@valor1", "x") == "axb(x)xx"


@pytest.mark.parametrize(
    "text",
    [
        "@",
        "@valor",
        "@valor0",
        "@valor01",
        "x@Valor1",
        "@VALOR1a",
        "valor1",
        "info@valor.com",
        "@valor١",
        "{{x}}",
        "{{}}",
    ],
)
def test_what_is_no_variable_stays_text(text):
    assert render(text, "x") == text


def test_an_absurd_number_is_a_missing_value():
    assert render("@valor" + "9" * 60_000, "x") == "---"


class TestHeaderNames:
    @pytest.mark.parametrize("column", ["nombre", "@nombre", " @nombre "])
    def test_work_with_and_without_their_at_sign(self, column):
        assert render("Hola @nombre (@valor1)", "ana", columns=[column]) == "Hola ana (ana)"

    def test_missing_values_are_three_dashes_too(self):
        assert render("@nombre @dni", "ana", columns=["nombre", "dni"]) == "ana ---"

    def test_the_longest_name_wins(self):
        columns = ["nombre", "nombre completo"]
        assert render("@nombre completo, @nombre", "ana", "ana sofía", columns=columns) == "ana sofía, ana"

    @pytest.mark.parametrize(
        "written",
        ["@Nombre", "@NOMBRE", "@nómbre", "@no\u0301mbre", "{{ NOMBRE }}", "{{@nombre}}", '{{nombre|default:"x"}}'],
    )
    def test_are_found_in_any_case_with_any_accents_and_in_braces(self, written):
        assert render(f"Hola {written}, bien", "Ana", columns=["nombre"]) == "Hola Ana, bien"

    @pytest.mark.parametrize("written", ["@razon social", "@Razón_Social", "@RAZONSOCIAL", "{{razón  social}}"])
    def test_are_found_with_other_blanks_between_their_words(self, written):
        assert render(f"{written}.", "Sol", columns=["Razón Social"]) == "Sol."

    def test_that_stand_to_the_letter_come_first(self):
        assert render("@Nombre @nombre @NOMBRE", "a", "b", columns=["Nombre", "nombre"]) == "a b a"
        assert render("@ano @año", "a", "b", columns=["ano", "año"]) == "a b"

    def test_have_a_default_in_braces(self):
        assert render('{{nombre|default:"Señor"}}', "", columns=["nombre"]) == "Señor"

    def test_are_words_of_their_own(self):
        assert render("@nombres ventas@nombre.com", "ana", columns=["nombre"]) == "@nombres ventas@nombre.com"
        assert render("_@nombre_ *@nombre*, @nombre.", "ana", columns=["nombre"]) == "_ana_ *ana*, ana."

    def test_may_hold_any_character(self):
        assert render("@a.b(c) @año @axb", "1", "2", columns=["a.b(c)", "año"]) == "1 2 @axb"

    def test_the_position_decides_what_valor_n_is(self):
        assert render("@valor1 @valor2", "a", "b", columns=["valor2", "valor1"]) == "a b"

    def test_the_first_of_equal_names_counts_and_empty_names_do_not(self):
        assert render("@x @", "", "1", "2", columns=["", "x", "@x"]) == "1 @"


@pytest.mark.parametrize("written", ["@Valor1", "@VALOR1", "{{valor1}}", "{{ Valor 1 }}"])
def test_a_number_is_found_in_any_case_as_a_word_of_its_own(written):
    assert render(f"Hola {written}!", "ana") == "Hola ana!"


@given(st.lists(st.text(), max_size=15), st.lists(st.integers(1, 20) | st.text(), max_size=20))
def test_agrees_with_a_plain_replacement(values, pieces):
    pieces = [piece if isinstance(piece, int) else re.sub(r"[@0-9{}]", "", piece) for piece in pieces]
    message = "".join(f"@valor{piece}." if isinstance(piece, int) else piece for piece in pieces)

    def value(number: int) -> str:
        return (values[number - 1].strip() if number <= len(values) else "") or "---"

    expected = "".join(value(piece) + "." if isinstance(piece, int) else piece for piece in pieces)
    assert Template(message, []).render(values) == expected


@given(st.text(), st.lists(st.text(), max_size=5), st.lists(st.text(), max_size=5))
def test_takes_any_message_columns_and_values(message, columns, values):
    template = Template(message, columns)
    assert template.render(values) == template.render(values)
