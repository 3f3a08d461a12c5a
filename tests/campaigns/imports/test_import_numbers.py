"""A file of contacts' numbers as people have them: whose they are, and whose they are not."""

import json
from pathlib import Path

import pytest

from campaigns import tasks
from campaigns.contacts import attributes
from campaigns.models import AttributeName
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


def test_a_column_of_countries_says_whose_the_numbers_are(call):
    content = (
        "nombre,celular,país\nAna,987654321,Perú\nBia,11 98765-4321,Brasil\nCai,55 1234 5678,+52\n"
        "Dea,+34 612 345 678,PE\nEva,987654322,\nFio,987654323,Narnia\nGus,987654324,BR\n"
    )
    made = imported(call, content)
    assert made["mapping"]["columns"]["country"] == 2
    assert {phone: attributes.get("pais") for phone, (*_, attributes) in people().items()} == {
        "+51987654321": "Perú",
        "+5511987654321": "Brasil",
        "+525512345678": "+52",
        "+34612345678": "PE",
        "+51987654322": None,
        "+51987654323": "Narnia",
    }
    assert [(error["line"], error["code"]) for error in made["errors"]] == [(8, "phone_not_in_plan")]
    told = [(one["line"], one["column"], one["code"]) for one in made["warnings"]]
    assert told == [(7, "país", "country_unknown")]


def test_the_column_of_countries_is_chosen_by_hand(call):
    content = "phone,donde\n11 98765-4321,Brasil\n"
    assert checked(call, content)["created"] == 0
    mapping = json.dumps({"columns": {"phone": 0, "country": 1}})
    imported(call, content, mapping=mapping)
    assert list(people()) == ["+5511987654321"]


def test_short_numbers_are_refused_whatever_country_is_said(call):
    made = checked(call, case("k3_short_numbers.csv"))
    assert made["mapping"]["columns"]["country"] == 1
    assert (made["created"], codes(made)) == (0, ["phone_not_in_plan"] * 4)


def test_a_landline_is_imported_and_told(call):
    made = imported(call, "phone,name\n+51 1 4567890,Ana\n+51987654321,Bia\n+54 11 4123-4567,Cai\n")
    assert list(people()) == ["+5114567890", "+51987654321", "+541141234567"]
    assert made["errors"] == []
    assert [(one["line"], one["code"]) for one in made["warnings"]] == [(2, "phone_landline")]


def test_of_two_numbers_in_a_cell_the_mobile_is_taken(call):
    made = imported(call, "phone,name\n01 4567890 / 987654321,Ana\n")
    assert people() == {"+51987654321": ("Ana", "", [], {"phone_2": "+5114567890"})}
    assert made["errors"] == []


def test_a_persons_other_numbers_are_attributes_of_the_account(call):
    imported(call, "phone,name\n987654321 / 987654322,Ana\n")
    assert list(AttributeName.unscoped.values_list("name", flat=True)) == ["phone_2"]


def test_they_go_by_the_names_that_the_account_has(call):
    attributes.ensure(call.account.pk, ["Phone_2"])
    imported(call, "phone,name\n987654321 / 987654322,Ana\n")
    assert people() == {"+51987654321": ("Ana", "", [], {"Phone_2": "+51987654322"})}


@pytest.mark.parametrize("country", ["PE", "AR"])
def test_local_and_incomplete_numbers_are_refused(country):
    call = Caller(account=make_account(default_country=country))
    mapping = json.dumps({"default_country": country})
    made = checked(call, "telefono\n98765432\n+51 987 65432\n15 2345-6789\n", mapping=mapping)
    assert (made["created"], made["error_count"]) == (0, 3)
