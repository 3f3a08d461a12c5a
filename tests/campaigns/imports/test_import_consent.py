"""Consent by file: whoever the file opts out is written to no more, whoever it opts in has said where."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.models import AuditEntry
from campaigns import tasks
from campaigns.contacts import consent, people
from campaigns.contacts.consent_history import Told
from campaigns.imports import chunks, work
from campaigns.models import Contact, ContactImport
from jobs import suppression
from jobs.models import Suppression
from tests.campaigns.arrange import contact, refused
from tests.campaigns.imports.test_contact_import import case, checked, imported, told
from tests.factories import make_account

pytestmark = pytest.mark.django_db

PHONE, OTHER = "+51987650001", "+51987650002"
SOURCE = json.dumps({"opted_in_source": "Formulario web"})
APRIL, MAY, JUNE = (datetime(2026, month, 1, 5, tzinfo=UTC) for month in (4, 5, 6))


@pytest.fixture(autouse=True)
def no_nudges(monkeypatch):
    monkeypatch.setattr(tasks.import_contacts, "delay", lambda number: None)


def there(phone: str = PHONE) -> Contact:
    return Contact.unscoped.get(phone=phone)


def suppressed() -> dict[str, tuple[str, datetime | None]]:
    return {row.phone: (row.reason_code or row.reason, row.since) for row in Suppression.unscoped.all()}


def opt_out(one: Contact, at: datetime) -> None:
    """As a person did it at that moment."""
    people.save(one, {"opted_out": True}, Told("admin", "ana@example.com"))
    Contact.unscoped.filter(pk=one.pk).update(opted_out_at=at)
    Suppression.unscoped.filter(phone=one.phone).update(created_at=at)


# --- No ------------------------------------------------------------------------------------------------------


def test_k14_who_is_opted_out_in_our_own_export_is_opted_out(call):
    made = checked(call, case("k14_opted_out.csv"), "k14_opted_out.csv")
    assert (made["mapping"]["columns"]["opted_out"], made["opted_out"], made["opted_in"]) == (5, 1, 0)
    assert suppressed() == {}
    call.post(f"contact_imports/{made['id']}/start")
    work.advance(made["id"], float("inf"))
    assert there().opted_out_at is not None
    assert there().opted_out_source == "k14_opted_out.csv"
    assert suppressed() == {PHONE: ("opted_out", None)}


@pytest.mark.parametrize("update_existing", ["true", "false"])
def test_a_no_is_taken_of_new_and_known_contacts_also_where_these_are_left_alone(call, update_existing):
    contact(call.account, PHONE, name="Ana", opted_in_at=MAY, opted_in_source="Web")
    content = f"phone,name,No molestar,Fecha de baja\n{PHONE},Otra,sí,01/05/2026\n{OTHER},Eva,x,\n"
    done = imported(call, content, "bajas.csv", update_existing=update_existing)
    assert (done["opted_out"], done["created"]) == (2, 1)
    assert {there().opted_out_at, Suppression.unscoped.get(phone=PHONE).since} == {datetime(2026, 5, 1, tzinfo=UTC)}
    assert there().opted_out_source == there(OTHER).opted_out_source == "bajas.csv"
    assert there(OTHER).opted_out_at is not None
    assert there().name == ("Otra" if update_existing == "true" else "Ana")
    assert set(suppressed()) == {PHONE, OTHER}


def test_a_no_to_messages_is_taken_in_every_spelling_of_the_number(call):
    contact(call.account, "+5511987650001")
    imported(call, "phone,opt out\n+551187650001,yes\n")
    assert there("+5511987650001").opted_out_at is not None


def test_nobody_is_opted_in_by_an_export_in_which_they_are_not_opted_out(call):
    opt_out(contact(call.account, PHONE), MAY)
    done = imported(call, f"id,name,phone,email,labels,opted_out\n1,Ana,{PHONE},,,false\n2,Eva,{OTHER},,,\n")
    assert (done["opted_out"], done["opted_in"]) == (0, 0)
    assert there().opted_out_at == MAY
    assert set(suppressed()) == {PHONE}
    assert there(OTHER).opted_in_at is None


def test_a_no_that_is_known_keeps_its_date_and_source(call):
    opt_out(contact(call.account, PHONE), MAY)
    imported(call, f"phone,opted out,opted out date\n{PHONE},yes,2026-04-01\n")
    assert (there().opted_out_at, there().opted_out_source) == (MAY, "ana@example.com")


@pytest.mark.parametrize("update_existing", ["true", "false"])
def test_a_later_line_of_the_same_person_opts_out_too(call, update_existing):
    done = imported(call, f"phone,opt-out\n{PHONE},no\n{PHONE},yes\n", update_existing=update_existing)
    assert (done["created"], done["opted_out"]) == (1, 1)
    assert there().opted_out_at is not None


@pytest.mark.usefixtures("small_chunks")
def test_people_are_counted_once_however_many_chunks_they_stand_in(call):
    lines = "".join(f"+5198765{number % 4:04},yes\n" for number in range(12))
    done = imported(call, "phone,opt-out\n" + lines)
    assert (done["opted_out"], done["created"], done["updated"]) == (4, 4, 8)
    assert Suppression.unscoped.count() == 4


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 3)


def test_a_cell_that_is_neither_yes_nor_no_is_told_and_the_person_is_not_written_to(call):
    done = imported(call, f"phone,name,No contactar\n{PHONE},Ana,tal vez\n")
    assert told(done["warnings"]) == [(2, "No contactar", "opt_out_unclear")]
    assert there().opted_out_at is not None
    assert there().name == "Ana"


def test_a_column_can_be_left_out_of_the_mapping(call):
    made = checked(call, f"phone,Baja\n{PHONE},media\n", mapping=json.dumps({"columns": {"phone": 0}}))
    assert (made["opted_out"], made["warnings"]) == (0, [])


# --- Yes -----------------------------------------------------------------------------------------------------


def test_a_yes_without_a_source_is_not_started(call):
    made = checked(call, f"phone,Acepta WhatsApp\n{PHONE},sí\n")
    assert made["status"] == "ready"
    assert refused(call.post(f"contact_imports/{made['id']}/start")) == (400, "opt_in_source_missing")
    assert ContactImport.unscoped.get().status == "ready"
    call.patch(f"contact_imports/{made['id']}", mapping={"opted_in_source": " Feria "})
    work.advance(made["id"], float("inf"))
    assert call.get(f"contact_imports/{made['id']}").json()["opted_in"] == 1
    assert call.post(f"contact_imports/{made['id']}/start").status_code == 200
    work.advance(made["id"], float("inf"))
    assert there().opted_in_source == "Feria"
    assert there().opted_in_at is not None


@pytest.mark.parametrize("source", ["x" * 101, 5, None, "a\0b"])
def test_a_source_is_a_text_of_a_hundred_characters(call, source):
    made = checked(call, f"phone,Acepta WhatsApp\n{PHONE},sí\n")
    answer = call.patch(f"contact_imports/{made['id']}", mapping={"opted_in_source": source})
    assert refused(answer) == (400, "mapping_invalid")


def test_a_yes_has_its_date_and_source(call):
    content = f"phone,opt in,opt in date,opt in source\n{PHONE},yes,2026-05-01,Tienda\n{OTHER},yes,,\n"
    done = imported(call, content)
    assert (done["opted_in"], told(done["warnings"])) == (1, [(3, "opt in source", "opt_in_without_source")])
    assert (there().opted_in_at, there().opted_in_source) == (datetime(2026, 5, 1, tzinfo=UTC), "Tienda")
    assert there(OTHER).opted_in_at is None


def test_a_yes_that_is_known_is_not_written_again_by_an_earlier_one(call):
    contact(call.account, PHONE, opted_in_at=MAY, opted_in_source="Web")
    imported(call, f"phone,opt in,opt in date\n{PHONE},yes,2026-04-01\n", mapping=SOURCE)
    assert (there().opted_in_at, there().opted_in_source) == (MAY, "Web")
    imported(call, f"phone,opt in,opt in date\n{PHONE},yes,2026-05-20\n", mapping=SOURCE)
    assert there().opted_in_source == "Formulario web"


def test_a_yes_is_not_taken_of_known_contacts_that_are_left_alone(call):
    contact(call.account, PHONE)
    done = imported(call, f"phone,opt in\n{PHONE},yes\n{OTHER},yes\n", mapping=SOURCE, update_existing="false")
    assert (done["opted_in"], done["warnings"]) == (1, [])
    assert there().opted_in_at is None
    assert there(OTHER).opted_in_at is not None


@pytest.mark.parametrize(
    ("date", "is_taken"), [("", False), ("2026-04-01", False), ("2026-05-01", False), ("2026-05-02", True)]
)
def test_a_yes_lifts_a_no_only_where_it_is_dated_later(call, date, is_taken):
    opt_out(contact(call.account, PHONE), MAY)
    done = imported(call, f"phone,opt in,opt in date\n{PHONE},yes,{date}\n", mapping=SOURCE)
    assert done["opted_in"] == is_taken
    assert told(done["warnings"]) == ([] if is_taken else [(2, "", "opt_in_refused")])
    assert (there().opted_out_at is None) == is_taken
    assert (suppressed() == {}) == is_taken
    assert (there().opted_in_at is not None) == is_taken


def test_a_yes_never_lifts_what_somebody_banned_for_another_reason(call):
    contact(call.account, PHONE)
    suppression.ban(call.account.pk, [suppression.Ban(PHONE, PHONE, "Abogado")])
    done = imported(call, f"phone,opt in,opt in date\n{PHONE},yes,2026-11-01\n", mapping=SOURCE)
    assert told(done["warnings"]) == [(2, "", "opt_in_refused")]
    assert suppressed() == {PHONE: ("Abogado", None)}


def test_a_yes_does_not_lift_a_no_of_somebody_who_is_no_contact_yet(call):
    suppression.suppress(call.account.pk, [PHONE], suppression.OPTED_OUT)
    done = imported(call, f"phone,name,opt in\n{PHONE},Ana,yes\n", mapping=SOURCE)
    assert told(done["warnings"]) == [(2, "", "opt_in_refused")]
    assert set(suppressed()) == {PHONE}
    assert there().opted_in_at is None


def test_a_no_between_the_check_and_the_import_stands(call):
    contact(call.account, PHONE)
    made = checked(call, f"phone,opt in\n{PHONE},yes\n", mapping=SOURCE)
    consent.opt_out(call.account.pk, Contact.objects.for_account(call.account), Told("admin", "ana@example.com"))
    call.post(f"contact_imports/{made['id']}/start")
    work.advance(made["id"], float("inf"))
    assert there().opted_out_at is not None
    assert set(suppressed()) == {PHONE}


def test_another_accounts_contacts_and_numbers_stay_as_they_are(call):
    other = make_account()
    contact(other, PHONE)
    imported(call, f"phone,opt-out\n{PHONE},yes\n")
    assert Contact.objects.for_account(other).get().opted_out_at is None
    assert not Suppression.objects.for_account(other).exists()


def test_a_consent_by_file_is_the_files_act(call):
    imported(call, f"phone,opt-out\n{PHONE},yes\n")
    acts = [entry.action for entry in AuditEntry.objects.for_account(call.account).order_by("id")]
    assert acts == ["contact_import.uploaded", "contact_import.started"]


@pytest.mark.parametrize(
    "columns",
    [{"opted_out": "x"}, {"opted_out": [0, 99]}, {"opted_in": [1]}, {"opted_in_source": True}, {"opted_out_at": -1}],
)
def test_a_consent_column_is_one_of_the_files(call, columns: dict[str, Any]):
    made = checked(call, f"phone,a\n{PHONE},sí\n")
    answer = call.patch(f"contact_imports/{made['id']}", mapping={"columns": {"phone": 0, **columns}})
    assert refused(answer) == (400, "mapping_invalid")
