"""Part of a long list, by the key of the row it begins after."""

import pytest

from accounts.lists import keyset
from accounts.models import User

pytestmark = pytest.mark.django_db
NAMES = ["b", "a", "b", "b", "c", "a"]


@pytest.fixture
def people():
    made = [User.objects.create(email=f"{place}@example.org", first_name=name) for place, name in enumerate(NAMES)]
    return User.objects.filter(pk__in=[user.pk for user in made])


def walk(rows, by, key, *, backwards=False):
    """Every page of two, from one end of the list to the other."""
    pages, place = [], {}
    while True:
        part = keyset.read(rows, by, limit=2, **place)
        pages.append(part.rows)
        if not (part.has_previous if backwards else part.has_next):
            return pages
        place = {"before": key(part.rows[0])} if backwards else {"after": key(part.rows[-1])}


@pytest.mark.parametrize("by", [("first_name", "id"), ("-first_name", "-id"), ("id",), ("-id",)])
def test_the_pages_hold_every_row_once_in_order(people, by):
    def key(row):
        return [getattr(row, name.removeprefix("-")) for name in by]

    pages = walk(people, by, key)
    assert [len(page) for page in pages] == [2, 2, 2]
    assert [row for page in pages for row in page] == list(people.order_by(*by))


def test_the_way_back_shows_the_same_pages(people):
    by, last = ("first_name", "id"), people.order_by("-first_name", "-id").first()
    end = keyset.read(people, by, limit=2, before=(last.first_name, last.pk))
    assert (end.has_previous, end.has_next) == (True, True)
    seen = list(people.order_by(*by))
    assert end.rows == seen[3:5]
    start = keyset.read(people, by, limit=3, before=(end.rows[0].first_name, end.rows[0].pk))
    assert (start.rows, start.has_previous, start.has_next) == (seen[:3], False, True)


def test_only_what_was_reached_by_a_key_has_something_before_it(people):
    assert not keyset.read(people, ("id",), limit=2).has_previous
    assert keyset.read(people, ("id",), limit=2, after=(people.order_by("id")[0].pk,)).has_previous


def test_beyond_the_end_is_nothing_and_leads_nowhere(people):
    for key in ({"after": (2**62,)}, {"before": (0,)}):
        assert keyset.read(people, ("id",), limit=2, **key) == keyset.Part([], False, False)
