"""`/api/v1/accounts/{id}/suppressions/import`: a file of numbers that must not be written to."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import AuditEntry, Role
from campaigns import tasks
from campaigns.imports import chunks, work
from campaigns.models import Contact, ContactImport
from jobs.models import Suppression
from tests.campaigns.arrange import Caller, contact, refused
from tests.campaigns.imports.test_contact_import import Death, dying, files, run_import, told, workbook

pytestmark = pytest.mark.django_db

LIST = (
    "Número;Motivo;Fecha\r\n"
    "987 650 001;Lo pidió por teléfono;31/05/2026\r\n"
    "+51987650002;;2026-05-31T20:00:00Z\r\n"
    "+5511987650001;Abogado;ayer\r\n"
    "12;Nadie;\r\n"
    ";Nadie;\r\n"
    "987650001;Otra vez;\r\n"
)


@pytest.fixture(autouse=True)
def nudges(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    asked: list[int] = []
    monkeypatch.setattr(tasks.import_contacts, "delay", asked.append)
    return asked


def send(call: Caller, content: str | bytes = LIST, name: str = "lista.csv", **form: Any) -> Any:
    file = SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)
    return call.client.post(call.path("suppressions/import"), {"file": file, **form})


def imported(call: Caller, *arguments: Any, **form: Any) -> Any:
    answer = send(call, *arguments, **form)
    assert answer.status_code == 201, answer.content
    run_import(answer.json()["id"])
    done = call.get(f"contact_imports/{answer.json()['id']}").json()
    assert done["status"] == "completed", done
    assert done["rows"] == done["created"] + done["skipped"] + done["error_count"]
    return done


def banned() -> dict[str, tuple[str, datetime | None]]:
    return {row.phone: (row.reason, row.since) for row in Suppression.unscoped.order_by("phone")}


def test_a_file_of_numbers_is_put_on_the_list_with_reason_and_date(call, nudges, django_capture_on_commit_callbacks):
    call.account.time_zone = "America/Lima"
    call.account.save()
    with django_capture_on_commit_callbacks(execute=True):
        answer = send(call)
    made = answer.json()
    assert (answer.status_code, made["kind"], made["status"]) == (201, "suppressions", "checking")
    assert made["mapping"]["columns"] == {"phone": 0, "reason": 1, "since": 2, "custom_attributes": {}}
    assert nudges == [made["id"]]
    assert banned() == {}
    run_import(made["id"])
    done = call.get(f"contact_imports/{made['id']}").json()
    counts = {name: done[name] for name in ("status", "rows", "created", "updated", "skipped", "error_count")}
    assert counts == {
        "status": "completed",
        "rows": 6,
        "created": 3,
        "updated": 0,
        "skipped": 1,
        "error_count": 2,
    }
    assert told(done["errors"]) == [(5, "", "phone_incomplete"), (6, "", "phone_missing")]
    assert told(done["warnings"]) == [(4, "Fecha", "since_invalid")]
    assert banned() == {
        "+51987650001": ("Lo pidió por teléfono", datetime(2026, 5, 31, 5, tzinfo=UTC)),
        "+51987650002": ("", datetime(2026, 5, 31, 20, tzinfo=UTC)),
        "+5511987650001": ("Abogado", None),
    }
    assert not Contact.unscoped.exists()
    assert files() == []
    shown = call.get("suppressions").json()["results"]
    assert {one["phone"]: one["since"] for one in shown}["+51987650002"] == "2026-05-31T20:00:00Z"


def test_a_number_that_is_there_keeps_its_reason_and_date(call):
    imported(call, "phone,reason,date\n+5511987650001,Abogado,2026-05-31\n")
    done = imported(call, "phone,reason,date\n+551187650001,Otra,2026-06-30\n+51987650001,,\n", reason="RNE")
    assert (done["created"], done["skipped"]) == (1, 1)
    assert banned() == {
        "+5511987650001": ("Abogado", datetime(2026, 5, 31, tzinfo=UTC)),
        "+51987650001": ("RNE", None),
    }


def test_a_number_of_no_plan_is_kept_as_it_is_written_and_told(call):
    done = imported(call, "phone\n+51 987 65432\n+51987650002\n+52 1 55 1234 5678\n98765432\n", default_country="PE")
    assert set(banned()) == {"+5198765432", "+51987650002", "+525512345678"}
    assert told(done["warnings"]) == [(2, "phone", "phone_of_no_plan")]
    assert told(done["errors"]) == [(5, "", "phone_not_in_plan")]


def test_a_number_without_a_country_is_nobodys(call):
    call.account.default_country = ""
    call.account.save()
    done = imported(call, "phone\n987650001\n+51987650002\n")
    assert told(done["errors"]) == [(2, "", "phone_country_missing")]
    done = imported(call, "phone\n987650001\n", default_country="PE")
    assert (done["created"], done["errors"]) == (1, [])


def test_two_numbers_in_a_cell_are_refused_as_when_one_is_added(call):
    done = imported(call, "phone\n987650001 / 987650002\n987650003\n")
    assert told(done["errors"]) == [(2, "", "phone_two_numbers")]


def test_a_workbook_is_read_too(call):
    done = imported(call, workbook(["Celular", "Motivo"], ["987650001", "x" * 201], ["987650002", "Baja"]), "a.xlsx")
    assert (done["created"], told(done["warnings"])) == (2, [(2, "Motivo", "reason_too_long")])
    assert banned() == {"+51987650001": ("", None), "+51987650002": ("Baja", None)}


def test_who_is_a_contact_is_suppressed_and_stays_as_they_are(call):
    contact(call.account, "+51987650001")
    imported(call, "phone\n987650001\n")
    assert Contact.unscoped.get().opted_out_at is None
    assert set(banned()) == {"+51987650001"}


@pytest.mark.parametrize(
    ("content", "form", "code"),
    [
        ("nombre,nota\nAna,x\n", {}, (400, "phone_column_missing")),
        ("cantidad\n+51987650001\n", {}, (409, "columns_unconfirmed")),
        ("phone\n1\n", {"mapping": "{"}, (400, "mapping_invalid")),
        ("phone\n1\n", {"mapping": "[]"}, (400, "mapping_invalid")),
        ("phone\n1\n", {"mapping": '{"columns": {"name": 0}}'}, (400, "mapping_invalid")),
        ("phone\n1\n", {"mapping": '{"columns": {"phone": 0, "since": 7}}'}, (400, "mapping_invalid")),
        ("phone\n1\n", {"reason": "x" * 201}, (400, "mapping_invalid")),
        ("phone\n1\n", {"default_country": "XX"}, (400, "mapping_invalid")),
        ("phone\n", {}, (400, "import_file_empty")),
        ("", {}, (400, "import_file_empty")),
    ],
)
def test_what_cannot_be_read_for_certain_is_refused_and_leaves_nothing(call, content, form, code):
    assert refused(send(call, content, **form)) == code
    assert not ContactImport.unscoped.exists()
    assert not AuditEntry.unscoped.exists()
    assert not list(settings.UPLOAD_DIR.glob("contacts/*"))


def test_who_corrects_the_columns_meanwhile_is_asked_before_it_goes_on(call):
    number = send(call).json()["id"]
    assert call.patch(f"contact_imports/{number}", mapping={"columns": {"reason": 1}}).status_code == 200
    run_import(number)
    assert call.get(f"contact_imports/{number}").json()["status"] == "ready"
    assert refused(call.post(f"contact_imports/{number}/start")) == (400, "phone_column_missing")
    call.patch(f"contact_imports/{number}", mapping={"columns": {"phone": 0}})
    run_import(number)
    assert banned() == {}
    assert call.post(f"contact_imports/{number}/start").status_code == 200
    run_import(number)
    assert len(banned()) == 3


def test_columns_that_are_said_are_certain(call):
    mapping = json.dumps({"columns": {"phone": 1, "reason": 0}, "header": False})
    imported(call, "RNE,+51987650001\n", mapping=mapping)
    assert banned() == {"+51987650001": ("RNE", None)}


def test_without_a_file_it_is_refused(call):
    assert refused(call.client.post(call.path("suppressions/import"), {})) == (400, "import_file_missing")
    assert refused(call.post("suppressions/import", phones=[])) in [
        (400, "import_file_missing"),
        (415, "unsupported_media_type"),
    ]


@pytest.mark.parametrize(("role", "status"), [(Role.ADMINISTRATOR, 201), (Role.AGENT, 201), (Role.VIEWER, 403)])
def test_who_may_add_a_number_may_add_a_file(role, status):
    call = Caller(role)
    assert call.post("suppressions", phone="+51987650009").status_code == status
    assert send(call).status_code == status


def test_another_accounts_list_stays_as_it_is(call):
    other = Caller()
    made = send(call).json()
    assert other.get(f"contact_imports/{made['id']}").status_code == 404
    run_import(made["id"])
    assert not Suppression.objects.for_account(other.account).exists()
    stranger = other.client.post(call.path("suppressions/import"), {"file": SimpleUploadedFile("a.csv", LIST.encode())})
    assert stranger.status_code in (403, 404)


def test_it_is_one_act(call):
    done = imported(call)
    entry = AuditEntry.unscoped.get()
    assert (entry.action, entry.subject, entry.details["id"]) == ("suppressions.imported", "lista.csv", done["id"])


@pytest.mark.parametrize("at_call", range(1, 6))
def test_a_crash_between_two_chunks_loses_and_doubles_nothing(call, monkeypatch, at_call):
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 3)
    number = send(call, "phone\n" + "".join(f"9876500{n:02}\n" for n in range(8)) + "x\n").json()["id"]
    dying(monkeypatch, work, "_step", at_call)
    with pytest.raises(Death):
        run_import(number)
    run_import(number)
    done = call.get(f"contact_imports/{number}").json()
    assert (done["status"], done["created"], done["error_count"]) == ("completed", 8, 1)
    assert Suppression.unscoped.count() == 8
