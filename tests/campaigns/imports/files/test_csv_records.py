"""Records of a CSV: what is broken costs its own line, and nothing is passed over in silence."""

import csv
import io
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from campaigns.imports import table
from campaigns.imports.columns import guess
from campaigns.imports.files.csv_records import MAX_CELL, records
from campaigns.imports.lines import BadLine, LineReader


def read(text: str, delimiter: str = ",") -> list[tuple[int, list[str], str]]:
    return [tuple(row) for row in records(io.StringIO(text, newline=""), delimiter)]


def bad(text: str) -> list[tuple[int, str]]:
    return [(line, problem) for line, _, problem in read(text) if problem]


def test_an_unclosed_quote_costs_one_line():
    found = read('a,b,c\n1,x,"x\n2,y,y\n3,z,"w"\n4,v,v\n')
    assert [(line, problem) for line, _, problem in found] == [
        (1, ""),
        (2, "quote_unclosed"),
        (3, ""),
        (4, ""),
        (5, ""),
    ]
    assert [cells for _, cells, problem in found if not problem][1:] == [
        ["2", "y", "y"],
        ["3", "z", "w"],
        ["4", "v", "v"],
    ]


def test_an_unclosed_quote_of_a_long_file_costs_one_line():
    text = 'a,b\n1,"a\n' + "2,b\n" * 60_000
    assert bad(text) == [(2, "quote_unclosed")]
    assert len(read(text)) == 60_002


def test_every_line_may_be_broken_by_itself():
    assert [problem for _, _, problem in read('1,"a\n' * 5_000)] == ["quote_unclosed"] * 5_000


@pytest.mark.parametrize(
    "text",
    ['a,b\n1,"two\nlines"\n2,x\n', 'a,b\r\n1,"a ""b"", c"\r\n', '"a","b"\n"1",""\n"2","\n\n"\n', 'a,b\n1,5" pipe\n'],
)
def test_good_quotes_are_csvs(text):
    assert [cells for _, cells, _ in read(text)] == list(csv.reader(io.StringIO(text, newline="")))


def test_a_cell_that_is_too_long_is_an_error_and_the_next_line_is_read():
    assert bad(f"a,b\n1,{'x' * (MAX_CELL + 1)}\n2,y\n") == [(2, "line_too_long")]


def test_a_record_that_would_be_wider_than_the_others_has_swallowed_them():
    text = 'a,b,c\n1,"x,y\n2,", z",w\n3,p,q\n'
    assert [line for line, _ in bad(text)][:1] == [2]
    assert read(text)[-1] == (4, ["3", "p", "q"], "")


def test_a_record_whose_last_line_is_a_whole_row_has_swallowed_it():
    text = 'a,b,c\n1,"x,y\n2,z,", w"\n'
    assert [(line, problem) for line, _, problem in read(text)] == [(1, ""), (2, "quote_unclosed"), (3, "")]


# --- One byte more or less --------------------------------------------------------------------------------------

PEOPLE = 12


def good_file(seed: int) -> bytes:
    chance = random.Random(seed)
    text = io.StringIO()
    quoting = chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
    writer = csv.writer(text, quoting=quoting, lineterminator=chance.choice(["\n", "\r\n"]))
    writer.writerow(["telefono", "nombre", "nota"])
    notes = ["", "x", "a, b", 'dice "hola"', "dos\nlíneas", "ñandú", ", y"]
    for number in range(PEOPLE):
        writer.writerow([f"+5198765{number:04}", f"Persona {number}", chance.choice(notes)])
    return text.getvalue().encode()


def people_of(path) -> tuple[set[str], int, int]:
    """The phones that would be imported, how many lines are reported, and how many rows there are."""
    form = table.detect(path)
    head = table.head(path, form)
    found = guess(head, "PE").columns
    reader = LineReader({"columns": found, "names": head.names, "add_labels": [], "default_country": "PE"})
    phones, imported, reported, count = set(), 0, 0, 0
    for row in table.Rows(path, form):
        count += 1
        try:
            phones.add(reader.read(row).phone)
            imported += 1
        except BadLine:
            reported += 1
    assert imported + reported == count
    return phones, reported, count


@settings(deadline=None, max_examples=300)
@example(2, 0.025390625, ord("\n"))  # the header torn in two: what is left of it names the phones "nombre"
@example(377, 0.0, ord('"'))  # a quote before the header, that one in a row further down would close
@given(
    st.integers(0, 10_000),
    st.floats(0, 1, exclude_max=True),
    st.one_of(st.none(), st.sampled_from(b'",\n\r;|x0\x00\xff\t ')),
)
def test_one_byte_more_or_less_costs_two_people_at_most(tmp_path_factory, seed, where, byte):
    content = good_file(seed)
    place = int(where * len(content))
    broken = content[:place] + (b"" if byte is None else bytes([byte])) + content[place + (byte is None) :]
    path = tmp_path_factory.mktemp("broken") / "file.csv"
    path.write_bytes(broken)
    phones, _, _ = people_of(path)
    everybody = {f"+5198765{number:04}" for number in range(PEOPLE)}
    assert len(everybody - phones) <= 2
