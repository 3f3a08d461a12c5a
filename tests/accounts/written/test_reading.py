"""What programs and people write, read one way everywhere."""

import pytest

from accounts.written.reading import is_storable, true_or_false, yes_or_no


@pytest.mark.parametrize(("text", "expected"), [("añ😀", True), ("", True), ("a\0", False), ("\ud83d", False)])
def test_a_text_that_postgresql_cannot_hold_is_known(text: str, expected: bool):
    assert is_storable(text) is expected


def test_programs_write_true_or_false_and_nothing_else():
    assert (true_or_false("true"), true_or_false("false")) == (True, False)
    for text in ("True", "1", "yes", "", "true "):
        with pytest.raises(ValueError, match="true or false"):
            true_or_false(text)


def test_people_write_yes_and_no_in_three_languages():
    assert all(map(yes_or_no, ("Sí", "si", "SIM", "yes", "1", "verdadero", "x")))
    assert not any(map(yes_or_no, ("No", "não", "nao", "0", "falso")))
    with pytest.raises(ValueError, match="yes or no"):
        yes_or_no("quizás")
