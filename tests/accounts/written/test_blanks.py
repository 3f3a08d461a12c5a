"""What counts as nothing, and as a name that is none."""

import pytest

from accounts.written.blanks import is_blank, is_nameless

NOTHING = [
    "",
    " ",
    "NULL",
    "null",
    "(null)",
    "NaN",
    "N/A",
    "#N/A",
    "n.a.",
    "n/d",
    "#N/D",
    "-",
    "--",
    "—",
    "−",
    "...",
    "_",
]
NOTHING += ["None", "undefined", "\u200b", "\u2060\ufeff", "\u3164", " - ", "/", "--/--/----"]


@pytest.mark.parametrize("text", NOTHING)
def test_what_stands_for_nothing_is_blank(text):
    assert is_blank(text)


@pytest.mark.parametrize(
    "text", ["0", "no", "na", "NA", "nil", "nd", "-5", "-1,5", "a-b", "+", "?", "*", "NULL 1", "'-", "❤️"]
)
def test_what_says_something_is_not(text):
    assert not is_blank(text)


@pytest.mark.parametrize("name", ["Sin nombre", "S/N", "sem nome", "No Name", "???", "***", "+", "(( ))", "Unknown"])
def test_a_name_may_be_nobodys(name):
    assert is_nameless(name)


@pytest.mark.parametrize("name", ["Ana", "N", "5", "李", "🌸", "Sin Nombre Díaz", "Ñ.", "(Ana)", "Na", "Nil"])
def test_a_name_may_look_odd(name):
    assert not is_nameless(name)
