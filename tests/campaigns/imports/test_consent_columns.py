"""Which columns say who wants to be written to, and what one line says."""

from datetime import UTC, datetime
from typing import Any

import pytest

from campaigns.contacts.consent_by_file import Consent, stronger
from campaigns.imports.columns import guess
from campaigns.imports.consent_columns import ConsentReader, needs_source
from campaigns.imports.files.csv_records import Head

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MAY, APRIL = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)


LEGITIMATE = "legitimate_interest"


def field_of(header: str) -> str | None:
    """What a file's column of this name is taken for."""
    columns = guess(Head(["phone", header], [["+51987654321", "x"]]), "PE").columns
    names = [name for name, said in columns.items() if said == 1]
    return names[0] if names else None


@pytest.mark.parametrize(
    "header",
    [
        *(
            "opted_out",
            "Opted Out",
            "optOut",
            "opt-out",
            "OPT OUT WHATSAPP",
            "No molestar",
            "¿No molestar?",
            "No contactar",
        ),
        *(
            "NO_LLAMAR",
            "Do Not Call",
            "DoNotCall",
            "do_not_contact",
            "Unsubscribed",
            "is_unsubscribed",
            "Baja",
            "DADO DE BAJA",
        ),
        *(
            "Descadastrado",
            "Não perturbe",
            "NÃO CONTATAR",
            "Lista Robinson",
            "No desea recibir mensajes",
            "SMS opt-out",
        ),
        *(
            "Se dio de baja",
            "Pidió la baja",
            "Solicitó baja",
            "Baja (sí/no)",
            "BAJA S/N",
            "Desuscripción",
            "Desinscrito",
            "Do not text",
            "Cancelou a inscrição",
            "DND",
        ),
    ],
)
def test_a_column_of_who_wants_no_messages_is_known(header):
    assert field_of(header) == "opted_out"


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("opt-in", "opted_in"),
        ("OptIn", "opted_in"),
        ("Acepta WhatsApp", "opted_in"),
        ("Acepta recibir publicidad", "opted_in"),
        ("Consentimiento", "opted_in"),
        ("consent", "opted_in"),
        ("marketing_consent", "opted_in"),
        ("Aceita mensagens", "opted_in"),
        ("Fecha de consentimiento", "opted_in_at"),
        ("opted_in_at", "opted_in_at"),
        ("OPTIN_TIME", "opted_in_at"),
        ("Data do consentimento", "opted_in_at"),
        ("Fecha de baja", "opted_out_at"),
        ("unsubscribed_at", "opted_out_at"),
        ("opted_in_source", "opted_in_source"),
        ("Origen del consentimiento", "opted_in_source"),
        ("consent source", "opted_in_source"),
        ("opted_in_basis", "opted_in_basis"),
        ("Base legal", "opted_in_basis"),
        ("Base jurídica", "opted_in_basis"),
        ("Legal basis", "opted_in_basis"),
        ("opted_in_version", "opted_in_version"),
        ("Versión del consentimiento", "opted_in_version"),
    ],
)
def test_a_column_of_who_agreed_is_known(header, field):
    assert field_of(header) == field


@pytest.mark.parametrize(
    "header",
    [
        *("Baja California", "Temporada baja", "Motivo de baja", "No desea factura", "Email Opt Out", "Acepta correos"),
        *("Unsubscribed from all email", "Acepta tarjeta", "Consentimiento informado", "Fecha", "Origen", "Opt-in SMS"),
        *("Acepta términos y condiciones", "Notas", "Estado", "Tasa baja", "Base", "Versión", "Base de datos"),
    ],
)
def test_a_column_of_something_else_is_an_attribute(header):
    found = field_of(header)
    assert found is None or found == "custom_attributes"
    assert 1 in guess(Head(["phone", header], [["+51987654321", "x"]]), "PE").columns["custom_attributes"].values()


def test_a_person_is_out_whom_any_of_several_columns_calls_so():
    head = Head(["phone", "Do Not Call", "Opt Out"], [["+51987654321", "no", "yes"]])
    columns = guess(head, "PE").columns
    assert columns["opted_out"] == [1, 2]
    assert read({1: "no", 2: "yes"}, opted_out=[1, 2]) == (Consent(True, None, "", 7), [])


# --- What a line says ------------------------------------------------------------------------------------------


def read(cells: dict[int, str], source: str = "", **columns: Any) -> tuple[Consent | None, list[tuple[str, int]]]:
    """What a line with these cells says, and what is complained of."""
    told: list[tuple[str, int]] = []
    reader = ConsentReader({"columns": columns, "opted_in_source": source}, "UTC", NOW)
    assert set(reader.places) == set(cells)
    return reader.read(cells, 7, lambda code, place: told.append((code, place))), told


OUT = Consent(True, None, "", 7)


@pytest.mark.parametrize(
    "cell", ["true", "TRUE", "1", "1.0", "Sí", "si", "x", "S", "Yes", "sim", "✓", "Opted out", "De baja"]
)
def test_a_yes_to_no_messages_is_a_no(cell):
    assert read({1: cell}, opted_out=1) == (OUT, [])


@pytest.mark.parametrize("cell", ["", "false", "0", "0.0", "No", "não", "N", "Suscrito", "Activo"])
def test_a_no_to_no_messages_says_nothing(cell):
    assert read({1: cell}, opted_out=1) == (None, [])


def test_what_is_neither_is_taken_for_a_no_to_messages_and_told():
    assert read({1: "pidió que no"}, opted_out=1) == (OUT, [("opt_out_unclear", 1)])


def test_a_date_is_a_yes_of_that_day():
    assert read({1: "01/05/2026"}, opted_out=1) == (OUT._replace(at=MAY), [])
    assert read({1: "01/05/2026"}, opted_out_at=1) == (OUT._replace(at=MAY), [])
    assert read({1: "2026-05-01"}, "Web", opted_in=1) == (Consent(False, MAY, "Web", 7), [])


def test_a_date_beside_a_no_is_of_an_earlier_one():
    assert read({1: "no", 2: "01/05/2026"}, opted_out=1, opted_out_at=2) == (None, [])
    assert read({1: "no", 2: "01/05/2026"}, "Web", opted_in=1, opted_in_at=2) == (None, [])


@pytest.mark.parametrize("date", ["pronto", "01/05/2027"])
def test_a_date_that_is_none_or_to_come_is_told(date):
    assert read({1: "yes", 2: date}, opted_out=1, opted_out_at=2) == (OUT, [("consent_date_invalid", 2)])
    assert read({1: date}, opted_out_at=1) == (OUT, [("consent_date_invalid", 1)])
    assert read({1: date}, "Web", opted_in_at=1) == (None, [("consent_date_invalid", 1)])


def test_a_yes_has_its_line_s_source_or_that_of_all():
    assert read({1: "sí", 2: "Tienda"}, "Web", opted_in=1, opted_in_source=2)[0] == Consent(False, None, "Tienda", 7)
    assert read({1: "sí", 2: ""}, "Web", opted_in=1, opted_in_source=2)[0] == Consent(False, None, "Web", 7)
    assert read({1: "sí", 2: "x" * 101}, opted_in=1, opted_in_source=2) == (None, [("opt_in_without_source", 2)])


@pytest.mark.parametrize(("cell", "told"), [("", []), ("no", []), ("quizás", [("opt_in_unclear", 1)])])
def test_what_is_no_yes_opts_nobody_in(cell, told):
    assert read({1: cell}, "Web", opted_in=1) == (None, told)


def test_a_no_wins_over_a_yes_of_the_same_line_unless_the_yes_came_later():
    columns = {"opted_out": 1, "opted_out_at": 2, "opted_in": 3, "opted_in_at": 4}

    def said(out_at: str, in_at: str) -> bool:
        consent, _ = read({1: "yes", 2: out_at, 3: "yes", 4: in_at}, "Web", **columns)
        assert consent is not None
        return consent.is_out

    assert said("", "")
    assert said("2026-05-01", "")
    assert said("", "2026-05-01")
    assert said("2026-05-01", "2026-05-01")
    assert not said("2026-04-01", "2026-05-01")


@pytest.mark.parametrize(
    ("cell", "basis"),
    [
        *((cell, LEGITIMATE) for cell in ("Interés legítimo", "legitimate_interest", "Legítimo interesse")),
        *((cell, "contract") for cell in ("contrato", "Contract")),
    ],
)
def test_another_basis_than_consent_needs_no_yes_and_a_no_takes_it_away(cell, basis):
    given = Consent(False, None, "CRM", 7, basis)
    assert read({1: cell}, "CRM", opted_in_basis=1) == (given, [])
    assert read({1: cell, 2: ""}, "CRM", opted_in_basis=1, opted_in=2) == (given, [])
    assert read({1: cell, 2: "no"}, "CRM", opted_in_basis=1, opted_in=2) == (None, [])
    assert read({1: cell}, opted_in_basis=1) == (None, [("opt_in_without_source", 1)])


def test_a_basis_of_consent_is_a_yes_only_where_no_column_asks_for_one():
    assert read({1: "consentimiento"}, "CRM", opted_in_basis=1) == (Consent(False, None, "CRM", 7), [])
    assert read({1: "consentimiento", 2: ""}, "CRM", opted_in_basis=1, opted_in=2) == (None, [])
    assert read({1: "", 2: "sí"}, "CRM", opted_in_basis=1, opted_in=2) == (Consent(False, None, "CRM", 7), [])
    assert read({1: ""}, "CRM", opted_in_basis=1) == (None, [])


def test_a_basis_that_nobody_knows_gives_none_and_is_told():
    assert read({1: "quizás", 2: "sí"}, "CRM", opted_in_basis=1, opted_in=2) == (None, [("basis_unclear", 1)])


def test_a_yes_says_to_which_text():
    said, _ = read({1: "sí", 2: "v3 " + "x" * 200}, "Web", opted_in=1, opted_in_version=2)
    assert said is not None
    assert (said.version[:4], len(said.version)) == ("v3 x", 100)


def test_another_basis_lifts_no_no_however_late():
    legitimate = Consent(False, MAY, "CRM", 1, LEGITIMATE)
    assert stronger(OUT._replace(at=APRIL), legitimate) == OUT._replace(at=APRIL)


def test_of_several_lines_of_one_person_the_first_no_and_the_last_yes_count():
    yes = Consent(False, None, "Web", 1)
    assert stronger(None, yes) is yes
    assert stronger(yes, OUT) is OUT
    assert stronger(OUT._replace(at=MAY), OUT._replace(at=APRIL)) == OUT._replace(at=APRIL)
    assert stronger(OUT, OUT._replace(at=APRIL)) == OUT._replace(at=APRIL)
    assert stronger(yes._replace(at=MAY), yes._replace(at=APRIL)) == yes._replace(at=MAY)
    assert stronger(OUT._replace(at=APRIL), yes._replace(at=MAY)) == yes._replace(at=MAY)


def test_a_yes_needs_a_source():
    assert needs_source({"columns": {"opted_in": 1}})
    assert needs_source({"columns": {"opted_in_basis": 1}})
    assert needs_source({"columns": {"opted_in_at": 1}, "opted_in_source": ""})
    assert not needs_source({"columns": {"opted_in": 1}, "opted_in_source": "Web"})
    assert not needs_source({"columns": {"opted_in": 1, "opted_in_source": 2}})
    assert not needs_source({"columns": {"opted_out": 1}})
