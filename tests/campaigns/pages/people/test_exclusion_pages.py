"""The pages of exclusion lists: from the file to what holds, off and on again, and deleting."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Account, AuditEntry, Role
from campaigns import tasks
from campaigns.models import ContactImport
from jobs.models import ExclusionList
from tests.accounts import people
from tests.campaigns.pages.people.test_import_pages import IMPORTS, page, run_import
from tests.factories import make_account
from tests.jobs.exclusions.arrange import exclusion_list, hashed

pytestmark = pytest.mark.django_db

LISTS = "/admin/jobs/exclusionlist/"


@pytest.fixture(autouse=True)
def no_nudges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.import_contacts, "delay", lambda number: None)


@pytest.fixture
def account() -> Account:
    return make_account(default_country="PE")


@pytest.fixture
def browser(account: Account) -> Client:
    return people.browser(people.member(account))


def form(content: str, **said: str) -> dict[str, object]:
    return {"file": SimpleUploadedFile("lista.csv", content.encode()), "file_date": "2026-05-31", **said}


@pytest.mark.parametrize(
    ("content", "good", "what", "how"),
    [
        ("Celular\n987650001\n12\n", 1, "Las líneas son números", "números"),
        (f"{hashed('+51987650001')}\n{hashed('+51987650002')}\n12\n", 2, "SHA-256", "SHA-256"),
    ],
)
def test_a_file_goes_from_its_button_to_a_list_that_holds(account, browser, content, good, what, how):
    assert f"{LISTS}add/" in page(browser.get(LISTS))
    assert "Lista Robinson" in page(browser.get(f"{LISTS}add/"))
    answer = browser.post(f"{LISTS}add/", form(content, name="REPEP <b>", kind="repep"))
    row = ContactImport.unscoped.get()
    assert answer.url == f"{IMPORTS}{row.pk}/columns/"
    made = ExclusionList.unscoped.get()
    assert "todavía no deja fuera a nadie" in page(browser.get(f"{LISTS}{made.pk}/change/"))
    columns = page(browser.get(answer.url))
    assert '<option value="phone" selected>' in columns
    for absent in ('value="attribute"', 'name="update_existing"', 'name="reason"', 'name="opted_in_source"'):
        assert absent not in columns
    header = {"header": "true"} if "Celular" in content else {}
    said = {"encoding": "utf-8", "delimiter": ",", "start": "1", "default_country": "PE", "meaning-0": "phone"}
    assert browser.post(answer.url, {**said, **header}).url == f"{IMPORTS}{row.pk}/change/"
    run_import(row)
    checked = page(browser.get(f"{IMPORTS}{row.pk}/change/"))
    assert what in checked
    assert f"{row.pk}/start/" in checked
    assert (row.status, row.created_count, row.error_count) == ("ready", good, 1)
    browser.post(f"{IMPORTS}{row.pk}/start/")
    run_import(row)
    assert f"{LISTS}{made.pk}/change/" in page(browser.get(f"{IMPORTS}{row.pk}/change/"))
    shown = page(browser.get(f"{LISTS}{made.pk}/change/"))
    assert "REPEP &lt;b&gt;" in shown
    assert how in shown
    assert "lista.csv" in shown
    assert "REPEP &lt;b&gt;" in page(browser.get(LISTS))
    acts = list(AuditEntry.objects.for_account(account).order_by("pk").values_list("action", flat=True))
    assert acts == ["exclusion_list.created", "contact_import.mapped", "contact_import.started"]


def test_a_file_without_a_good_line_cannot_be_started(browser):
    browser.post(f"{LISTS}add/", form("phone\n12\n", name="RNE", kind="rne"))
    row = ContactImport.unscoped.get()
    run_import(row)
    assert row.status == "ready"
    browser.post(f"{IMPORTS}{row.pk}/start/")
    row.refresh_from_db()
    assert row.status == "ready"


@pytest.mark.parametrize(
    "said",
    [
        {"name": "", "kind": "own"},
        {"name": "x", "kind": "sernac"},
        {"name": "x", "kind": "own", "file_date": "2999-01-01"},
        {"name": "x", "kind": "own", "file_date": "ayer"},
        {"name": "REPEP", "kind": "own"},
    ],
)
def test_what_means_nothing_is_shown_again(account, browser, said):
    exclusion_list(account)
    answer = browser.post(f"{LISTS}add/", form("+51987650001\n", **said))
    assert "pg-error" in page(answer, 400) or "pg-field-error" in answer.content.decode()
    assert ExclusionList.unscoped.count() == 1
    assert not ContactImport.unscoped.exists()


def test_a_newer_file_is_loaded_from_its_page(account, browser):
    row = exclusion_list(account)
    assert f"{LISTS}{row.pk}/load/" in page(browser.get(f"{LISTS}{row.pk}/change/"))
    assert "REPEP" in page(browser.get(f"{LISTS}{row.pk}/load/"))
    assert page(browser.post(f"{LISTS}{row.pk}/load/", {"file_date": ""}), 400)
    made = browser.post(f"{LISTS}{row.pk}/load/", form("+51987650001\n"))
    assert made.url == f"{IMPORTS}{ContactImport.unscoped.get().pk}/columns/"


def test_off_is_asked_first_and_on_is_not(account, browser):
    row = exclusion_list(account)
    assert "¿" in page(browser.get(f"{LISTS}{row.pk}/off/"))
    assert ExclusionList.unscoped.get().is_on
    browser.post(f"{LISTS}{row.pk}/off/", {"post": "yes"})
    assert not ExclusionList.unscoped.get().is_on
    assert f"{LISTS}{row.pk}/on/" in page(browser.get(f"{LISTS}{row.pk}/change/"))
    browser.post(f"{LISTS}{row.pk}/on/")
    assert ExclusionList.unscoped.get().is_on


def test_deleting_is_asked_first(account, browser):
    row = exclusion_list(account)
    assert "¿" in page(browser.get(f"{LISTS}{row.pk}/delete/"))
    assert ExclusionList.unscoped.exists()
    assert browser.post(f"{LISTS}{row.pk}/delete/", {"post": "yes"}).url == LISTS
    assert not ExclusionList.unscoped.exists()


@pytest.mark.parametrize(("role", "statuses"), [(Role.AGENT, (200, 302, 403, 403)), (Role.VIEWER, (403,) * 4)])
def test_what_a_role_may_not_do_has_no_button_and_is_refused(account, role, statuses):
    row = exclusion_list(account)
    mine = people.browser(people.member(account, role))
    shown = page(mine.get(f"{LISTS}{row.pk}/change/"))
    assert f"{LISTS}{row.pk}/off/" not in shown
    assert f"{LISTS}{row.pk}/delete/" not in shown
    assert (f"{LISTS}{row.pk}/load/" in shown) is (role == Role.AGENT)
    answers = (
        mine.get(f"{LISTS}{row.pk}/load/"),
        mine.post(f"{LISTS}{row.pk}/on/"),
        mine.post(f"{LISTS}{row.pk}/off/", {"post": "yes"}),
        mine.post(f"{LISTS}{row.pk}/delete/", {"post": "yes"}),
    )
    assert tuple(answer.status_code for answer in answers) == statuses
    assert ExclusionList.unscoped.get().is_on
