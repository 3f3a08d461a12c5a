"""A file of contacts' numbers as people have them: whose they are, and whose they are not."""

import json
from pathlib import Path

import pytest

from campaigns import tasks
from tests.campaigns.arrange import Caller
from tests.campaigns.imports.test_contact_import import checked, imported, people
from tests.factories import make_account

pytestmark = pytest.mark.django_db
CASES = Path(__file__).parent / "cases"


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch):
    monkeypatch.setattr(tasks.import_contacts, "delay", lambda number: None)


def case(name: str) -> bytes:
    return (CASES / name).read_bytes()


def codes(made: dict) -> list[str]:
    return [error["code"] for error in made["errors"]]


def test_without_a_country_a_number_without_plus_is_nobodys():
    made = checked(Caller(account=make_account()), case("k3_national_no_country.csv"))
    assert (made["created"], codes(made)) == (0, ["phone_country_missing"] * 3)


def test_with_a_country_only_its_numbers_are(call):
    made = imported(call, case("k3_national_no_country.csv"))
    assert list(people()) == ["+51987654321"]
    assert codes(made) == ["phone_too_long", "phone_too_long"]


def test_marks_nobody_sees_are_no_part_of_a_number(call):
    made = imported(call, case("k8_invisible.csv"))
    assert list(people()) == ["+51987654321"]
    assert made["error_count"] == 0


def test_a_second_number_in_the_cell_is_an_attribute(call):
    imported(call, "phone;name\n987654321 / 987654322;Ana\n")
    assert people() == {"+51987654321": ("Ana", "", [], {"phone_2": "+51987654322"})}


def test_two_numbers_are_never_joined(call):
    imported(call, "phone;name\n987654321 987654322;Ana\n987654323, 987654324;Bia\n")
    assert list(people()) == ["+51987654321", "+51987654323"]


@pytest.mark.parametrize("country", ["PE", "AR"])
def test_local_and_incomplete_numbers_are_refused(country):
    call = Caller(account=make_account(default_country=country))
    mapping = json.dumps({"default_country": country})
    made = checked(call, "telefono\n98765432\n+51 987 65432\n15 2345-6789\n", mapping=mapping)
    assert (made["created"], made["error_count"]) == (0, 3)
