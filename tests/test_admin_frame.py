"""The frame around every page: a sidebar in the order of the work, by role; and no script or style inside a page."""

import re
from pathlib import Path

import pytest
from django.urls import reverse

from accounts.models import Role
from tests.accounts import people
from tests.statements import statements_of

REPOSITORY = Path(__file__).resolve().parent.parent
FOR_ALL = ["Panel", "Envíos", "Dispositivos", "Cuenta", "Números suprimidos"]
EVERYTHING = [
    "Panel",
    "Nuevo envío",
    "Envíos",
    "Dispositivos",
    "Cuenta",
    "Miembros",
    "Tokens de API",
    "Números suprimidos",
    "Auditoría",
]


def links(html: str) -> list[tuple[str, bool]]:
    """The sidebar's links by their text, and whether each is lit up."""
    sidebar = html.split('id="nav-sidebar-apps"')[1].split("openUserLinks")[0]
    found = re.findall(
        r'<a href="[^"]*" class="([^"]*)">\s*<span class="material[^>]*>[^<]*</span>\s*<span>([^<]*)<', sidebar
    )
    return [(text.strip(), classes.endswith("active")) for classes, text in found]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "expected"),
    [(Role.ADMINISTRATOR, EVERYTHING), (Role.AGENT, ["Panel", "Nuevo envío", *FOR_ALL[1:]]), (Role.VIEWER, FOR_ALL)],
)
def test_the_sidebar_shows_what_the_role_may_open(role, expected):
    browser = people.browser(people.member(role=role))
    html = browser.get("/admin/").content.decode()
    shown = [text for text, _ in links(html)]
    assert [text for text in shown if text in expected] == expected
    assert not set(EVERYTHING) - set(expected) & set(shown)
    for address in re.findall(r'<a href="(/admin/[^"]*)" class="flex h-\[38px\]', html):
        assert browser.get(address, follow=True).status_code == 200, address


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "lit"),
    [("/admin/", ["Panel"]), ("/admin/jobs/job/new/", ["Nuevo envío"]), ("/admin/jobs/job/", ["Envíos"])],
)
def test_one_link_is_lit_up(address, lit):
    html = people.browser(people.member()).get(address).content.decode()
    assert [text for text, active in links(html) if active] == lit


@pytest.mark.django_db
def test_no_page_asks_for_permissions_that_nobody_has():
    browser = people.browser(people.member())
    addresses = [reverse("admin:index"), reverse("admin:jobs_job_changelist"), reverse("admin:devices_device_add")]
    for address in addresses:
        asked = statements_of(lambda address=address: browser.get(address))
        assert any("accounts_membership" in sql for sql in asked)
        assert not any("auth_permission" in sql for sql in asked), address


@pytest.mark.django_db
def test_logging_in_leads_to_the_panel(client):
    person = people.member(who=people.user("ana@example.com", password="correct horse battery"))
    assert client.get("/admin/login/").status_code == 200
    response = client.post("/admin/login/", {"username": person.user.email, "password": "correct horse battery"})
    assert response.url == "/admin/"


def test_our_templates_carry_no_script_and_no_style():
    for path in (REPOSITORY / "templates").rglob("*.html"):
        html = path.read_text()
        elements = re.sub(r"\{%.*?%\}", "", html)  # a tag of Django's may name its value as it likes
        assert not re.search(r"<script(?![^>]*\bsrc=)", elements), path
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", elements), path
        assert "mark_safe" not in html
        # |safe only where nobody could have written the text.
        assert "|safe" not in html, path


def test_nothing_is_loaded_from_elsewhere():
    files = [*(REPOSITORY / "templates").rglob("*.html"), *(REPOSITORY / "static").rglob("*.*")]
    for path in files:
        if path.suffix in {".html", ".css", ".js"}:
            assert not re.search(r"""(src=|import\s.*|url\()["']?(https?:)?//""", path.read_text()), path
