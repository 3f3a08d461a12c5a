"""The pages of imports: what a file leaves out, whom it opts out and in, and files of numbers to suppress."""

import csv
import io
import time
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Account, AuditEntry, Role
from campaigns import tasks
from campaigns.imports import work
from campaigns.models import Contact, ContactImport
from jobs.models import Suppression
from tests.accounts import people
from tests.factories import make_account

pytestmark = pytest.mark.django_db

IMPORTS = "/admin/campaigns/contactimport/"
HOSTILE = "<b>=1+1"


@pytest.fixture(autouse=True)
def no_nudges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.import_contacts, "delay", lambda number: None)


@pytest.fixture
def account() -> Account:
    return make_account(default_country="PE")


@pytest.fixture
def browser(account: Account) -> Client:
    return people.browser(people.member(account, Role.AGENT))


def page(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content.decode()[:2000]
    text: str = answer.content.decode()
    return text


def uploaded(browser: Client, content: str, kind: str = "") -> ContactImport:
    address = f"{IMPORTS}add/?kind={kind}" if kind else f"{IMPORTS}add/"
    answer = browser.post(address, {"file": SimpleUploadedFile("lista.csv", content.encode())})
    row: ContactImport = ContactImport.unscoped.get()
    assert answer.url == f"{IMPORTS}{row.pk}/columns/"
    return row


def run_import(row: ContactImport) -> None:
    while work.advance(row.pk, time.monotonic() + 60):
        pass
    row.refresh_from_db()


def chosen(*meanings: str, **more: str) -> dict[str, str]:
    form = {f"meaning-{place}": meaning for place, meaning in enumerate(meanings)}
    how = {"encoding": "utf-8", "delimiter": ",", "header": "true", "default_country": "PE", "update_existing": "true"}
    return {**how, **form, **more}


def test_what_is_left_out_is_shown_apart_and_both_are_in_the_download(browser):
    row = uploaded(browser, f"phone,name,{HOSTILE}\n987654321,Ana,nobody\nx,Eva,\n")
    browser.post(f"{IMPORTS}{row.pk}/columns/", chosen("phone", "name", "email"))
    run_import(row)
    assert (row.created_count, row.error_count, row.warning_count) == (1, 1, 1)
    shown = page(browser.get(f"{IMPORTS}{row.pk}/change/"))
    assert shown.index('id="errors-title"') < shown.index('id="warnings-title"')
    assert HOSTILE not in shown
    file = page(browser.get(f"{IMPORTS}{row.pk}/errors.csv")).removeprefix("\ufeff")
    assert [line[:3] + line[4:] for line in csv.reader(io.StringIO(file))][1:] == [
        ["2", "<b>=1+1", "email_invalid", "sí"],
        ["3", "", "phone_has_letters", "no"],
    ]


def test_a_columns_name_in_the_download_is_no_formula(browser):
    row = uploaded(browser, "phone,=HYPERLINK(1)\n987654321,nobody\n")
    browser.post(f"{IMPORTS}{row.pk}/columns/", chosen("phone", "email"))
    run_import(row)
    assert "\n2,'=HYPERLINK(1),email_invalid," in page(browser.get(f"{IMPORTS}{row.pk}/errors.csv")).replace("\r", "")


def test_consent_columns_are_offered_and_the_check_says_how_many_they_concern(account, browser):
    row = uploaded(browser, "phone,No molestar,Acepta WhatsApp\n987654321,sí,\n987654322,no,sí\n987654323,,\n")
    columns = page(browser.get(f"{IMPORTS}{row.pk}/columns/"))
    assert '<option value="opted_out" selected>' in columns
    assert '<option value="opted_in" selected>' in columns
    form = chosen("phone", "opted_out", "opted_in")
    assert "Indica dónde aceptaron" in page(browser.post(f"{IMPORTS}{row.pk}/columns/", form), 400)
    browser.post(f"{IMPORTS}{row.pk}/columns/", {**form, "opted_in_source": "Feria"})
    run_import(row)
    checked = page(browser.get(f"{IMPORTS}{row.pk}/change/"))
    assert 'id="opted-out">1 persona' in checked
    assert 'id="opted-in">1 persona' in checked
    assert not Contact.objects.for_account(account).exists()
    browser.post(f"{IMPORTS}{row.pk}/start/")
    run_import(row)
    found = {one.phone: one for one in Contact.objects.for_account(account)}
    assert found["+51987654321"].opted_out_source == "lista.csv"
    assert found["+51987654322"].opted_in_source == "Feria"
    assert list(Suppression.objects.for_account(account).values_list("phone", flat=True)) == ["+51987654321"]
    assert "Feria" in page(browser.get(f"{IMPORTS}{row.pk}/columns/", follow=True)) or row.status == "completed"


def test_an_import_without_a_source_has_no_button(browser):
    row = uploaded(browser, "phone,Acepta WhatsApp\n987654321,sí\n")
    run_import(row)
    checked = page(browser.get(f"{IMPORTS}{row.pk}/change/"))
    assert f"{row.pk}/start/" not in checked
    assert "Indica dónde aceptaron" in checked


# --- Numbers to suppress ----------------------------------------------------------------------------------------


def test_a_list_of_numbers_goes_from_its_button_to_the_list(account, browser):
    assert f"{IMPORTS}add/?kind=suppressions" in page(browser.get("/admin/jobs/suppression/"))
    assert "números" in page(browser.get(f"{IMPORTS}add/?kind=suppressions"))
    row = uploaded(browser, "Número,Motivo,Fecha\n987654321,Abogado,31/05/2026\n12,,\n987654322,,\n", "suppressions")
    columns = page(browser.get(f"{IMPORTS}{row.pk}/columns/"))
    assert '<option value="since" selected>' in columns
    assert 'value="attribute"' not in columns
    assert 'name="update_existing"' not in columns
    form = chosen("phone", "reason", "since", reason="RNE")
    del form["update_existing"]
    browser.post(f"{IMPORTS}{row.pk}/columns/", form)
    run_import(row)
    checked = page(browser.get(f"{IMPORTS}{row.pk}/change/"))
    assert f"{row.pk}/start/" in checked
    assert not Suppression.unscoped.exists()
    assert (row.created_count, row.skipped_count, row.error_count) == (2, 0, 1)
    browser.post(f"{IMPORTS}{row.pk}/start/")
    run_import(row)
    assert "/admin/jobs/suppression/" in page(browser.get(f"{IMPORTS}{row.pk}/change/"))
    found = {one.phone: one.reason for one in Suppression.objects.for_account(account)}
    assert found == {"+51987654321": "Abogado", "+51987654322": "RNE"}
    assert "Abogado" in page(browser.get("/admin/jobs/suppression/"))
    assert "lista.csv" in page(browser.get(IMPORTS))
    acts = list(AuditEntry.objects.for_account(account).order_by("pk").values_list("action", flat=True))
    assert acts == ["contact_import.uploaded", "contact_import.mapped", "suppressions.imported"]


def test_a_viewer_sees_the_list_and_no_button(account):
    viewer = people.browser(people.member(account, Role.VIEWER))
    assert "kind=suppressions" not in page(viewer.get("/admin/jobs/suppression/"))
    answer = viewer.post(
        f"{IMPORTS}add/?kind=suppressions", {"file": SimpleUploadedFile("a.csv", b"phone\n+51987654321\n")}
    )
    assert answer.status_code == 403


def test_a_file_that_cannot_be_read_is_refused_on_its_own_page(browser):
    answer = browser.post(f"{IMPORTS}add/?kind=suppressions", {"file": SimpleUploadedFile("a.csv", b"")})
    assert "números" in page(answer, 400)
