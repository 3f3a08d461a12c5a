"""What a file needs that somebody will open in a spreadsheet."""

import pytest

from accounts.written.spreadsheets import defuser


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
