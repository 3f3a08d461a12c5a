"""`/api/v1/accounts/{id}/contact_imports`: from a file to contacts."""

import io
import json
import os
import time
import zipfile
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import openpyxl
import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import AuditEntry, Role
from campaigns import tasks
from campaigns.imports import checking, chunks, work, writing
from campaigns.imports.upload import remove_orphans
from campaigns.models import Contact, ContactImport, Label
from tests.campaigns.arrange import Caller, contact, refused
from tests.factories import make_account

pytestmark = pytest.mark.django_db

CONTENT = (
    "Teléfono;Nombre;Correo;Etiquetas;Región\r\n"
    "987654321;Ñusta Peña;nusta@example.com;vip, nuevo;norte\r\n"
    "+51 987-654-322;José Ángel;;vip;sur\r\n"
    "\r\n"
    "12;Nadie;;;\r\n"
    "987654323;Ana;nobody;;\r\n"
)


@pytest.fixture(autouse=True)
def nudges(monkeypatch):
    """The imports that somebody asked to be worked on."""
    asked: list[int] = []
    monkeypatch.setattr(tasks.import_contacts, "delay", asked.append)
    return asked


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 3)


def upload(call: Caller, content: str | bytes | None = CONTENT, name: str = "lista.csv", **form: Any) -> Any:
    if content is not None:
        form["file"] = SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)
    return call.client.post(call.path("contact_imports"), form)


def run_import(number: int) -> None:
    while work.advance(number, time.monotonic() + 60):
        pass


def checked(call: Caller, *arguments: Any, **form: Any) -> Any:
    """Upload, let it be checked, and give the import as it is then."""
    answer = upload(call, *arguments, **form)
    assert answer.status_code == 201, answer.content
    run_import(answer.json()["id"])
    return call.get(f"contact_imports/{answer.json()['id']}").json()


def imported(call: Caller, *arguments: Any, **form: Any) -> Any:
    made = checked(call, *arguments, **form)
    assert made["status"] == "ready"
    answer = call.post(f"contact_imports/{made['id']}/start")
    assert (answer.status_code, answer.json()["status"]) == (200, "running"), answer.content
    run_import(made["id"])
    done = call.get(f"contact_imports/{made['id']}").json()
    assert done["status"] == "completed"
    # What was announced is what happened.
    counts = (
        "created",
        "updated",
        "skipped",
        "error_count",
        "warning_count",
        "rows",
        "processed",
        "errors",
        "warnings",
    )
    assert {name: done[name] for name in counts} == {name: made[name] for name in counts}
    return done


def told(problems: list[dict[str, Any]]) -> list[tuple[int, str, str]]:
    """What is said of lines and cells."""
    return [(one["line"], one["column"], one["code"]) for one in problems]


def people() -> dict[str, tuple[str, str, list[str], dict[str, Any]]]:
    return {
        one.phone: (one.name, one.email, one.labels, one.custom_attributes)
        for one in Contact.unscoped.exclude(phone=None).order_by("phone")
    }


def files() -> list[str]:
    return sorted(path.name for path in (settings.UPLOAD_DIR / "contacts").iterdir())


# --- The whole way -----------------------------------------------------------------------------------------


def test_an_upload_answers_what_was_guessed_and_a_sample(call, nudges, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = upload(call)
    assert answer.status_code == 201
    made = answer.json()
    assert nudges == [made["id"]]
    assert (made["status"], made["file_name"], made["update_existing"]) == ("checking", "lista.csv", True)
    assert made["mapping"] == {
        "encoding": "utf-8",
        "delimiter": ";",
        "header": True,
        "start": 1,
        "sheet": 0,
        "columns": {"phone": 0, "name": 1, "email": 2, "labels": 3, "custom_attributes": {"region": 4}},
        "add_labels": [],
        "default_country": "PE",
        "opted_in_source": "",
    }
    assert made["columns"] == ["Teléfono", "Nombre", "Correo", "Etiquetas", "Región"]
    assert made["sample"][0] == ["987654321", "Ñusta Peña", "nusta@example.com", "vip, nuevo", "norte"]
    assert not Contact.unscoped.exists()


def test_the_dry_run_counts_and_tells_every_bad_line(call):
    contact(call.account, "+51987654322")
    made = checked(call)
    assert made["status"] == "ready"
    assert {name: made[name] for name in ("rows", "created", "updated", "skipped", "error_count", "percentage")} == {
        "rows": 4,
        "created": 2,
        "updated": 1,
        "skipped": 0,
        "error_count": 1,
        "percentage": 100.0,
    }
    assert told(made["errors"]) == [(5, "", "phone_incomplete")]
    assert told(made["warnings"]) == [(6, "Correo", "email_invalid")]
    assert all(one["message"] for one in made["errors"] + made["warnings"])
    assert Contact.unscoped.count() == 1
    assert not Label.unscoped.exists()


def test_a_bad_line_is_kept_as_a_code_and_told_in_the_readers_language(call, client):
    made = checked(call, f"phone,name\n+51987654321,{'a' * 201}\n")
    row = ContactImport.unscoped.get(pk=made["id"])
    assert row.warnings == [{"line": 2, "column": "name", "code": "name_too_long", "details": {"limit": 200}}]
    spanish = "El nombre supera los 200 caracteres: se dejó fuera."
    assert made["warnings"] == [{"line": 2, "column": "name", "code": "name_too_long", "message": spanish}]
    client.force_login(call.membership.user)
    address = f"/admin/campaigns/contactimport/{row.pk}/change/"
    page = client.get(address, headers={"accept-language": "en"}).content.decode()
    assert "The name is too long, 200 characters at most: it was left out." in page
    assert spanish not in page


def test_an_import_of_before_says_what_it_kept(call, client):
    made = checked(call)
    kept = {"line": 2, "code": "phone_missing", "message": "La línea no tenía teléfono."}
    ContactImport.unscoped.filter(pk=made["id"]).update(errors=[kept])
    assert call.get(f"contact_imports/{made['id']}").json()["errors"] == [{**kept, "column": ""}]
    client.force_login(call.membership.user)
    address = f"/admin/campaigns/contactimport/{made['id']}/change/"
    assert "The line has no phone." in client.get(address, headers={"accept-language": "en"}).content.decode()


def test_an_import_makes_contacts_labels_and_attributes(call):
    done = imported(call)
    assert (done["created"], done["error_count"]) == (3, 1)
    assert people() == {
        "+51987654321": ("Ñusta Peña", "nusta@example.com", ["vip", "nuevo"], {"region": "norte"}),
        "+51987654322": ("José Ángel", "", ["vip"], {"region": "sur"}),
        "+51987654323": ("Ana", "", [], {}),
    }
    assert set(Label.unscoped.values_list("name", flat=True)) == {"vip", "nuevo"}
    assert set(Contact.unscoped.values_list("phone_key", flat=True)) == set(people())
    assert files() == []
    assert done["sample"] == []  # nobody's data outlives the file
    assert [entry.action for entry in AuditEntry.unscoped.order_by("id")] == [
        "contact_import.uploaded",
        "contact_import.started",
    ]


def test_contacts_that_exist_are_completed_and_nothing_is_erased(call):
    contact(
        call.account,
        "+51987654321",
        name="Old",
        email="old@x.pe",
        labels=["a", "vip"],
        custom_attributes={"k": 1, "z": 2},
    )
    contact(call.account, "+51987654322", name="José Ángel", labels=["vip"], custom_attributes={"region": "sur"})
    before = Contact.unscoped.get(phone="+51987654322").updated_at
    done = imported(call, "phone,name,email,labels,k\n987654321,New,,nuevo,9\n987654322,,,,\n")
    assert (done["created"], done["updated"], done["skipped"]) == (0, 2, 0)
    assert people()["+51987654321"] == ("New", "old@x.pe", ["a", "vip", "nuevo"], {"k": 9, "z": 2})
    assert Contact.unscoped.get(phone="+51987654322").updated_at == before


def test_contacts_that_exist_are_left_alone_when_told_so(call):
    contact(call.account, "+51987654321", name="Old")
    done = imported(call, "phone,name\n987654321,New\n987654322,Ana\n", update_existing="false")
    assert (done["created"], done["updated"], done["skipped"]) == (1, 0, 1)
    assert people()["+51987654321"][0] == "Old"


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("between", [0, 1, 2, 3, 4, 7])
@pytest.mark.parametrize(("update", "name"), [("true", "Third"), ("false", "First")])
def test_a_number_that_stands_in_the_file_again_is_one_contact(call, between, update, name):
    others = "".join(f"98765400{number},Other,o@x.pe,\n" for number in range(between))
    content = f"phone,name,email,labels\n+5511987654321,First,a@x.pe,one\n{others}+551187654321,,,two\n{others}"
    done = imported(call, content + "+55 11 98765-4321,Third,,\n", update_existing=update)
    assert done["created"] == 1 + between
    assert done["updated" if update == "true" else "skipped"] == 2 + between
    one = Contact.unscoped.get(phone_key="+551187654321")
    assert (one.phone, one.name, one.email) == ("+5511987654321", name, "a@x.pe")
    assert one.labels == (["one", "two"] if update == "true" else ["one"])


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_every_making_of_a_csv_keeps_its_accents(call, delimiter, encoding):
    text = "teléfono;nombre;ciudad\r\n987654321;Íñigo Muñoz Güell;Córdoba\r\n987654322;Zoë €;São Paulo\r\n"
    imported(call, text.replace(";", delimiter).encode(encoding))
    assert people() == {
        "+51987654321": ("Íñigo Muñoz Güell", "", [], {"ciudad": "Córdoba"}),
        "+51987654322": ("Zoë €", "", [], {"ciudad": "São Paulo"}),
    }


def workbook(*rows: Any) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def test_an_xlsx_is_imported_as_its_reader_sees_it(call):
    content = workbook(
        ["Celular", "Nombre", "Etiquetas", "Edad", "Socio"],
        [51987654321, "Ñusta", "vip;nuevo", 31, True],
        [],
        ["987 654 322", 'José "Pepe"\nÁngel', None, 2.5, None],
        ["no number", "x", None, None, None],
    )
    done = imported(call, content, "lista.XLSX")
    assert people() == {
        "+51987654321": ("Ñusta", "", ["vip", "nuevo"], {"Edad": 31, "Socio": True}),
        "+51987654322": ('José "Pepe"\nÁngel', "", [], {"Edad": 2.5}),
    }
    assert [error["line"] for error in done["errors"]] == [5]
    assert files() == []


def test_what_was_exported_can_be_imported_again(call):
    contact(
        call.account, "+51987654321", name="=1+1", labels=["a", "b c"], custom_attributes={"region": "+x", "k": "v"}
    )
    before = people()
    content = b"".join(call.get("contacts/export.csv").streaming_content)
    Contact.unscoped.all().delete()
    imported(call, content)
    assert people() == before


# --- The mapping -------------------------------------------------------------------------------------------


def test_a_corrected_mapping_is_checked_again(call):
    made = checked(call, "a,b,c\nx,987654321,5\ny,987654322,six\n")
    path = f"contact_imports/{made['id']}"
    columns = {"phone": 1, "name": 0, "custom_attributes": {"n": {"column": 2, "type": "number"}}}
    answer = call.patch(path, mapping={"columns": columns, "add_labels": ["feria"]}, update_existing=False)
    assert (answer.status_code, answer.json()["status"], answer.json()["rows"]) == (200, "checking", 0)
    run_import(made["id"])
    made = call.get(path).json()
    assert (made["status"], made["created"], made["error_count"], made["warning_count"]) == ("ready", 2, 0, 1)
    assert told(made["warnings"]) == [(3, "c", "attribute_not_a_number")]
    call.post(f"{path}/start")
    run_import(made["id"])
    assert people() == {
        "+51987654321": ("x", "", ["feria"], {"n": 5}),
        "+51987654322": ("y", "", ["feria"], {}),
    }


def test_attributes_are_texts_unless_a_type_is_given(call):
    columns = {
        "phone": 0,
        "custom_attributes": {
            "text": 1,
            "number": {"column": 2, "type": "number"},
            "boolean": {"column": 3, "type": "boolean"},
        },
    }
    content = 'a,b,c,d\n987654321,007,"1,5",Sí\n987654322,true,-3,no\n'
    imported(call, content, mapping=json.dumps({"columns": columns}))
    assert [one[3] for one in people().values()] == [
        {"text": "007", "number": 1.5, "boolean": True},
        {"text": "true", "number": -3, "boolean": False},
    ]


def test_another_delimiter_or_header_is_other_columns(call):
    made = checked(call, "987654321;Ana\n987654322;Beto\n", mapping=json.dumps({"delimiter": "|"}))
    assert (made["mapping"]["header"], made["sample"][0]) == (False, ["987654321;Ana"])
    answer = call.patch(f"contact_imports/{made['id']}", mapping={"delimiter": ";", "header": True})
    assert answer.json()["columns"] == ["987654321", "Ana"]
    run_import(made["id"])
    assert call.get(f"contact_imports/{made['id']}").json()["rows"] == 1


def test_a_file_without_header_is_read_by_what_stands_in_it(call):
    done = imported(call, "Ana,ana@example.com,987654321,Lima\nBeto,,987654322,Cusco\n")
    assert done["mapping"]["columns"] == {"name": 0, "email": 1, "phone": 2, "custom_attributes": {"columna_4": 3}}
    assert people()["+51987654321"] == ("Ana", "ana@example.com", [], {"columna_4": "Lima"})


def test_the_country_can_be_said(call):
    imported(call, "phone\n(11) 98765-4321\n", mapping=json.dumps({"default_country": "br"}))
    assert list(people()) == ["+5511987654321"]


@pytest.mark.parametrize(
    "mapping",
    [
        [],
        {"colums": {}},
        {"columns": []},
        {"columns": {"phone": 9}},
        {"columns": {"phone": -1}},
        {"columns": {"phone": True}},
        {"columns": {"phone": "0"}},
        {"columns": {"fone": 0}},
        {"columns": {"custom_attributes": [1]}},
        {"columns": {"custom_attributes": {"": 1}}},
        {"columns": {"custom_attributes": {"a\x00": 1}}},
        {"columns": {"custom_attributes": {"a": {"column": 0, "type": "time"}}}},
        {"columns": {"custom_attributes": {"a": {"type": "text"}}}},
        {"columns": {"custom_attributes": {"a": {"column": 0, "x": 1}}}},
        {"encoding": "rot13"},
        {"encoding": ["utf-8"]},
        {"delimiter": ""},
        {"delimiter": 5},
        {"header": "yes"},
        {"start": 0},
        {"start": True},
        {"start": "1"},
        {"add_labels": "vip"},
        {"add_labels": [1]},
        {"add_labels": ["x" * 101]},
        {"default_country": "Peru"},
        {"default_country": "ZZ"},
        {"default_country": 51},
    ],
)
def test_a_mapping_that_means_nothing_is_refused(call, mapping):
    made = checked(call)
    assert refused(call.patch(f"contact_imports/{made['id']}", mapping=mapping)) == (400, "mapping_invalid")
    assert call.get(f"contact_imports/{made['id']}").json() == made
    assert refused(upload(call, mapping=json.dumps(mapping))) == (400, "mapping_invalid")
    assert ContactImport.unscoped.count() == 1
    assert len(files()) == 1


def test_an_import_needs_to_know_the_phone(call):
    made = checked(call, "a,b\nx,y\n")
    assert (made["status"], made["error_count"], made["errors"][0]["code"]) == ("ready", 1, "phone_missing")
    assert refused(call.post(f"contact_imports/{made['id']}/start")) == (400, "phone_column_missing")


def test_moves_that_are_not_possible_change_nothing(call):
    number = upload(call).json()["id"]
    start = f"contact_imports/{number}/start"
    assert refused(call.post(start)) == (409, "import_not_ready")  # not checked yet
    run_import(number)
    assert call.post(start).status_code == 200
    assert refused(call.post(start)) == (409, "import_not_ready")
    assert refused(call.patch(f"contact_imports/{number}", mapping={})) == (409, "import_not_ready")
    run_import(number)
    assert refused(call.post(start)) == (409, "import_not_ready")
    assert Contact.unscoped.count() == 3


# --- Which column is the phone ---------------------------------------------------------------------------------


def case(name: str) -> bytes:
    return (Path(__file__).parent / "cases" / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "country", "expected"),
    [
        ("k1_dni_first.csv", "PE", {"+51987650001": "Rosa", "+51987650003": "Luis"}),
        ("k1_code_first.csv", "MX", {"+51987650001": "Ana"}),
        ("k1_name_header.csv", "", {"+51987650001": "Díaz Rosa"}),
        ("k1_phone_and_mobile.csv", "", {"+51987650001": "Ana Díaz", "+51987650002": "Luis"}),
        ("k1_google_new.csv", "", {"+51987650001": "Rosa Díaz", "+51987650003": "Luis Vega"}),
    ],
)
def test_the_right_column_is_the_phone(call, name, country, expected):
    imported(call, case(name), name, mapping=json.dumps({"default_country": country}))
    assert {phone: person[0] for phone, person in people().items()} == expected


def test_other_numbers_of_a_person_are_kept(call):
    imported(call, case("k1_google_new.csv"), "a.csv")
    found = people()
    assert found["+51987650001"][2] == ["Clientes"]
    assert found["+51987650003"][2] == []
    assert found["+51987650003"][3]["phone_2"] == "+51 987 650 004"


def test_the_first_mobile_of_a_line_is_taken(call):
    imported(call, "Celular,Teléfono,k\n014567890,987654321,x\n987654322,,y\n,987654323,z\n014567891,,w\n")
    assert {phone: person[3] for phone, person in people().items()} == {
        "+51987654321": {"telefono": "987654321", "k": "x", "phone_2": "014567890"},
        "+51987654322": {"k": "y"},
        "+51987654323": {"telefono": "987654323", "k": "z"},
        "+5114567891": {"k": "w"},
    }


@pytest.mark.parametrize("confirmed", [{"confirmed": True}, {"columns": {"phone": 1}}])
def test_where_little_says_which_column_is_the_phone_a_person_is_asked(call, confirmed):
    made = checked(call, "quién,a qué\nAna,987654321\n")
    assert (made["unsure"], made["phone_column"]) == (
        ["phone_by_content"],
        {"column": 1, "name": "a qué", "samples": ["987654321"]},
    )
    start = f"contact_imports/{made['id']}/start"
    assert refused(call.post(start)) == (409, "columns_unconfirmed")
    assert call.patch(f"contact_imports/{made['id']}", mapping=confirmed).json()["unsure"] == []
    run_import(made["id"])
    assert call.post(start).status_code == 200


# --- Where the table begins, and how its bytes are read --------------------------------------------------------


def test_our_own_file_has_its_header_in_line_1(call):
    done = imported(call, case("k2_own_format.csv"))
    assert people() == {"+51987650001": ("", "", [], {"valor1": "Rosa", "valor2": 123})}
    assert done["rows"] == 1


def test_titles_are_passed_over(call):
    done = imported(call, case("k2_title_rows.csv"))
    assert (done["mapping"]["start"], done["columns"]) == (4, ["Nombre", "Celular", "Ciudad"])
    assert {phone: person[0] for phone, person in people().items()} == {"+51987650001": "Ana", "+51987650002": "Luis"}


def test_where_the_table_begins_can_be_said(call):
    content = "notas,de,alguien\nmás,notas,987654321\nquién,a qué,x\nAna,987654322,z\n"
    made = checked(call, content)
    answer = call.patch(f"contact_imports/{made['id']}", mapping={"start": 3, "header": True})
    assert answer.json()["columns"] == ["quién", "a qué", "x"]
    run_import(made["id"])
    assert call.get(f"contact_imports/{made['id']}").json()["rows"] == 1


def test_the_encoding_is_shown_with_words(call):
    made = upload(call, case("k10_mac_roman.csv")).json()
    assert (made["mapping"]["encoding"], made["encoding_words"]) == ("mac-roman", ["José", "Núñez"])
    answer = call.patch(f"contact_imports/{made['id']}", mapping={"encoding": "cp1252"})
    assert answer.json()["encoding_words"][0] == "JosŽ"


# --- Workbooks and contacts of a phone -------------------------------------------------------------------------


def test_a_workbook_is_read_as_it_is_seen(call):
    imported(call, case("k11_formats.xlsx"), "a.xlsx")
    assert people()["+51987650001"][3] == {
        "dni": "01234567",
        "precio": 12.5,
        "pct": "15%",
        "vence": "2026-01-15",
        "dura": "26:00",
    }


def test_another_sheet_can_be_chosen(call):
    book = openpyxl.Workbook()
    book.active.append(["phone"])
    book.active.append(["987654321"])
    second = book.create_sheet("Otros")
    for row in (["Lista"], ["nombre", "celular"], ["Ana", "987654322"]):
        second.append(row)
    content = io.BytesIO()
    book.save(content)
    made = checked(call, content.getvalue(), "a.xlsx")
    assert (made["sheets"], made["mapping"]["sheet"]) == (["Sheet", "Otros"], 0)
    answer = call.patch(f"contact_imports/{made['id']}", mapping={"sheet": 1})
    assert (answer.json()["columns"], answer.json()["mapping"]["start"]) == (["nombre", "celular"], 2)
    run_import(made["id"])
    call.post(f"contact_imports/{made['id']}/start")
    run_import(made["id"])
    assert list(people()) == ["+51987654322"]
    assert files() == []


def test_an_error_of_the_sheet_is_empty_and_told(call, tmp_path):
    # openpyxl writes texts that look like an error as one.
    made = imported(call, workbook(["phone", "name"], ["987654321", "#N/A"]), "a.xlsx")
    assert people()["+51987654321"][0] == ""
    assert (told(made["errors"]), told(made["warnings"])) == ([], [(2, "name", "cell_error")])
    assert (made["created"], made["error_count"], made["warning_count"]) == (1, 0, 1)


def test_a_workbook_that_is_broken_below_its_first_rows_says_so(call):
    source, target = io.BytesIO(workbook(["phone"], *[[f"9{number:08}"] for number in range(5_000)])), io.BytesIO()
    with zipfile.ZipFile(source) as book, zipfile.ZipFile(target, "w") as broken:
        for name in book.namelist():
            content = book.read(name)
            broken.writestr(name, content[:-1_000] if name.endswith("sheet1.xml") else content)
    made = checked(call, target.getvalue(), "a.xlsx")
    assert (made["status"], told(made["errors"])) == ("failed", [(0, "", "import_file_unreadable")])
    assert files() == []


def test_contacts_of_a_phone_are_imported(call):
    cards = "".join(f"BEGIN:VCARD\nFN:P{number}\nTEL;TYPE=CELL:98765432{number}\nEND:VCARD\n" for number in range(3))
    done = imported(call, cards, "contactos.vcf")
    assert (done["created"], done["unsure"]) == (3, [])
    assert people()["+51987654321"][0] == "P1"


# --- Files that cannot be used --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (None, "", "import_file_missing"),
        ("phone\n987654321\n", "lista.pdf", "import_file_extension"),
        ("phone\n987654321\n", "lista.xls", "import_file_extension"),
        ("\ufeff", "lista.csv", "import_file_empty"),
        (" \r\n;;;\r\n", "lista.csv", "import_file_empty"),
        ("phone;name\r\n", "lista.csv", "import_file_empty"),
        (b"PK\x03\x04" + b"x" * 100, "lista.csv", "import_file_unreadable"),
        ("phone\n987654321\n", "lista.xlsx", "import_file_unreadable"),
        (workbook(["phone"]), "lista.xlsx", "import_file_empty"),
        (workbook(), "lista.xlsx", "import_file_empty"),
        (workbook(["a"] * 201, ["b"]), "lista.xlsx", "import_too_many_columns"),
        ("phone\n987654321\n", "lista.vcf", "import_file_unreadable"),
        ("," * 300 + "x\n", "lista.csv", "import_too_many_columns"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_leaves_nothing(call, content, name, code):
    assert refused(upload(call, content, name)) == (400, code)
    assert not ContactImport.unscoped.exists()
    assert not (settings.UPLOAD_DIR / "contacts").exists() or files() == []


def test_a_file_that_is_too_large_is_refused(call, settings):
    settings.MAX_UPLOAD_BYTES = 20
    assert refused(upload(call)) == (413, "import_file_too_large")


@pytest.mark.parametrize("name", ["lista.csv", "lista.xlsx"])
def test_a_file_with_too_many_rows_fails(call, settings, name):
    settings.MAX_RECIPIENTS = 3
    rows = [["phone"], *([f"98765432{number}"] for number in range(5))]
    content = workbook(*rows) if name.endswith("xlsx") else "\n".join(row[0] for row in rows)
    made = checked(call, content, name)
    assert (made["status"], made["errors"][0]["line"]) == ("failed", 0)
    assert made["errors"][0]["code"] == "import_too_many_rows"
    assert files() == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (",Ana", "phone_missing"),
        ("abc,Ana", "phone_has_letters"),
        ("5.1E+10,Ana", "phone_inexact"),
        ("987654321,A\0na", "nul_byte"),
        ("987654321,Ana,,," + "x" * 9000, "line_too_long"),
    ],
)
def test_a_bad_line_is_told_and_the_others_imported(call, line, code):
    done = imported(call, f"phone,name,email,labels,k\n{line}\n987654322,Beto\n")
    assert [(error["line"], error["code"]) for error in done["errors"]] == [(2, code)]
    assert list(people()) == ["+51987654322"]


MANY_LABELS = [f"l{number}" for number in range(51)]


@pytest.mark.parametrize(
    ("cells", "column", "code", "kept"),
    [
        (f"{'x' * 201},a@b.co,vip,1", "name", "name_too_long", ("", "a@b.co", ["vip"], {"k": 1})),
        ("Ana,nobody,vip,1", "email", "email_invalid", ("Ana", "", ["vip"], {"k": 1})),
        (f"Ana,{'x' * 250}@b.co,,", "email", "email_invalid", ("Ana", "", [], {})),
        ("Ana,a@b.co; c@d.co,,", "email", "email_several", ("Ana", "a@b.co", [], {})),
        ("Ana,nobody@b c@d.co,,", "email", "email_several", ("Ana", "c@d.co", [], {})),
        (f"Ana,,vip|{'x' * 101}|new,", "labels", "label_invalid", ("Ana", "", ["vip", "new"], {})),
        (f"Ana,,{'|'.join(MANY_LABELS)},", "labels", "too_many_labels", ("Ana", "", MANY_LABELS[:50], {})),
        (f"Ana,,,{'x' * 1001}", "k", "attribute_too_long", ("Ana", "", [], {})),
        ("Ana,,,1,sobra", "", "cells_beyond_header", ("Ana", "", [], {"k": 1})),
    ],
)
def test_a_bad_cell_is_left_out_and_told_and_the_person_stays(call, cells, column, code, kept):
    first = "".join(f"9876543{number:02},P,,,\n" for number in range(20))  # what the columns are guessed from
    done = imported(call, f"phone,name,email,labels,k\n{first}987654321,{cells}\n")
    assert (done["rows"], done["error_count"], done["errors"]) == (21, 0, [])
    assert (done["warning_count"], told(done["warnings"])) == (1, [(22, column, code)])
    assert people()["+51987654321"] == kept


def test_a_cell_of_a_column_without_a_name_is_told_by_its_place(call):
    columns = {"phone": 0, "custom_attributes": {"n": {"column": 1, "type": "number"}}}
    made = checked(call, "987654321,x\n", mapping=json.dumps({"header": False, "columns": columns}))
    assert told(made["warnings"]) == [(1, "#2", "attribute_not_a_number")]


def test_a_spelling_of_one_email_twice_is_one(call):
    done = imported(call, 'phone,name,email\n987654321,Ana,"Ana <ana@example.com>, ANA@example.com"\n')
    assert (done["warnings"], people()["+51987654321"][1]) == ([], "ana@example.com")


NOTHING = ["NULL", "null", "NaN", "N/A", "n/d", "#N/D", "-", "—", "...", "\u200b", " \ufeff\u00a0", "None", "_"]


@pytest.mark.parametrize("filler", NOTHING)
def test_what_stands_for_nothing_is_empty_in_every_column(call, filler):
    """A person's data stay, and nothing is told: nobody forgot anything."""
    contact(call.account, "+51987654321", name="Ana", email="a@b.co", labels=["vip"], custom_attributes={"k": "1"})
    header, line = "phone,celular,name,email,labels,k", f"987654321,{filler},{filler},{filler},{filler},{filler}"
    done = imported(call, f"{header}\n{line}\n{filler},{filler},Nadie,,,\n")
    assert (done["updated"], done["warnings"]) == (1, [])
    assert told(done["errors"]) == [(3, "", "phone_missing")]
    assert people() == {"+51987654321": ("Ana", "a@b.co", ["vip"], {"k": "1"})}


@pytest.mark.parametrize("name", ["Sin nombre", "s/n", "SEM NOME", "***", "???", "Desconocido"])
def test_nobodys_name_is_none(call, name):
    imported(call, f"phone,name,k\n987654321,{name},{name}\n")
    assert people()["+51987654321"] == ("", "", [], {"k": name})


@pytest.mark.parametrize("name", ["Na", "Nil", "Nano", "Ñ", "🌸", "5", "Ana-", "N. A. Díaz", "李"])
def test_a_name_that_is_one_stays(call, name):
    imported(call, f"phone,name,k\n987654321,{name},k{name}\n")
    assert people()["+51987654321"] == (name, "", [], {"k": f"k{name}"})


def test_a_text_with_an_apostrophe_before_it_stays_as_it_is_written(call):
    imported(call, "phone,k,l\n987654321,'-,'NULL\n")
    assert people()["+51987654321"][3] == {"k": "-", "l": "NULL"}


def test_our_export_keeps_texts_that_others_take_for_nothing(call):
    contact(call.account, "+51987654321", name="NULL", custom_attributes={"k": "n/a", "l": "--"})
    before = people()
    content = b"".join(call.get("contacts/export.csv").streaming_content)
    Contact.unscoped.all().delete()
    imported(call, content)
    assert people() == before


def test_a_thousand_warnings_are_told_and_all_are_counted(call):
    made = checked(call, "phone,email\n" + "".join(f"98765{n:04},x\n" for n in range(1500)) + "x,\n" * 1500)
    assert (made["warning_count"], len(made["warnings"])) == (1500, 1000)
    assert (made["error_count"], len(made["errors"])) == (1500, 1000)
    assert made["rows"] == made["created"] + made["error_count"]


def test_k16_people_with_bad_emails_are_there(call):
    done = imported(call, case("k16_bad_email.csv"), "k16_bad_email.csv")
    assert {phone: one[:2] for phone, one in people().items()} == {
        "+51987650001": ("Ana", "ana@example.com"),
        "+51987650002": ("Eva", ""),
        "+51987650003": ("Leo", ""),
    }
    assert (done["created"], done["error_count"], told(done["warnings"])) == (3, 0, [(2, "email", "email_several")])


def test_a_broken_byte_in_utf8_is_told(call):
    done = imported(call, "\ufeffphone,name\n987654321,Ñusta\n".encode() + b"987654322,\xff\n")
    assert [(error["line"], error["code"]) for error in done["errors"]] == [(3, "undecodable")]


@pytest.mark.parametrize(
    ("name", "people_there", "line"), [("k6_unclosed_small.csv", 4, 2), ("k6_unclosed_5000.csv", 4999, 11)]
)
def test_a_quote_that_is_never_closed_costs_its_line(call, name, people_there, line):
    made = checked(call, case(name), name)
    assert (made["created"], made["error_count"], made["rows"]) == (people_there, 1, people_there + 1)
    assert [(error["line"], error["code"]) for error in made["errors"]] == [(line, "quote_unclosed")]


def test_a_thousand_errors_are_told_and_all_are_counted(call):
    made = checked(call, "phone\n" + "x\n" * 1500)
    assert (made["error_count"], len(made["errors"])) == (1500, 1000)


def test_hostile_texts_come_in_as_they_are(call):
    texts = [
        "a\\b",
        "\\N",
        "\\.",
        'say "hi"',
        "{a,b}",
        "tab\there",
        "new\nline",
        "NULL y nada",
        "'; DROP TABLE x",
        "<b>&amp;",
        "𝒳🎉",
    ]
    book = workbook(["phone", "name", "k"], *([f"9876543{n:02}", text, text] for n, text in enumerate(texts)))
    imported(call, book, "lista.xlsx", mapping=json.dumps({"add_labels": ['a"b', "a\\b", "{c,d}"]}))
    # A name is none without a letter.
    assert [(one[0] or "\\.", one[3]["k"]) for one in people().values()] == [(text, text) for text in texts]
    assert {tuple(one[2]) for one in people().values()} == {('a"b', "a\\b", "{c,d}")}


# --- Interruptions --------------------------------------------------------------------------------------------


class Death(BaseException):
    """What the kernel sends."""


def dying(monkeypatch, room: ModuleType, name: str, at_call: int) -> None:
    real = getattr(room, name)
    calls = iter(range(1, 1000))

    def once(*arguments):
        result = real(*arguments)
        if next(calls) == at_call:
            raise Death
        return result

    monkeypatch.setattr(room, name, once)


MANY = "phone,name\n" + "".join(f"9876543{number:02},Name {number}\n{number},bad\n" for number in range(20))


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("at_call", [1, 2, 7, 14])
@pytest.mark.parametrize("step", [(checking, "check"), (writing, "import_people")], ids=lambda step: step[1])
def test_after_a_death_in_the_middle_everything_is_there_once(call, monkeypatch, step, at_call):
    dying(monkeypatch, *step, at_call)
    number = upload(call, MANY).json()["id"]
    deaths = 0

    def work_on() -> None:
        nonlocal deaths
        try:
            run_import(number)
        except Death:
            deaths += 1
            run_import(number)

    work_on()
    made = call.get(f"contact_imports/{number}").json()
    assert (made["status"], made["created"], made["error_count"]) == ("ready", 20, 20)
    call.post(f"contact_imports/{number}/start")
    work_on()
    done = call.get(f"contact_imports/{number}").json()
    assert deaths == 1
    assert (done["status"], done["created"], done["updated"], done["error_count"]) == ("completed", 20, 0, 20)
    assert [one[0] for one in people().values()] == [f"Name {number}" for number in range(20)]
    assert len(done["errors"]) == 20


@pytest.mark.usefixtures("small_chunks")
def test_a_slice_ends_at_its_deadline_and_the_next_goes_on(call):
    number = upload(call, MANY).json()["id"]
    assert work.advance(number, time.monotonic())
    assert call.get(f"contact_imports/{number}").json()["processed"] == 3
    assert work.advance(number, time.monotonic())
    assert call.get(f"contact_imports/{number}").json()["processed"] == 6


@pytest.mark.usefixtures("small_chunks")
def test_a_slice_reads_nothing_again_that_the_last_one_has_read(call):
    number = upload(call, MANY).json()["id"]
    work.advance(number, time.monotonic())
    work.advance(number, time.monotonic())
    row = ContactImport.unscoped.get(pk=number)
    with (settings.UPLOAD_DIR / "contacts" / row.upload_name).open("r+b") as file:
        file.write(b"x" * row.place["at"][0])
    while work.advance(number, time.monotonic()):
        pass
    made = call.get(f"contact_imports/{number}").json()
    assert (made["status"], made["created"], made["error_count"]) == ("ready", 20, 20)


@pytest.mark.usefixtures("small_chunks")
def test_a_place_of_another_chunk_is_none(call):
    number = upload(call, MANY).json()["id"]
    work.advance(number, time.monotonic())
    place = ContactImport.unscoped.get(pk=number).place
    work.advance(number, time.monotonic())
    ContactImport.unscoped.filter(pk=number).update(place=place)  # as a worker of before would leave it
    while work.advance(number, time.monotonic()):
        pass
    made = call.get(f"contact_imports/{number}").json()
    assert (made["status"], made["created"], made["error_count"]) == ("ready", 20, 20)


@pytest.mark.usefixtures("small_chunks")
def test_a_mapping_that_is_corrected_while_it_is_checked_begins_anew(call, monkeypatch):
    number = upload(call, MANY).json()["id"]
    real = work._step
    calls = iter(range(100))

    def step(reader):
        if next(calls) == 3:
            call.patch(f"contact_imports/{number}", mapping={"add_labels": ["late"]})
        return real(reader)

    monkeypatch.setattr(work, "_step", step)
    run_import(number)
    made = call.get(f"contact_imports/{number}").json()
    assert (made["status"], made["created"], made["error_count"]) == ("ready", 20, 20)
    assert made["mapping"]["add_labels"] == ["late"]


@pytest.mark.usefixtures("small_chunks")
def test_keys_that_a_power_failure_lost_are_read_again(call):
    number = upload(call, MANY).json()["id"]
    work.advance(number, time.monotonic())
    work.advance(number, time.monotonic())
    (keys,) = (settings.UPLOAD_DIR / "contacts").glob("*.keys")
    os.truncate(keys, 8)
    run_import(number)
    made = call.get(f"contact_imports/{number}").json()
    assert (made["status"], made["created"], made["error_count"]) == ("ready", 20, 20)


@pytest.mark.usefixtures("small_chunks")
def test_a_file_that_is_lost_fails_the_import(call):
    number = upload(call, MANY).json()["id"]
    work.advance(number, time.monotonic())
    (path,) = (settings.UPLOAD_DIR / "contacts").glob("*.csv")
    path.write_text("phone\n987654321\n")
    run_import(number)
    made = call.get(f"contact_imports/{number}").json()
    assert (made["status"], made["errors"][0]["code"]) == ("failed", "import_file_lost")
    assert files() == []


def test_an_import_that_is_deleted_stops_and_leaves_no_file(call):
    number = upload(call, MANY).json()["id"]
    assert call.delete(f"contact_imports/{number}").status_code == 204
    run_import(number)
    assert (files(), ContactImport.unscoped.count()) == ([], 0)


def test_the_schedule_wakes_what_is_unfinished(call, monkeypatch):
    woken = []
    monkeypatch.setattr(tasks.import_contacts, "apply_async", lambda args, **_: woken.append(args[0]))
    waiting = upload(call).json()["id"]
    checked(call)
    tasks.wake_contact_imports()
    assert woken == [waiting]


def test_files_of_no_import_are_tidied_up(call):
    upload(call)
    directory = settings.UPLOAD_DIR / "contacts"
    for name in ("orphan.csv", "new.csv"):
        (directory / name).touch()
    for path in directory.iterdir():
        if path.name != "new.csv":
            os.utime(path, (1, 1))
    assert remove_orphans(timedelta(days=1)) == 1
    assert len(files()) == 2


@pytest.mark.django_db(transaction=True)
def test_one_worker_at_a_time(call):
    from threading import Thread

    from django.db import connection

    number = upload(call).json()["id"]
    answers = []

    def other() -> None:
        answers.append(work.advance(number, time.monotonic()))
        connection.close()

    with work._alone(number) as is_mine:
        assert is_mine
        thread = Thread(target=other)
        thread.start()
        thread.join()
    assert answers == [False]
    assert call.get(f"contact_imports/{number}").json()["processed"] == 0
    other()
    assert call.get(f"contact_imports/{number}").json()["status"] == "ready"


# --- Who may ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (Role.ADMINISTRATOR, [200, 200, 201, 200, 200, 204]),
        (Role.AGENT, [200, 200, 201, 200, 200, 403]),
        (Role.VIEWER, [200, 200, 403, 403, 403, 403]),
    ],
)
def test_what_each_role_may(role, expected, db):
    call = Caller(role)
    boss = Caller(account=call.account)
    made = checked(boss)
    path = f"contact_imports/{made['id']}"
    answers = [call.get("contact_imports"), call.get(path), upload(call), call.patch(path, update_existing=False)]
    run_import(made["id"])
    answers += [call.post(f"{path}/start"), call.delete(path)]
    assert [answer.status_code for answer in answers] == expected


def test_another_accounts_imports_do_not_exist(call):
    theirs = upload(Caller(account=make_account())).json()["id"]
    path = f"contact_imports/{theirs}"
    for answer in (call.get(path), call.patch(path, mapping={}), call.delete(path), call.post(f"{path}/start")):
        assert refused(answer) == (404, "not_found")
    assert call.get("contact_imports").json()["results"] == []
    assert ContactImport.unscoped.get().status == "checking"


def test_another_accounts_contact_of_the_same_number_stays_as_it_is(call):
    theirs = contact(make_account(), "+51987654321", name="Theirs")
    imported(call, "phone,name\n987654321,Ours\n")
    theirs.refresh_from_db()
    assert (theirs.name, Contact.unscoped.count()) == ("Theirs", 2)
