"""What a file is made of is found out, whoever made it."""

from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.imports.files.csv_records import Format, Head
from campaigns.imports.files.encodings import ENCODINGS
from campaigns.imports.files.unusable import TooManyColumns, Unreadable
from campaigns.imports.table import Rows, detect, head


@pytest.fixture
def written(tmp_path):
    def write(content: str | bytes, name: str = "file.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def cells(path: Path) -> list[list[str]]:
    return [row.cells for row in Rows(path, detect(path))]


# --- Places ------------------------------------------------------------------------------------------------

LINES = [
    "a,b",
    "ñandú,1",
    '"x, y",2',
    '"dos\nlíneas",3',
    '"nobody closes it',
    "",
    ",,",
    "\0,\ufffd",
    '"a"b,4',
    "😀,5",
    "c" * 9_000,
]


@settings(deadline=None, max_examples=30)
@given(
    lines=st.lists(st.sampled_from(LINES), min_size=1, max_size=12),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(ENCODINGS),
    is_ours=st.booleans(),
    taken=st.integers(1, 1_500),
)
def test_whoever_goes_on_at_a_place_reads_the_same_rows(tmp_path_factory, lines, end, encoding, is_ours, taken):
    path = tmp_path_factory.mktemp("places") / "file.csv"
    # Longer than what is read at a time.
    path.write_bytes((end.join(lines * (1_500 // len(lines))) + end).encode(encoding, "replace") + b"\xff\n")
    form = Format(encoding, header=False)
    rows = list(Rows(path, form, is_ours=is_ours))
    reader = Rows(path, form, is_ours=is_ours)
    found = iter(reader)
    taken = len(list(islice(found, taken)))
    place = reader.place()
    while place is None and next(found, None):  # lines wait to be read again
        taken, place = taken + 1, reader.place()
    assert list(found) == rows[taken:]
    if place is not None:
        assert list(Rows(path, form, is_ours=is_ours, place=place)) == rows[taken:]


def test_behind_each_usual_row_there_is_a_place(written):
    reader = Rows(written("phone,name\n1,a\n2,b\n3,c\n"), Format())
    assert [(row.cells, reader.place() and reader.place().line) for row in reader] == [
        (["1", "a"], 2),
        (["2", "b"], 3),
        (["3", "c"], 4),
    ]


# --- Encoding ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"phone\n987654321\n", "utf-8"),
        ("teléfono\n987654321\n".encode(), "utf-8"),
        ("\ufeffphone\n987654321\n".encode(), "utf-8-sig"),
        ("teléfono\n987654321\n".encode("cp1252"), "cp1252"),
        ("teléfono\n987654321\n".encode("utf-16"), "utf-16"),
        ("phone\n987654321\n".encode("utf-16-le"), "utf-16-le"),
        ("phone\n987654321\n".encode("utf-16-be"), "utf-16-be"),
        (b"phone\n" + b"987654321\n" * 300_000 + "Ñusta\n".encode("cp1252"), "cp1252"),  # in the last line only
        (b"phone\n" + b"987654321\n" * 300_000 + "Ñusta\n".encode(), "utf-8"),
        (b"x" * (1024 * 1024 - 1) + "Ñusta\n".encode(), "utf-8"),  # a letter across two blocks
        (b"phone\n987654321\n\xc3", "cp1252"),
        ("teléfono,nombre\n987654321,Ñusta\n".encode() + b"987654322,\xff\n", "utf-8"),  # one broken byte
        ("Nombre\nJosé Núñez\n".encode("mac-roman"), "mac-roman"),
        ("Nombre\nJosé Núñez\n".encode("cp850"), "cp850"),
        ("NOMBRE\nMARÍA MUÑOZ\n".encode("cp1252"), "cp1252"),
        ("NOMBRE\nMARÍA MUÑOZ\n".encode("mac-roman"), "mac-roman"),
        ("NOMBRE\nMARÍA MUÑOZ\n".encode("cp850"), "cp850"),
        ("nome\nJoão Conceição\n".encode("cp1252"), "cp1252"),
        ("nome\nJoão Conceição\n".encode("mac-roman"), "mac-roman"),
        ("nome\nJoão Conceição\n".encode("cp850"), "cp850"),
        ("precio\n10 € – “oferta”\n".encode("cp1252"), "cp1252"),
    ],
)
def test_the_encoding_is_found_out(written, content, encoding):
    assert detect(written(content)).encoding == encoding


@pytest.mark.parametrize("content", [b"PK\x03\x04x", b"\xd0\xcf\x11\xe0x", b"%PDF-1.7"])
def test_another_kind_of_file_is_no_csv(written, content):
    with pytest.raises(Unreadable):
        detect(written(content))


def test_an_excel_made_file_keeps_its_letters(written):
    path = written("Teléfono;Nombre\r\n987654321;Ñusta Güell Álvarez\r\n".encode("cp1252"))
    assert detect(path) == Format("cp1252", ";", True)
    assert cells(path) == [["987654321", "Ñusta Güell Álvarez"]]


# --- Delimiter and header --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        ("phone,name\n1,a\n", ","),
        ("phone;name\n1;a, b, c\n2;d, e, f\n", ";"),
        ("phone|name\n1|a;b,c\n", "|"),
        ("phone\tname\n1\ta\n", "\t"),
        ('phone;name\n1;"a,b,c,d"\n', ";"),
        ("phone\n1\n", ","),
        ("sep=;\nphone;a,b,c\n1;x,y,z\n", ";"),
        ("name,phone\nPérez; Ana; y otros,987654321\nx,y\n", ","),
        ("Lista de clientes\nal 15/01/2026\n\nname;phone\na;1\n", ";"),
    ],
)
def test_the_delimiter_is_found_out(written, content, delimiter):
    assert detect(written(content)).delimiter == delimiter


@pytest.mark.parametrize(
    ("first", "header"),
    [
        ("phone,name", True),
        ("teléfono 2,nombre", True),
        (",nombre", True),
        ("987654321,Ana", False),
        ("Ana,+51 987-654-321", False),
        ("Ana,ana@example.com", False),
    ],
)
def test_a_header_has_no_numbers_and_no_addresses(written, first, header):
    assert detect(written(f"{first}\n987654322,Beto\n")).header is header


def test_excels_separator_line_is_not_a_row(written):
    path = written("sep=;\r\nphone;name\r\n987654321;Ana\r\n")
    assert [(row.line, row.cells) for row in Rows(path, detect(path))] == [(3, ["987654321", "Ana"])]


# --- Rows --------------------------------------------------------------------------------------------------


def test_lines_are_counted_as_a_spreadsheet_does(written):
    path = written('phone,name\r\n\r\n1,a\r\n,\r\n2,"b\r\nc"\r\n3,d')
    assert [(row.line, row.cells) for row in Rows(path, Format())] == [
        (3, ["1", "a"]),
        (5, ["2", "b\r\nc"]),
        (6, ["3", "d"]),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_one(written, end):
    assert cells(written(end.join(["phone,name", "987654321,a", "987654322,b"]))) == [
        ["987654321", "a"],
        ["987654322", "b"],
    ]


def test_quotes_are_csvs(written):
    assert cells(written('phone,name\n1,"a ""b"", c"\n2,5" pipe\n')) == [["1", 'a "b", c'], ["2", '5" pipe']]


def test_a_line_without_end_is_one_error_and_does_not_fill_the_memory(written):
    path = written("x" * 3_000_000 + "\n1,a\n")
    assert [(row.line, row.problem) for row in Rows(path, Format(header=False))] == [(1, "line_too_long"), (2, "")]


def test_the_head_is_as_wide_as_its_widest_row(written):
    assert head(written("a\n1,2,3\n4\n"), Format()) == Head(["a", "", ""], [["1", "2", "3"], ["4", "", ""]])


def test_a_file_wider_than_any_list_of_people_is_refused(written):
    path = written("a" + "," * 250 + "\n")
    with pytest.raises(TooManyColumns):
        head(path, Format(header=False))
