"""The format of the recipient file, rule by rule (contract, seed 000)."""

import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.intake import recipient_file
from jobs.intake.recipient_file import BadRecipientFile, RecipientFile, Row, split_cells

PHONE = "+51987654321"


def rows(content: str | bytes) -> list[Row]:
    data = content.encode() if isinstance(content, str) else content
    return list(RecipientFile(io.BytesIO(data)))


def values(content: str) -> list[list[str]]:
    return [row.values for row in rows(content)]


def refusal(content: str | bytes) -> BadRecipientFile:
    with pytest.raises(BadRecipientFile) as caught:
        rows(content)
    return caught.value


def test_the_example_of_the_seed():
    content = (
        "phone|@valor1|@valor2\n"
        "+51123123123|leonardo|12345\n"
        "+51123123124|maria|12346\n"
        "+51123123125|juan\n"
        "+51123123126\n"
    )
    assert rows(content) == [
        Row(2, "+51123123123", "+51123123123", ["leonardo", "12345"]),
        Row(3, "+51123123124", "+51123123124", ["maria", "12346"]),
        Row(4, "+51123123125", "+51123123125", ["juan"]),
        Row(5, "+51123123126", "+51123123126", []),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_every_line_ending_with_and_without_bom_and_last_line_end(end, bom):
    expected = [Row(1, PHONE, PHONE, ["a"]), Row(2, PHONE, PHONE, ["b"])]
    assert rows(f"{bom}{PHONE}|a{end}{PHONE}|b{end}") == expected
    assert rows(f"{bom}{PHONE}|a{end}{PHONE}|b") == expected


def test_line_endings_may_be_mixed():
    assert [row.line for row in rows(f"{PHONE}\r{PHONE}\r\n{PHONE}\n\r{PHONE}")] == [1, 2, 3, 5]


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"])
def test_nothing_else_ends_a_line(character):
    assert values(f"{PHONE}|a{character}b\n{PHONE}|c") == [[f"a{character}b"], ["c"]]


def test_a_bom_inside_the_file_is_text():
    assert values(f"{PHONE}|\ufeffa") == [["\ufeffa"]]


def test_blank_lines_are_skipped_and_counted():
    assert [row.line for row in rows(f"\n   \n\t\n{PHONE}\n\n\n{PHONE}\n\n")] == [4, 7]


def test_empty_cells_are_kept():
    assert values(f"{PHONE}||b|\n{PHONE}|") == [["", "b", ""], [""]]


def test_values_have_no_blanks_around_them():
    assert values(f'{PHONE}| a |\tb,c; d\\|" e "|\u00a0') == [["a", "b,c; d\\", "e", ""]]


def test_a_row_with_a_bad_phone_is_kept_with_its_text():
    assert rows(f"{PHONE}\nabc|x\n|y") == [
        Row(1, PHONE, PHONE, []),
        Row(2, None, "abc", ["x"]),
        Row(3, None, "", ["y"]),
    ]


class TestHeader:
    def columns(self, content: str) -> list[str] | None:
        file = RecipientFile(io.BytesIO(content.encode()))
        list(file)
        return file.columns if file.has_header else None

    def test_is_recognised_by_a_first_cell_without_a_digit(self):
        assert self.columns(f"phone|@nombre\n{PHONE}|a") == ["nombre"]
        assert self.columns(f"teléfono\n{PHONE}|a") == []
        assert self.columns(f"|x\n{PHONE}|a") == ["x"]

    @pytest.mark.parametrize(
        "cell", ["Celular 1", "phone1", "Teléfono_2", "NÚMERO (10)", "Phone 1 - Value", "WhatsApp 2026"]
    )
    def test_or_by_one_that_names_a_phone_and_has_two_digits_at_most_besides_a_year(self, cell):
        assert self.columns(f"{cell}|nombre\n{PHONE}|a") == ["nombre"]

    @pytest.mark.parametrize(
        "cell", ["abc1", "1", "celular 987", "tel 20261", "tel 2026 2025", "2026", "tel:+51987654321", "x1|phone"]
    )
    def test_any_other_first_cell_with_a_digit_is_a_recipient(self, cell):
        assert self.columns(f"{cell}|a\n{PHONE}|a") is None
        assert self.columns("٩٦٦٥٠١٢٣٤|a") is None

    def test_comes_first_after_blank_lines(self):
        assert self.columns(f"\n \nphone|@nombre\n{PHONE}|a") == ["nombre"]

    def test_only_the_first_line_can_be_one(self):
        assert [row.phone for row in rows(f"{PHONE}\nphone|x")] == [PHONE, None]
        assert [row.raw_phone for row in rows("phone|x\nphone|x")] == ["phone"]

    def test_names_lose_spaces_one_at_sign_and_quotes(self):
        assert self.columns('"phone"| @nombre |pedido|"@a|b"|@@x\n1') == ["nombre", "pedido", "a|b", "@x"]


class TestQuotes:
    @pytest.mark.parametrize(
        ("line", "cells"),
        [
            ('"a"', ["a"]),
            ('"a|b"|c', ["a|b", "c"]),
            ('x|"a|b"', ["x", "a|b"]),
            ('"say ""hi"""', ['say "hi"']),
            ('""', [""]),
            ('""|""', ["", ""]),
            ('""""', ['"']),
            ('"a""|""b"|c', ['a"|"b', "c"]),
        ],
    )
    def test_a_wholly_quoted_cell_is_unwrapped(self, line, cells):
        assert split_cells(line) == cells

    @pytest.mark.parametrize(
        ("line", "cells"),
        [
            ('a"b', ['a"b']),
            ('"a', ['"a']),
            ('a"|"b"', ['a"', "b"]),
            ('"a"b|c', ['"a"b', "c"]),
            ('"a|b', ['"a', "b"]),
            (' "a|b"', [' "a', 'b"']),
            ('"a|b" ', ['"a', 'b" ']),
            ('"', ['"']),
            ('"""', ['"""']),
            ('5" x 3"', ['5" x 3"']),
        ],
    )
    def test_any_other_quote_is_ordinary_text(self, line, cells):
        assert split_cells(line) == cells

    def test_a_record_never_spans_two_lines(self):
        assert values(f'{PHONE}|"a\n{PHONE}|b"') == [['"a'], ['b"']]

    def test_a_quoted_phone_is_a_phone(self):
        assert rows(f'"{PHONE}"|"a"')[0].phone == PHONE

    @given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0")), min_size=1, max_size=8))
    def test_what_is_quoted_comes_back(self, cells):
        line = "|".join('"' + cell.replace('"', '""') + '"' for cell in cells)
        assert split_cells(line) == cells

    @given(st.text('a"|', max_size=40))
    def test_the_cells_of_any_line_hold_all_its_text(self, line):
        cells = split_cells(line)
        assert len(cells) >= 1
        assert sum(cell.count("a") for cell in cells) == line.count("a")


class TestRefusals:
    def test_bytes_that_are_not_utf8(self):
        error = refusal(f"{PHONE}|a\r\n{PHONE}|\n".encode() + "maría".encode("cp1252"))
        assert (error.code, error.line) == ("not_utf8", 3)

    def test_a_character_cut_by_the_end_of_the_file(self):
        assert refusal(f"{PHONE}|a\n".encode() + "ñ".encode()[:1]).code == "not_utf8"

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
    def test_other_unicode_encodings(self, encoding):
        assert refusal(f"{PHONE}|ana\n".encode(encoding)).code in {"not_utf8", "nul_byte"}

    def test_surrogates_written_as_utf8(self):
        assert refusal(PHONE.encode() + b"|\xed\xa0\x80").code == "not_utf8"

    def test_a_nul_byte(self):
        error = refusal(f"{PHONE}|a\n{PHONE}|\0\n{PHONE}|b")
        assert error.problems == [(2, "nul_byte")]

    def test_a_line_over_8_kib_counts_bytes_without_the_line_end(self):
        fits = f"{PHONE}|".ljust(8192, "x")
        assert values(f"{fits}\r\n{fits}") == [[fits[13:]]] * 2
        assert refusal(f"{fits}x").problems == [(1, "line_too_long")]
        assert refusal(f"{PHONE}|" + "ñ" * 4096).problems == [(1, "line_too_long")]
        assert refusal(f"{PHONE}|a\n" + " " * 8193).problems == [(2, "line_too_long")]

    def test_more_than_50_columns(self):
        fifty = "|".join([PHONE, *"x" * 49])
        assert len(values(fifty)[0]) == 49
        assert refusal(fifty + "|x").problems == [(1, "too_many_columns")]
        quoted = "|".join([PHONE, *['"a|b"'] * 49])
        assert len(values(quoted)[0]) == 49
        assert refusal(quoted + "|x").problems == [(1, "too_many_columns")]

    def test_the_first_20_problems_are_reported(self):
        problems = refusal(f"{PHONE}\n" + "\0\n" * 30).problems
        assert problems == [(line, "nul_byte") for line in range(2, 22)]


@given(
    content=st.lists(
        st.sampled_from([PHONE, "|", "\r", "\n", "\r\n", "ñ", "😀", '"', " ", "abc", "\u2028", "x" * 3000]),
        max_size=40,
    ).map("".join),
    block=st.integers(1, 9),
)
def test_where_the_blocks_end_makes_no_difference(content, block):
    def outcome(block_bytes: int) -> object:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(recipient_file, "BLOCK_BYTES", block_bytes)
            try:
                return rows(content)
            except BadRecipientFile as error:
                return error.problems

    assert outcome(block) == outcome(2**20)


def test_memory_stays_small_whatever_the_file():
    class Endless(io.RawIOBase):
        """8 MB without a line end, then 2 MB of rows."""

        left = 10

        def read(self, size: int = -1) -> bytes:
            self.left -= 1
            if self.left < 0:
                return b""
            if self.left >= 2:
                return b"x" * size
            return (b"\n+51987654321|maria|12345" * (size // 25)).ljust(size, b"\n")

    tracemalloc.start()
    with pytest.raises(BadRecipientFile) as caught:
        for _ in RecipientFile(Endless()):
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.problems == [(1, "line_too_long")]
    assert peak < 14 * 1024 * 1024
