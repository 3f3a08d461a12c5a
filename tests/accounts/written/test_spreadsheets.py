"""What a file needs that somebody will open in a spreadsheet."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.written.spreadsheets import defuser, undefuser


@pytest.mark.parametrize("sign", "=+-@＝＋－＠")
def test_no_cell_begins_like_a_formula(sign: str):
    assert defuser(",;")(f"{sign}1") == f"'{sign}1"
    assert defuser(",;")(f"  {sign}1") == f"'  {sign}1"


def test_nor_does_a_part_where_a_spreadsheet_may_split():
    assert defuser(",;\t")("a,=1;+2\t@x|-3") == "a,'=1;'+2\t'@x|-3"
    assert defuser("|\n")("a|=1\n-2,-3") == "a|'=1\n'-2,-3"


@pytest.mark.parametrize("text", ["", "Ana", "1+1=2", "a-b@c.pe"])
def test_any_other_text_stays_as_it_is(text: str):
    assert defuser(",;|\t\r\n")(text) == text


@given(st.text(st.sampled_from("'=-@ ,;\t\na"), max_size=8))
def test_what_was_defused_comes_back(text: str):
    separators = ",;|\t\r\n"
    safe = defuser(separators)(text)
    assert undefuser(separators)(safe) == text
    for part in re.split("[,;|\t\r\n]", safe):
        assert not re.match(r"\s*[=+@-]", part)
