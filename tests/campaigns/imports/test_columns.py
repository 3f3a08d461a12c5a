"""Which column is what, whoever made the file."""

import pytest

from campaigns.imports.columns import PHONE_BY_CONTENT, PHONE_DOUBTFUL, guess, phone_score
from campaigns.imports.table import Head


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("Celular 1", "Teléfono"),
        ("Teléfono (WhatsApp)", "Teléfono"),
        ("MOBILE", "Phone"),
        ("Zap", "Fone"),
        ("móvil", "tel."),
        ("PhoneNumber", "Number"),
        ("Phone", "Home Phone"),
        ("Business Phone", "Emergency phone"),
        ("Teléfono (con código de país)", "Número"),
        ("Celular c/ DDD", "Telefone"),
        ("Phone", "Default Address Phone"),
        ("Teléfono cliente", "Celular del vendedor"),
        ("Teléfono", "Celular Ref."),
        ("Fone", "Celular da mãe"),
        ("wa_id", "Phone"),
    ],
)
def test_a_header_says_more_than_another(better, worse):
    assert phone_score(better) > phone_score(worse) > 0


@pytest.mark.parametrize(
    "header",
    [
        "DNI",
        "Nro. de documento",
        "Código",
        "Phone code",
        "Phone ID",
        "RUC",
        "CPF",
        "RUT",
        "Fecha",
        "Date",
        "Cod Cliente",
        "Phone 1 - Label",
        "Data do telefone",
        "Order number",
        "Fax",
        "nombre",
        "",
    ],
)
def test_what_is_no_phone(header):
    assert phone_score(header) == 0


def columns(names, *sample, country="PE"):
    return guess(Head(names, [list(row) for row in sample]), country)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Teléfono", "Nombre", "Correo electrónico", "Etiquetas"], {"phone": 0, "name": 1, "email": 2, "labels": 3}),
        (["nome", "CELULAR", "E-mail", "Marcadores"], {"name": 0, "phone": 1, "email": 2, "labels": 3}),
        (["Full Name", "Phone Number", "email_address", "tags"], {"name": 0, "phone": 1, "email": 2, "labels": 3}),
        (["Celular", "País"], {"phone": 0, "country": 1, "custom_attributes": {"pais": 1}}),
        (["Código País (DDI)", "Fone"], {"phone": 1, "country": 0, "custom_attributes": {"codigo_pais_ddi": 0}}),
        (["Country/Region", "Fone"], {"phone": 1, "country": 0, "custom_attributes": {"country_region": 0}}),
        (["Phone country code", "Fone"], {"phone": 1, "country": 0, "custom_attributes": {"phone_country_code": 0}}),
        (
            ["Prefijo internacional", "Tel"],
            {"phone": 1, "country": 0, "custom_attributes": {"prefijo_internacional": 0}},
        ),
        (["DDI", "Fone"], {"phone": 1, "country": 0, "custom_attributes": {"DDI": 0}}),
        (
            ["Country", "Country code", "Phone"],
            {"phone": 2, "country": 1, "custom_attributes": {"Country": 0, "country_code": 1}},
        ),
        (["Apellidos y Nombres", "Celular"], {"name": 0, "phone": 1}),
        (["Nombres", "Apellidos", "Celular"], {"name": [0, 1], "phone": 2}),
        (["Person - Name", "Person - Phone - Mobile"], {"name": 0, "phone": 1}),
        (["tel", "móvil"], {"phone": 1, "more_phones": [0], "custom_attributes": {"tel": 0}}),
        (["id", "phone", "opted_out", "region"], {"phone": 1, "opted_out": 2, "custom_attributes": {"region": 3}}),
        (
            ["phone", "Ciudad de origen", "firstOrder", "año", "año", "", "★"],
            {
                "phone": 0,
                "custom_attributes": {
                    "ciudad_de_origen": 1,
                    "firstOrder": 2,
                    "ano": 3,
                    "ano_2": 4,
                    "columna_6": 5,
                    "columna_7": 6,
                },
            },
        ),
    ],
)
def test_columns_are_guessed_by_their_names(names, expected):
    assert columns(names) == ({"custom_attributes": {}, **expected}, [])


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("País", ["1", "1"]),  # the number of a row of another table
        ("country", ["Lima", "Cusco", "PE"]),
        ("País de nacimiento", ["PE", "MX"]),
        ("Home Country", ["PE", "MX"]),
        ("Prefijo", ["351", "11"]),  # of a province
        ("DDD", ["55", "11"]),
    ],
)
def test_what_says_no_numbers_country(header, cells):
    assert "country" not in columns([header, "Phone"], *[[cell, "987654321"] for cell in cells]).columns


def test_a_calling_code_of_one_digit_is_believed_where_the_header_says_so():
    assert columns(["DDI", "Phone"], ["1", "3055551234"]).columns["country"] == 0


def test_columns_without_names_are_guessed_by_what_stands_in_them():
    sample = [["Ana", "ana@x.pe", "+51 987 654 321", "Lima"], ["Beto", "", "987654322", "Cusco"]]
    expected = {"name": 0, "email": 1, "phone": 2, "custom_attributes": {"columna_4": 3}}
    assert columns([""] * 4, *sample) == (expected, [])


def test_a_phone_under_an_unknown_name_is_found_by_its_look_and_asked_about():
    found = columns(["quién", "a qué"], ["Ana", "987654321"])
    assert found == ({"phone": 1, "custom_attributes": {"quien": 0}}, [PHONE_BY_CONTENT])


@pytest.mark.parametrize(
    ("header", "cell", "country"),
    [
        ("DNI", "987654321", "PE"),
        ("Código de cliente", "987654321", "PE"),
        ("x", "45678901", "PE"),
        ("x", "987654321", ""),
        ("x", "2026-01-15", "PE"),
    ],
)
def test_what_does_not_look_like_a_phone_of_the_country_is_none(header, cell, country):
    assert "phone" not in columns([header], [cell], country=country).columns


def test_links_of_whatsapp_are_a_phone_by_their_look():
    found = columns(["quién", "link"], ["Ana", "https://wa.me/5511987650001"], country="")
    assert (found.columns["phone"], found.unsure) == (1, [PHONE_BY_CONTENT])


def test_a_column_that_is_called_phone_and_holds_none_is_asked_about():
    assert columns(["Teléfono", "x"], ["sí", "1"], ["no", "2"]).unsure == [PHONE_DOUBTFUL]


def test_a_whatsapp_column_of_yes_and_no_is_not_the_phone():
    assert columns(["WhatsApp", "Teléfono"], ["sí", "987654321"]).columns["phone"] == 1


GOOGLE = "First Name,Middle Name,Last Name,Labels,E-mail 1 - Label,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value"
GOOGLE_OLD = (
    "Name,Given Name,Family Name,Group Membership,E-mail 1 - Value,Phone 1 - Type,Phone 1 - Value,Phone 2 - Value"
)
OUTLOOK = "Title,First Name,Middle Name,Last Name,Business Phone,Home Phone,Mobile Phone,E-mail Address,Categories"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (GOOGLE, {"name": [0, 1, 2], "labels": 3, "email": 5, "phone": 7}),
        (GOOGLE_OLD, {"name": 0, "labels": 3, "email": 4, "phone": 6, "more_phones": [7]}),
        (OUTLOOK, {"name": [1, 2, 3], "phone": 6, "more_phones": [4, 5], "email": 7, "labels": 8}),
        ("Display Name,Phone,Mobile,Email,Tags", {"name": 0, "phone": 2, "more_phones": [1], "email": 3, "labels": 4}),
        (
            "Last Name,First Name,Account Name,Phone,Mobile,Email",
            {"name": [1, 0], "phone": 4, "more_phones": [3], "email": 5},
        ),
        (
            "Record ID,First Name,Last Name,Phone Number,WhatsApp Phone Number,Email",
            {"name": [1, 2], "phone": 4, "more_phones": [3], "email": 5},
        ),
        (
            "Email Address,First Name,Last Name,Phone Number,MEMBER_RATING,TAGS",
            {"email": 0, "name": [1, 2], "phone": 3, "labels": 5},
        ),
        (
            "id,name,phone,email,labels,opted_out,celular,phone_2",
            {"name": 1, "phone": 2, "email": 3, "labels": 4, "opted_out": 5},
        ),
        ("phone,@celular", {"phone": 0}),
        ("id,name,email,identifier,phone_number", {"name": 1, "email": 2, "phone": 4}),
    ],
)
def test_exports_of_other_programs_are_recognised_whole(headers, expected):
    found = columns(headers.split(",")).columns
    assert {name: place for name, place in found.items() if name != "custom_attributes"} == expected


def test_numbers_below_the_word_name_are_the_phone_where_no_other_column_is():
    # A header that a stray line end has torn in two has moved by a column.
    found = columns(["nombre", "nota", ""], ["+51987650001", "Ana", "x"])
    assert (found.columns["phone"], found.unsure) == (0, [PHONE_BY_CONTENT])
    assert "name" not in found.columns
