"""What in a message can never be filled, and what only looks like it."""

import pytest

from jobs.message import unfilled


def found(message: str, *columns: str, width: int = 3) -> dict[str, list[str]]:
    return {one.name: one.nearest for one in unfilled.in_file(message, columns, width)}


class TestInAFile:
    def test_a_number_beyond_the_widest_row(self):
        assert found("@valor3 @valor4 x@valor99x", width=3) == {"@valor4": ["@valor3"], "@valor99": ["@valor3"]}
        assert found("@valor1", width=0) == {"@valor1": []}

    def test_a_header_may_name_more_columns_than_any_row_has(self):
        assert found("@valor2 @dos", "uno", "dos", width=1) == {}

    def test_whatever_stands_in_double_braces(self):
        assert found("{{unknown}} {{1}} {{nombre|upper}}", "nombre") == {
            "{{unknown}}": [],
            "{{1}}": [],
            "{{nombre|upper}}": ["@nombre"],
        }
        assert found("{{}} {{ }} {x} {{nombre}} {{valor1}}", "nombre") == {}

    @pytest.mark.parametrize(
        ("word", "column"),
        [("@apelido", "apellido"), ("@nombre", "nombre completo"), ("@nombres", "Nombre"), ("@Direcion", "dirección")],
    )
    def test_a_word_near_a_column(self, word, column):
        assert found(f"Hola {word}, bien", column) == {word: [f"@{column}"]}

    def test_a_word_in_italics_is_a_word(self):
        assert found("_@apelido_ *@apelido*", "apellido") == {"@apelido": ["@apellido"]}

    def test_a_handle_that_begins_with_a_column_is_text(self):
        assert found("Síguenos en @empresa_peru y @solperu", "empresa", "sol") == {}

    def test_what_everybody_calls_a_persons_data_by_where_columns_have_names(self):
        assert found("Hola @Nombre", "dni") == {"@Nombre": ["@dni"]}

    def test_a_misspelt_number(self):
        assert found("@valores2 @valro1 @valor0 @valor @color1", "valor1") == {
            "@valores2": ["@valor2"],
            "@valro1": ["@valor1"],
        }

    @pytest.mark.parametrize("columns", [(), ("valor1", "@valor2"), ("", "valor 3")])
    def test_no_other_word_where_columns_have_only_numbers(self, columns):
        assert found("Hola @nombre, síguenos en @empresa", *columns) == {}

    @pytest.mark.parametrize(
        "text",
        [
            *("@empresa", "ventas@nombres.com", "ana.lopez@nombres.com", "ana_@nombres", "https://x.com/@nombres"),
            *("@nombres.com", "@nombres/2", "a @ nombres", "@", "@@nombres", "50%@nombres", "@nombres-x"),
        ],
    )
    def test_text_stays_text(self, text):
        assert found(f"Escribe a {text} hoy", "nombre") == {}

    def test_each_once_in_their_order_and_twenty_at_most(self):
        many = " ".join(f"{{{{x{number}}}}}" for number in range(50))
        assert list(found(f"@valor9 {many} @valor9"))[:2] == ["@valor9", "{{x0}}"]
        assert len(found(many)) == unfilled.MOST

    def test_a_name_is_shown_by_its_beginning(self):
        (name,) = found("{{" + "x" * 60_000 + "}}")
        assert len(name) == unfilled.SHOWN_CHARACTERS

    def test_takes_any_message(self):
        assert len(found("@nombrx{{" * 7_000 + "{{a}}" * 2_000, *[f"columna {number}" for number in range(49)])) == 1


class TestInACampaign:
    def test_the_nearest_are_the_contacts_fields_and_the_accounts_attributes(self):
        unknown = ["{{nombre}}", "{{regoin}}", "{{x}}", "{{telefono}}", "{{name|upper}}"]
        assert {one.name: one.nearest for one in unfilled.in_campaign(unknown, ["region"])} == {
            "{{nombre}}": ["{{name}}"],
            "{{regoin}}": ["{{custom_attributes.region}}"],
            "{{x}}": [],
            "{{telefono}}": ["{{phone}}"],
            "{{name|upper}}": ["{{name}}"],
        }

    def test_braces_that_say_nothing_are_text(self):
        assert unfilled.in_campaign(["{{}}", "{{ . }}"]) == []


def test_a_sentence_names_them_with_what_may_have_been_meant():
    found = unfilled.in_file("@valor9 {{x}}", [], 2)
    assert unfilled.sentence(found) == "@valor9 (¿@valor2?), {{x}}"
