"""Who may erase a person or ask what is held of them, and what API and page say."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.models import Role
from campaigns.erasing import erasure
from campaigns.models import Contact
from jobs.models import Erasure, Suppression
from tests.accounts import people
from tests.campaigns.arrange import Caller, contact, refused

PHONE = "+51987654321"


@pytest.mark.django_db
def test_an_erasure_is_asked_for_by_number_and_says_when_it_is_done(call: Caller):
    contact(call.account, PHONE, name="Ana")

    answer = call.post("erasures", phone="987 654 321")

    assert answer.status_code == 202
    asked = answer.json()
    assert asked == {"id": asked["id"], "asked_at": asked["asked_at"], "done_at": None, "waits_for": ""}
    erasure.advance(asked["id"])
    assert call.get(f"erasures/{asked['id']}").json()["done_at"] is not None
    assert [one["id"] for one in call.get("erasures").json()["results"]] == [asked["id"]]
    assert not Contact.unscoped.exists()


@pytest.mark.django_db
def test_a_contact_is_erased_by_its_id(call: Caller):
    row = contact(call.account, PHONE, name="Ana")

    answer = call.post(f"contacts/{row.pk}/erase")

    assert answer.status_code == 202
    erasure.advance(answer.json()["id"])
    assert not Contact.unscoped.exists()
    assert not Suppression.unscoped.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("phone", ["", "Ana", "123", None, 7, "+51987654321 / +51911111111"])
def test_what_is_no_number_is_refused(call: Caller, phone):
    for address in ("erasures", "access_exports"):
        assert refused(call.post(address, phone=phone))[0] == 400
    assert not Erasure.unscoped.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.AGENT, Role.VIEWER])
def test_only_administrators_may(role: Role):
    call = Caller(role)
    row = contact(call.account, PHONE, name="Ana")
    browser = people.browser(call.membership)

    assert call.post("erasures", phone=PHONE).status_code == 403
    assert call.post(f"contacts/{row.pk}/erase").status_code == 403
    assert call.post("access_exports", phone=PHONE).status_code == 403
    assert call.get(f"contacts/{row.pk}/access_export").status_code == 403
    assert browser.get(reverse("admin:campaigns_contact_person")).status_code == 403
    page = browser.get(reverse("admin:campaigns_contact_change", args=[row.pk])).content.decode()
    assert reverse("admin:campaigns_contact_of_person", args=[row.pk]) not in page


@pytest.mark.django_db
def test_another_accounts_person_does_not_exist(call: Caller):
    other = Caller()
    row = contact(other.account, PHONE, name="Ana")
    asked = other.post("erasures", phone=PHONE).json()

    assert call.post(f"contacts/{row.pk}/erase").status_code == 404
    assert call.get(f"contacts/{row.pk}/access_export").status_code == 404
    assert call.get(f"erasures/{asked['id']}").status_code == 404
    assert call.get("erasures").json()["results"] == []
    assert json.loads(call.post("access_exports", phone=PHONE).content)["contacts"] == []


@pytest.mark.django_db
def test_the_page_wants_the_number_and_a_tick(call: Caller):
    row = contact(call.account, PHONE, name="Ana")
    browser = people.browser(call.membership)
    address = reverse("admin:campaigns_contact_of_person", args=[row.pk])
    assert "Ana" in browser.get(address).content.decode()

    unsure = browser.post(address, {"written": "987654321", "do": "erase"})
    another = browser.post(address, {"written": "911111111", "do": "erase", "sure": "true"})
    nothing = browser.post(address, {"written": "", "do": "erase", "sure": "true"})
    assert [page.status_code for page in (unsure, another, nothing)] == [400] * 3
    assert not Erasure.unscoped.exists()

    sure = browser.post(address, {"written": "987654321", "do": "erase", "sure": "true"}, follow=True)

    assert sure.status_code == 200
    assert Erasure.unscoped.get().done_at is None
    assert "Ana" not in sure.content.decode()


@pytest.mark.django_db
def test_a_contact_without_a_number_is_named_on_the_page(call: Caller):
    row = contact(call.account, None, name="Ana")
    browser = people.browser(call.membership)
    address = reverse("admin:campaigns_contact_of_person", args=[row.pk])

    assert browser.post(address, {"written": "Eva", "do": "erase", "sure": "true"}).status_code == 400
    assert browser.post(address, {"written": "Ana", "do": "erase", "sure": "true"}).status_code == 302


@pytest.mark.django_db
def test_what_is_held_is_a_file_on_the_page(call: Caller):
    contact(call.account, PHONE, name="Ana")
    browser = people.browser(call.membership)

    answer = browser.post(reverse("admin:campaigns_contact_person"), {"written": PHONE, "do": "export"})

    assert answer["Content-Disposition"] == 'attachment; filename="person.json"'
    assert json.loads(answer.content)["contacts"][0]["name"] == "Ana"


@pytest.mark.django_db
def test_the_commands_want_a_number_and_an_account(call: Caller, tmp_path: Path):
    for command in ("erase_person", "export_person"):
        with pytest.raises(CommandError):
            call_command(command, "Ana", "--account", call.account.name)
        with pytest.raises(CommandError):
            call_command(command, PHONE, "--account", "Nobody")
    file = tmp_path / "person.json"

    call_command("export_person", PHONE, "--account", call.account.name, "--file", str(file), stdout=StringIO())

    assert json.loads(file.read_text())["phone"] == PHONE
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(CommandError):  # what is there is not written over
        call_command("export_person", PHONE, "--account", call.account.name, "--file", str(file), stdout=StringIO())
