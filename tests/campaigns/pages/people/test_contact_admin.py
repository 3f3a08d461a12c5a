"""The admin's pages of contacts, labels and imports."""

import io
import re
import time
from datetime import UTC, datetime
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.lists import linked_page
from accounts.models import Account, AuditEntry, Role
from campaigns import tasks
from campaigns.contacts import consent, consent_history, labels
from campaigns.contacts.consent_history import Statement, Told
from campaigns.imports import work
from campaigns.models import Contact, ContactImport, Label
from campaigns.pages.people import contact_list
from jobs.models import Job, Recipient, Suppression
from tests.accounts import people
from tests.campaigns.arrange import contact, imported_file
from tests.factories import make_account

pytestmark = pytest.mark.django_db

LIST = "/admin/campaigns/contact/"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def nudges(monkeypatch):
    asked: list[int] = []
    monkeypatch.setattr(tasks.import_contacts, "delay", asked.append)
    return asked


@pytest.fixture
def account() -> Account:
    return make_account(default_country="PE")


@pytest.fixture
def browser(account) -> Client:
    return people.browser(people.member(account, Role.AGENT))


@pytest.fixture
def viewer(account) -> Client:
    return people.browser(people.member(account, Role.VIEWER))


def page(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content.decode()[:2000]
    text: str = answer.content.decode()
    return text


def change_address(row: Any) -> str:
    return reverse(f"admin:campaigns_{row._meta.model_name}_change", args=[row.pk])


# --- The list ------------------------------------------------------------------------------------------


def test_the_list_is_narrowed_by_label_attribute_consent_and_search(account, browser):
    contact(account, "+51987654321", name="Ana", labels=["vip"], custom_attributes={"region": "norte", "age": 30})
    contact(account, "+51987654322", name="Beto", labels=["new"], opted_out_at="2026-01-01T00:00Z")
    contact(make_account(), "+51987654323", name="Carla", labels=["vip"])
    for query, found in {
        "": {"Ana", "Beto"},
        "label=vip": {"Ana"},
        "attribute=region&value=norte": {"Ana"},
        "attribute=age&value=30": {"Ana"},
        "attribute=age&value=31": set(),
        "opted_out=true": {"Beto"},
        "opted_out=false": {"Ana"},
        "search=987 654 322": {"Beto"},
        "search=an": {"Ana"},
    }.items():
        shown = page(browser.get(f"{LIST}?{query}"))
        assert {name for name in ("Ana", "Beto", "Carla") if f">{name}</a>" in shown} == found, query


def test_an_account_without_contacts_is_told_what_to_do(browser):
    assert reverse("admin:campaigns_contactimport_add") in page(browser.get(LIST))


def test_pages_follow_one_another_and_lead_back(account, browser, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(linked_page, "PAGE_ROWS", 2)
    for number in range(5):
        contact(account, f"+5198765432{number}")
    wanted, seen, addresses = contact_list.Wanted(), [], []
    while True:
        found = contact_list.page_of(account, wanted)
        seen += [one.phone for one in found.rows]
        addresses.append(found.previous)
        if not found.following:
            break
        wanted = contact_list.Wanted(after=found.rows[-1].pk)
    assert seen == [f"+5198765432{number}" for number in (4, 3, 2, 1, 0)]
    assert addresses[0] == ""
    back = contact_list.page_of(account, contact_list.Wanted(before=found.rows[0].pk))
    assert [one.phone for one in back.rows] == ["+51987654322", "+51987654321"]
    with django_assert_max_num_queries(12):
        browser.get(LIST)


# --- Many at once ----------------------------------------------------------------------------------------


def bulk(browser: Client, action: str, rows: list[Contact], **more: Any) -> Any:
    data = {"action": action, "id": [row.pk for row in rows], **more}
    return browser.post(f"{LIST}bulk/", data)


def test_labels_are_put_on_and_taken_off_after_asking_which(account, browser):
    ana, beto = contact(account, labels=["old"]), contact(account)
    assert 'name="labels"' in page(bulk(browser, "label", [ana, beto]))
    assert not Label.objects.for_account(account).filter(name="vip").exists()
    page(bulk(browser, "label", [ana, beto], confirmed="yes", labels=" , "), 400)
    assert bulk(browser, "label", [ana, beto], confirmed="yes", labels="vip, new").status_code == 302
    ana.refresh_from_db()
    assert ana.labels == ["old", "vip", "new"]
    bulk(browser, "unlabel", [ana], confirmed="yes", labels=["vip", "old"])
    ana.refresh_from_db()
    beto.refresh_from_db()
    assert (ana.labels, beto.labels) == (["new"], ["vip", "new"])
    assert set(AuditEntry.objects.for_account(account).values_list("action", flat=True)) == {
        "contacts.labelled",
        "contacts.unlabelled",
    }


def test_opting_out_suppresses_the_numbers_and_opting_in_lifts_that(account, browser):
    ana, nobody = contact(account, "+51987654321"), contact(account)
    asked = page(bulk(browser, "opt_out", [ana, nobody]))
    assert "confirmed" in asked
    assert "sus números quedan suprimidos" in asked  # as the list of them is called
    assert not Suppression.objects.for_account(account).exists()
    bulk(browser, "opt_out", [ana, nobody], confirmed="yes")
    ana.refresh_from_db()
    assert ana.opted_out_at
    assert "@" in ana.opted_out_source
    assert Suppression.objects.for_account(account).get().phone == "+51987654321"
    bulk(browser, "opt_in", [ana], confirmed="yes")
    ana.refresh_from_db()
    assert (ana.opted_out_at, ana.opted_out_source) == (None, "")
    assert ana.opted_in_at
    assert not Suppression.objects.for_account(account).exists()


def test_all_that_match_are_meant_with_the_filters_of_the_list(account, browser):
    ana, beto = contact(account, labels=["vip"]), contact(account)
    bulk(browser, "label", [], scope="all", label="vip", confirmed="yes", labels="new")
    ana.refresh_from_db()
    beto.refresh_from_db()
    assert ("new" in ana.labels, "new" in beto.labels) == (True, False)


def test_another_accounts_contact_is_not_reached(account, browser):
    theirs = contact(make_account(), "+51987654321", name="Theirs")
    for action in ("label", "opt_out", "export"):
        answer = bulk(browser, action, [theirs], confirmed="yes", labels="mine")
        assert b"Theirs" not in answer.content
    theirs.refresh_from_db()
    assert (theirs.labels, theirs.opted_out_at) == ([], None)
    assert browser.get(change_address(theirs)).status_code in {302, 404}


def test_the_export_holds_no_formula(account, browser):
    row = contact(account, "+51987654321", name="=1+1")
    text = page(bulk(browser, "export", [row]))
    assert "'=1+1" in text
    assert "+51987654321" in text
    everybody = bulk(browser, "export", [], scope="all", label="vip")
    assert everybody.url.endswith("/contacts/export.csv?label=vip")


# --- One contact ------------------------------------------------------------------------------------------


def test_a_contact_is_made_and_changed_with_its_attributes(account, browser):
    form = {
        "name": "Ñusta",
        "phone": "987 654 321",
        "labels": "vip, new",
        "attribute_name": ["region", "age", "vip", "tags", ""],
        "attribute_kind": ["text", "number", "boolean", "json", "text"],
        "attribute_value": ["norte", "30", "sí", '["a"]', ""],
    }
    answer = browser.post(f"{LIST}add/", form)
    made = Contact.objects.for_account(account).get()
    assert answer.url == change_address(made)
    assert (made.phone, made.labels) == ("+51987654321", ["vip", "new"])
    assert made.custom_attributes == {"region": "norte", "age": 30, "vip": True, "tags": ["a"]}
    shown = page(browser.get(answer.url))
    assert "Ñusta" in shown
    assert "norte" in shown
    browser.post(answer.url, {**form, "name": "Ana", "opted_out": "true"})
    made.refresh_from_db()
    assert made.name == "Ana"
    assert made.opted_out_at
    assert made.custom_attributes["age"] == 30


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [("number", "many", "debería ser un número"), ("json", "{", "JSON"), ("boolean", "perhaps", "sí o no")],
)
def test_a_wrong_attribute_is_told_and_kept_as_written(account, browser, kind, value, said):
    row = contact(account, name="Ana")
    form = {"name": "Ana", "attribute_name": "age", "attribute_kind": kind, "attribute_value": value}
    shown = page(browser.post(change_address(row), form), 400)
    assert said in shown
    assert f'value="{value}"' in shown


def test_a_phone_that_another_has_is_refused_in_any_spelling(account, browser):
    contact(account, "+5215512345678", name="Ana")
    row = contact(account, name="Beto")
    shown = page(browser.post(change_address(row), {"name": "Beto B", "phone": "+52 55 1234 5678"}), 400)
    assert "error-phone" in shown
    row.refresh_from_db()
    assert (row.name, row.phone) == ("Beto", None)


@pytest.mark.parametrize(("phone", "is_landline"), [("+5114567890", True), ("+51987654321", False)])
def test_the_page_says_of_a_landline_that_it_is_one(account, browser, phone, is_landline):
    made = contact(account, phone)
    page = browser.get(f"/admin/campaigns/contact/{made.pk}/change/").content.decode()
    assert ('id="landline"' in page) == is_landline


def test_the_page_shows_the_last_messages_of_jobs(account, browser):
    row = contact(account, "+51987654321")
    job = Job.unscoped.create(account=account, title="July", message="Hello {{name}}", total=2)
    Recipient.objects.create(job=job, position=0, phone="+51987654321", contact_id=row.pk)
    other = Job.unscoped.create(account=make_account(), title="Secret", message="No", total=1)
    Recipient.objects.create(job=other, position=0, phone="+51987654321")
    shown = page(browser.get(change_address(row)))
    assert "July" in shown
    assert "Secret" not in shown


def test_a_viewer_reads_and_changes_nothing(account, viewer):
    row = contact(account, "+51987654321", name="Ana", labels=["vip"])
    label = Label.objects.for_account(account).get()
    assert "Ana" in page(viewer.get(LIST))
    assert 'value="label"' not in page(viewer.get(LIST))
    assert page(viewer.get(change_address(row)))
    made = imported_file(account)
    for address, data in (
        (change_address(row), {"name": "Eve"}),
        (f"{LIST}add/", {"name": "Eve"}),
        (f"{LIST}{row.pk}/delete/", {"post": "yes"}),
        (f"{LIST}bulk/", {"action": "label", "id": row.pk, "confirmed": "yes", "labels": "x"}),
        (change_address(label), {"name": "x"}),
        (f"/admin/campaigns/label/{label.pk}/delete/", {"post": "yes"}),
        ("/admin/campaigns/contactimport/add/", {}),
        (f"/admin/campaigns/contactimport/{made.pk}/columns/", {}),
        (f"/admin/campaigns/contactimport/{made.pk}/start/", {}),
        (f"/admin/campaigns/contactimport/{made.pk}/delete/", {"post": "yes"}),
    ):
        assert viewer.post(address, data).status_code == 403, address
    row.refresh_from_db()
    assert (row.name, row.labels) == ("Ana", ["vip"])
    assert list(Label.objects.for_account(account)) == [label]


# --- Labels --------------------------------------------------------------------------------------------


def test_a_label_is_renamed_and_deleted_with_its_contacts(account):
    browser = people.browser(people.member(account))
    row = contact(account, labels=["vip", "new"])
    label = Label.objects.for_account(account).get(name="vip")
    assert "?label=vip" in page(browser.get("/admin/campaigns/label/"))
    saved = browser.post(change_address(label), {"name": "gold"}, follow=True)
    assert "Se guardó la etiqueta «gold»." in page(saved)
    row.refresh_from_db()
    assert row.labels == ["gold", "new"]
    page(browser.post(change_address(label), {"name": "new"}), 200)  # taken
    asked = page(browser.get(f"/admin/campaigns/label/{label.pk}/delete/"))
    assert "1 contacto la lleva" in asked
    browser.post(f"/admin/campaigns/label/{label.pk}/delete/", {"post": "yes"})
    row.refresh_from_db()
    assert row.labels == ["new"]
    actions = set(AuditEntry.objects.for_account(account).values_list("action", flat=True))
    assert {"label.renamed", "label.deleted"} <= actions


def test_without_labels_the_page_says_what_they_are_for(browser):
    assert reverse("admin:campaigns_label_add") in page(browser.get("/admin/campaigns/label/"))


# --- Imports -------------------------------------------------------------------------------------------

EXCEL = (
    f"Teléfono;Nombre;Etiquetas;Región\r\n987654321;Ñusta Peñá;vip;norte\r\n987654322;{HOSTILE};;sur\r\n12;Nadie;;\r\n"
)


def upload(browser: Client, content: bytes, name: str = "lista.csv") -> Any:
    return browser.post("/admin/campaigns/contactimport/add/", {"file": SimpleUploadedFile(name, content)})


def run_import(row: ContactImport) -> None:
    while work.advance(row.pk, time.monotonic() + 60):
        pass
    row.refresh_from_db()


def test_a_file_of_excel_goes_from_the_upload_to_contacts(account, browser, nudges, django_capture_on_commit_callbacks):
    labels.ensure(account.pk, ["old"])
    answer = upload(browser, EXCEL.encode("cp1252"))
    row = ContactImport.objects.for_account(account).get()
    assert answer.url == f"/admin/campaigns/contactimport/{row.pk}/columns/"
    columns = page(browser.get(answer.url))
    assert '<option value="cp1252" selected>' in columns
    assert '<option value=";" selected>' in columns
    assert "Ñusta Peñá" in columns
    assert HOSTILE not in columns
    assert "&lt;script&gt;" in columns

    form = {
        "encoding": "cp1252",
        "delimiter": ";",
        "header": "true",
        "add_labels": "julio",
        "default_country": "pe",
        "update_existing": "true",
        "meaning-0": "phone",
        "meaning-1": "name",
        "meaning-2": "labels",
        "meaning-3": "attribute",
        "attribute-3": "region",
        "kind-3": "text",
    }
    assert "elige una" in page(browser.post(answer.url, {**form, "meaning-3": "labels"}), 400)
    with django_capture_on_commit_callbacks(execute=True):
        report = browser.post(answer.url, form).url
    assert nudges == [row.pk]
    assert "data-under-way" in page(browser.get(report))
    run_import(row)
    checked = page(browser.get(report))
    assert f"{row.pk}/start/" in checked
    assert (row.created_count, row.error_count) == (2, 1)
    assert not Contact.objects.for_account(account).exists()
    assert "\r\n4," in page(browser.get(f"/admin/campaigns/contactimport/{row.pk}/errors.csv"))

    with django_capture_on_commit_callbacks(execute=True):
        browser.post(f"/admin/campaigns/contactimport/{row.pk}/start/")
    run_import(row)
    assert row.status == ContactImport.Status.COMPLETED
    assert "data-under-way" not in page(browser.get(report))
    found = {one.name: one for one in Contact.objects.for_account(account)}
    assert set(found) == {"Ñusta Peñá", HOSTILE}
    assert found["Ñusta Peñá"].labels == ["julio", "vip"]
    assert found["Ñusta Peñá"].custom_attributes == {"region": "norte"}
    assert HOSTILE not in page(browser.get(LIST))
    assert HOSTILE not in page(browser.get(change_address(found[HOSTILE])))


def test_a_workbook_leaves_known_contacts_alone_when_told_to_skip_them(account, browser):
    contact(account, "+51987654321", name="Ana")
    book = openpyxl.Workbook()
    for cells in (["Celular", "Nombre"], ["987654321", "Otra"], ["987654322", "Muñoz"]):
        book.active.append(cells)
    file = io.BytesIO()
    book.save(file)
    address = upload(browser, file.getvalue(), "lista.xlsx").url
    assert 'name="delimiter"' not in page(browser.get(address))
    form = {"header": "true", "default_country": "PE", "meaning-0": "phone", "meaning-1": "name"}
    assert browser.post(address, {**form, "update_existing": "false"}).status_code == 302
    row = ContactImport.objects.for_account(account).get()
    run_import(row)
    browser.post(f"/admin/campaigns/contactimport/{row.pk}/start/")
    run_import(row)
    assert (row.created_count, row.skipped_count) == (1, 1)
    assert {one.name for one in Contact.objects.for_account(account)} == {"Ana", "Muñoz"}


def test_another_delimiter_shows_the_columns_again(account, browser):
    address = upload(browser, EXCEL.encode()).url
    answer = browser.post(address, {"encoding": "utf-8", "delimiter": ",", "header": "true", "update_existing": "true"})
    assert answer.url == address
    row = ContactImport.objects.for_account(account).get()
    assert len(row.mapping["names"]) == 1


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "lista.csv", "no tiene ningún contacto"),
        (b"Nombre;Fono\r\n", "lista.csv", "no tiene ningún contacto"),
        (b"PK\x03\x04 nothing", "lista.xlsx", "no se puede leer"),
        (b"some", "lista.pdf", "debe terminar en"),
    ],
)
def test_a_bad_file_gets_clear_words(browser, content, name, said):
    assert said in page(upload(browser, content, name), 400)


def test_columns_without_a_phone_are_not_checked(account, browser):
    address = upload(browser, EXCEL.encode()).url
    form = {"encoding": "utf-8", "delimiter": ";", "header": "true", "update_existing": "true", "meaning-0": "name"}
    assert "qué columna tiene el teléfono" in page(browser.post(address, form), 400)


def test_imports_are_listed_and_deleted(account):
    browser = people.browser(people.member(account))
    assert reverse("admin:campaigns_contactimport_add") in page(browser.get("/admin/campaigns/contactimport/"))
    row = imported_file(account)
    assert "lista.csv" in page(browser.get("/admin/campaigns/contactimport/"))
    ContactImport.unscoped.update(status=ContactImport.Status.COMPLETED)
    assert re.search(r">\s*Completada\s*<", page(browser.get("/admin/campaigns/contactimport/")))  # una importación
    browser.post(f"/admin/campaigns/contactimport/{row.pk}/delete/", {"post": "yes"})
    assert not ContactImport.objects.for_account(account).exists()


# --- Consent -------------------------------------------------------------------------------------------------


def test_a_contacts_page_shows_what_was_said_ten_at_a_time(account, viewer):
    made = contact(account, "+51987650001")
    told = Told("form", HOSTILE, {"ip": "192.0.2.7"}, text_version="v3")
    for day in range(1, 13):
        at = datetime(2026, 5, day, 12, tzinfo=UTC)
        consent.record(account.pk, Statement("+51987650001", made.pk, day == 12, at, told))
    html = page(viewer.get(change_address(made)))
    shown = html.split('id="consents"')[1].split("</ol>")[0]
    assert shown.count("<li>") == 10
    assert HOSTILE not in html
    for text in ("No quiere mensajes", "Consentimiento", "Formulario", "192.0.2.7", "texto v3", "comercial"):
        assert text in shown, text
    older = re.search(r'href="(\?consents=\d+)#consents"', html)
    assert older is not None
    rest = page(viewer.get(change_address(made) + older[1]))
    assert rest.split('id="consents"')[1].split("</ol>")[0].count("<li>") == 2
    assert 'href="?#consents"' in rest
    assert "Todavía nada." in page(viewer.get(change_address(contact(account, "+51987650002"))))


def test_what_shows_it_is_said_in_words(account, viewer):
    made = contact(account, "+51987650001")
    for evidence in ({"import": 1, "file": "lista.csv", "line": 4}, {"message": 7, "device": 1}, {"suppression": 1}):
        told = Told("file", "", evidence)
        consent_history.add(account.pk, [Statement("+51987650001", made.pk, True, datetime.now(UTC), told, kind="")])
    html = page(viewer.get(change_address(made)))
    for text in ("lista.csv, línea 4", "mensaje 7", "puesto en la lista de números suprimidos"):
        assert text in html, text
