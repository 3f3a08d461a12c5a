"""A text in a cell of our files, and back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.written import cells

TEXTS = st.text(st.sampled_from("'=-@+ ,;\t\nNULa/.5"), max_size=8)


@given(TEXTS)
def test_a_text_comes_back_from_its_cell(text):
    if text == cells.trimmed(text):
        assert cells.text_of(cells.as_cell(text)) == text
        assert cells.whole_text_of(cells.as_formula_free_cell(text)) == text


@given(TEXTS)
def test_no_cell_is_a_formula(text):
    for part in re.split("[,;|\t\r\n]", cells.as_cell(text)):
        assert not re.match(r"\s*[=+@-]", part) or re.fullmatch(r"\+\d+", text)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("  Ana ", "Ana"),
        ("NULL", ""),
        ("'NULL", "NULL"),
        ("''NULL", "'NULL"),
        ("'-5", "-5"),
        ("'-12.04,'-77.03", "-12.04,-77.03"),
        ("a;' -5", "a; -5"),
        ("'Ana", "'Ana"),
        ("L'=x", "L'=x"),
        ("a\r\nb", "a\nb"),
        ("+51987654321", "+51987654321"),
    ],
)
def test_what_a_cell_says(cell, text):
    assert cells.text_of(cell) == text


def test_a_phone_stays_as_it_is():
    texts = ("+51987654321", "-5.5", "-", "NULL", "=1")
    assert [cells.as_cell(text) for text in texts] == ["+51987654321", "'-5.5", "'-", "'NULL", "'=1"]
