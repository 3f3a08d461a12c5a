"""What a file's columns hold is recognised over all of it, shown, changed before the import, and kept as such."""

from pathlib import Path
from typing import Any

import pytest

from campaigns import tasks
from campaigns.imports import chunks, work
from campaigns.models import AttributeName, Contact
from tests.campaigns.arrange import Caller
from tests.campaigns.imports.test_contact_import import checked, imported, people

pytestmark = pytest.mark.django_db

CASES = Path(__file__).parent / "cases"
HEADER = "telefono,edad,vence,activo,codigo,monto\n"


@pytest.fixture(autouse=True)
def nudges(monkeypatch):
    monkeypatch.setattr(tasks.import_contacts, "delay", lambda _: None)


def attributes() -> list[dict[str, Any]]:
    return [found for *_, found in people().values()]


def kinds() -> dict[str, str]:
    return dict(AttributeName.unscoped.values_list("name", "kind"))


def meant(call: Caller, **conditions: Any) -> list[str]:
    """The names of those whom an audience means."""
    answer = call.post(
        "segments",
        name=f"s{AttributeName.unscoped.count()}{conditions!r}"[:120],
        audience={"custom_attributes": conditions},
    )
    assert answer.status_code == 201, answer.content
    from campaigns.audience import fitting

    audience = fitting.read(answer.json()["audience"], call.account)
    return sorted(audience.select(call.account).values_list("name", flat=True))


def test_the_case_of_numbers_and_days(call):
    done = imported(call, (CASES / "k12_types.csv").read_bytes())
    assert [(one["attribute"], one["type"], one["reading"]) for one in done["types"]] == [
        ("edad", "number", ""),
        ("vence", "date", "dmy"),
    ]
    assert attributes() == [
        {"edad": 25, "vence": "2026-01-15"},
        {"edad": 9, "vence": "2025-12-02"},
        {"edad": 100, "vence": "2026-03-31"},
    ]
    assert kinds() == {"edad": "number", "vence": "date"}
    assert meant(call, edad={"op": "gte", "value": 18}) == ["Ana", "Eva"]
    assert meant(call, edad={"op": "gte", "value": "18"}) == ["Ana", "Eva"]
    assert meant(call, vence={"op": "lt", "value": "2026-01-01"}) == ["Luis"]
    assert meant(call, vence={"op": "gte", "value": "15/01/2026"}) == ["Ana", "Eva"]
    refused = call.post(
        "segments", name="no", audience={"custom_attributes": {"edad": {"op": "contains", "value": "2"}}}
    )
    assert refused.status_code == 400


def test_a_text_that_programs_wrote_is_compared_with_the_numbers_of_a_file(call):
    imported(call, (CASES / "k12_types.csv").read_bytes())
    assert call.post("contacts", name="Zoe", custom_attributes={"edad": "30"}).status_code == 201
    assert meant(call, edad={"op": "gte", "value": 18}) == ["Ana", "Eva", "Zoe"]


def test_the_types_are_shown_with_the_mapping_once_the_file_is_checked(call):
    made = checked(call, HEADER + '+51987654321,25,02/12/2025,sí,007,"1.234,50"\n')
    assert made["mapping"]["columns"]["custom_attributes"] == {
        "edad": {"column": 1, "type": "number"},
        "vence": {"column": 2, "type": "date", "order": "dmy"},
        "activo": {"column": 3, "type": "boolean"},
        "codigo": 4,
        "monto": {"column": 5, "type": "number", "decimal": ","},
    }
    assert {(one["attribute"], one["type"], one["is_recognised"], one["doubt"]) for one in made["types"]} == {
        ("edad", "number", True, ""),
        ("vence", "date", True, ""),
        ("activo", "boolean", True, ""),
        ("codigo", "text", True, ""),
        ("monto", "number", True, ""),
    }


def test_one_cell_far_down_makes_a_column_a_text(call, monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 7)
    lines = "".join(f"+519876{number:05},{number}\n" for number in range(50))
    imported(call, "telefono,edad\n" + lines + "+51987654321,veinte\n")
    assert Contact.unscoped.get(phone="+51987654321").custom_attributes == {"edad": "veinte"}
    assert {type(one["edad"]) for one in attributes()} == {str}
    assert kinds() == {"edad": "text"}


def test_a_person_changes_a_type_before_the_import(call):
    made = checked(call, "telefono,edad,monto\n+51987654321,25,1.234\n+51987654322,,2.000\n")
    assert made["mapping"]["columns"]["custom_attributes"]["monto"] == {"column": 2, "type": "number", "decimal": "."}
    columns = {
        "phone": 0,
        "custom_attributes": {
            "edad": {"column": 1, "type": "text"},
            "monto": {"column": 2, "type": "number", "decimal": ","},
        },
    }
    assert call.patch(f"contact_imports/{made['id']}", mapping={"columns": columns}).status_code == 200
    work.advance(made["id"], 1e12)
    again = call.get(f"contact_imports/{made['id']}").json()
    assert again["mapping"]["columns"] == columns
    assert [(one["type"], one["is_recognised"]) for one in again["types"]] == [("text", False), ("number", False)]
    assert call.post(f"contact_imports/{made['id']}/start").status_code == 200
    work.advance(made["id"], 1e12)
    assert attributes() == [{"edad": "25", "monto": 1234}, {"monto": 2000}]


def test_another_way_to_read_the_file_is_recognised_anew(call):
    made = checked(call, "telefono;x\n+51987654321;1.234\n", name="a.csv")
    assert made["types"][0]["reading"] == "."  # Peru's
    call.patch(f"contact_imports/{made['id']}", mapping={"default_country": "AR"})
    work.advance(made["id"], 1e12)
    assert call.get(f"contact_imports/{made['id']}").json()["types"][0]["reading"] == ","


def test_numbers_keep_the_decimals_that_messages_show(call):
    imported(call, 'telefono,monto\n+51987654321,"1.234,50"\n+51987654322,"7,00"\n')
    texts = Contact.unscoped.order_by("phone").extra(select={"shown": "custom_attributes ->> 'monto'"})
    assert [one.shown for one in texts] == ["1234.50", "7.00"]


def test_of_a_column_that_is_said_to_be_numbers_what_does_not_fit_is_told(call):
    columns = {
        "phone": 0,
        "custom_attributes": {"n": {"column": 1, "type": "number"}, "d": {"column": 2, "type": "date"}},
    }
    made = checked(
        call,
        "telefono,n,d\n+51987654321,x,31/02/2026\n+51987654322,7,1/2/2026\n",
        mapping=f'{{"columns": {_json(columns)}}}',
    )
    told = {(one["line"], one["code"]) for one in [*made["errors"], *made.get("warnings", [])]}
    assert (2, "attribute_not_a_number") in told


def test_a_column_of_another_type_makes_an_attribute_mixed(call):
    imported(call, "telefono,x\n+51987654321,25\n")
    assert kinds() == {"x": "number"}
    imported(call, "telefono,x\n+51987654322,nada\n")
    assert kinds() == {"x": "mixed"}


def test_what_the_account_has_as_a_text_is_imported_as_one(call):
    call.post("contacts", name="Zoe", custom_attributes={"ref": "A-1"})
    imported(call, "telefono,ref\n+51987654321,25\n")
    assert attributes() == [{"ref": "25"}]
    assert kinds() == {"ref": "text"}


def _json(value: Any) -> str:
    import json

    return json.dumps(value)
