"""One page of a list for its reader, with the addresses of the pages beside it."""

from dataclasses import dataclass

import pytest

from accounts.lists import linked_page
from accounts.models import User


@dataclass(frozen=True)
class Asked:
    after: int | None = None
    before: int | None = None

    def address(self, **place: int) -> str:
        return f"?{place}"


@pytest.fixture
def people(db, monkeypatch):
    monkeypatch.setattr(linked_page, "PAGE_ROWS", 2)
    return [User.objects.create(email=f"{number}@example.org").pk for number in range(5)]


@pytest.mark.parametrize("by", ["id", "-id"])
def test_a_page_leads_to_those_beside_it_and_nowhere_at_the_ends(people, by):
    listed = people if by == "id" else people[::-1]
    rows = User.objects.filter(pk__in=people)
    first = linked_page.read(rows, by, Asked())
    assert ([row.pk for row in first.rows], first.previous) == (listed[:2], "")
    assert first.following == str(Asked().address(after=listed[1]))
    middle = linked_page.read(rows, by, Asked(after=listed[1]))
    assert [row.pk for row in middle.rows] == listed[2:4]
    assert middle.previous == Asked().address(before=listed[2])
    assert linked_page.read(rows, by, Asked(before=listed[2])) == first
    assert linked_page.read(rows, by, Asked(after=listed[3])).following == ""


@pytest.mark.parametrize(
    ("raw", "key"), [("0", 0), ("12", 12), ("101", 100), ("9" * 19, 100), ("9" * 5000, None), ("", None), ("-1", None)]
)
def test_an_address_names_a_key_or_none(raw, key):
    assert linked_page.place(raw, 100) == key


@pytest.mark.parametrize("raw", ["x", "1.5", "٥", " 1"])
def test_what_is_no_whole_number_is_no_key(raw):
    assert linked_page.place(raw, 100) is None
