"""What a file is made of is found out, whoever made it."""

import csv
import io
import zipfile
from pathlib import Path

import openpyxl
import pytest

from campaigns.imports import table
from campaigns.imports.table import Format, Head, detect, guess_columns, head, rows, xlsx_to_csv


@pytest.fixture
def written(tmp_path):
    def write(content: str | bytes, name: str = "file.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def cells(path: Path) -> list[list[str]]:
    return [row.cells for row in rows(path, detect(path))]


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
    ],
)
def test_the_encoding_is_found_out(written, content, encoding):
    assert detect(written(content)).encoding == encoding


@pytest.mark.parametrize("content", [b"PK\x03\x04x", b"\xd0\xcf\x11\xe0x", b"%PDF-1.7"])
def test_another_kind_of_file_is_no_csv(written, content):
    with pytest.raises(table.Unreadable):
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
    assert [(row.line, row.cells) for row in rows(path, detect(path))] == [(3, ["987654321", "Ana"])]


# --- Rows --------------------------------------------------------------------------------------------------


def test_lines_are_counted_as_a_spreadsheet_does(written):
    path = written('phone,name\r\n\r\n1,a\r\n,\r\n2,"b\r\nc"\r\n3,d')
    assert [(row.line, row.cells) for row in rows(path, Format())] == [
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


def test_a_quote_that_is_never_closed_costs_what_it_swallows(written):
    path = written('phone,name\n1,"a\n' + "2,b\n" * 60_000)
    found = list(rows(path, Format()))
    assert found[0].too_long
    assert any(row.cells == ["2", "b"] for row in found[1:])


def test_a_line_without_end_does_not_fill_the_memory(written):
    path = written("x" * 3_000_000)
    assert all(row.too_long for row in rows(path, Format(header=False)))


def test_the_head_is_as_wide_as_its_widest_row(written):
    assert head(written("a\n1,2,3\n4\n"), Format()) == Head(["a", "", ""], [["1", "2", "3"], ["4", "", ""]])


def test_a_file_wider_than_any_list_of_people_is_refused(written):
    path = written("a" + "," * 250 + "\n")
    with pytest.raises(table.TooManyColumns):
        head(path, Format(header=False))


# --- What the columns are --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (["Teléfono", "Nombre", "Correo electrónico", "Etiquetas"], {"phone": 0, "name": 1, "email": 2, "labels": 3}),
        (["nome", "CELULAR", "E-mail", "Marcadores"], {"name": 0, "phone": 1, "email": 2, "labels": 3}),
        (["Full Name", "Phone Number", "email_address", "tags"], {"name": 0, "phone": 1, "email": 2, "labels": 3}),
        (["Nº de WhatsApp", "Número de WhatsApp"], {"phone": 1, "custom_attributes": {"no_de_whatsapp": 0}}),
        (["móvil", "tel"], {"phone": 0, "custom_attributes": {"tel": 1}}),
        (["id", "phone", "opted_out", "region"], {"phone": 1, "custom_attributes": {"region": 3}}),
        (
            ["phone", "Ciudad de origen", "firstOrder", "año", "año", "", "★"],
            {
                "phone": 0,
                "custom_attributes": {
                    "ciudad_de_origen": 1,
                    "firstOrder": 2,
                    "ano": 3,
                    "ano_2": 4,
                    "columna_6": 5,
                    "columna_7": 6,
                },
            },
        ),
    ],
)
def test_columns_are_guessed_by_their_names(names, columns):
    assert guess_columns(Head(names, [])) == {"custom_attributes": {}, **columns}


def test_columns_without_names_are_guessed_by_what_stands_in_them():
    sample = [["Ana", "ana@x.pe", "+51 987 654 321", "Lima"], ["Beto", "", "987654322", "Cusco"]]
    assert guess_columns(Head([""] * 4, sample)) == {
        "name": 0,
        "email": 1,
        "phone": 2,
        "custom_attributes": {"columna_4": 3},
    }


def test_a_phone_under_an_unknown_name_is_found_by_its_look():
    found = guess_columns(Head(["quién", "a qué"], [["Ana", "987654321"]]))
    assert found == {"phone": 1, "custom_attributes": {"quien": 0}}


# --- XLSX ----------------------------------------------------------------------------------------------------


NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHEET = f"<worksheet xmlns='{NAMESPACE}'><sheetData>%s</sheetData></worksheet>".encode()
SHARED_TYPE = (
    b'<Override PartName="/xl/sharedStrings.xml" '
    b'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>'
)


def saved(book: openpyxl.Workbook, path: Path) -> Path:
    book.save(path)
    return path


def converted(path: Path, most_rows: int = 100) -> list[list[str]]:
    target = path.with_suffix(".csv")
    xlsx_to_csv(path, target, most_rows)
    return list(csv.reader(io.StringIO(target.read_text(), newline="")))


def test_cells_are_what_a_person_sees(tmp_path):
    from datetime import date, datetime

    book = openpyxl.Workbook()
    book.active.append(
        [51987654321, 5.0, 2.5, True, date(2026, 1, 31), datetime(2026, 1, 31, 9, 30), "  x ", None, "=1+1"]
    )
    assert converted(saved(book, tmp_path / "a.xlsx")) == [
        ["51987654321", "5", "2.5", "true", "2026-01-31", "2026-01-31 09:30:00", "  x "]
    ]


def test_rows_keep_their_numbers_and_hidden_sheets_are_passed_over(tmp_path):
    book = openpyxl.Workbook()
    book.active.sheet_state = "hidden"
    book.active["A1"] = "secret"
    sheet = book.create_sheet("Clientes")
    sheet["B2"], sheet["A5"] = "x", "y"
    assert converted(saved(book, tmp_path / "a.xlsx")) == [[], ["", "x"], [], [], ["y"]]


def test_many_different_texts_are_read_back(tmp_path):
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    expected = [[f"Ñusta {number}", f"k{number % 7}", f"🎉{number}"] for number in range(2500)]
    for row in expected:
        sheet.append(row)
    assert converted(saved(book, tmp_path / "a.xlsx"), 5000) == expected


def test_texts_that_cells_share_are_found_whatever_their_order(tmp_path):
    # As spreadsheets write them; openpyxl writes every text into its cell.
    texts = [f"Ñusta {number}" for number in range(2500)]
    table = "".join(f"<si><t xml:space='preserve'>{text}</t></si>" for text in texts)
    table += "<si><r><t>two </t></r><r><t>runs</t></r><rPh sb='0' eb='1'><t>reading</t></rPh></si><si/>"
    wanted = [2500, 0, 2499, 5, 2501, 1700, 5, 999, 1000]
    cells_of = "".join(f"<row r='{row}'><c r='A{row}' t='s'><v>{n}</v></c></row>" for row, n in enumerate(wanted, 1))
    path = saved(openpyxl.Workbook(), tmp_path / "a.xlsx")
    with zipfile.ZipFile(path) as source:
        types = source.read("[Content_Types].xml").replace(b"</Types>", SHARED_TYPE + b"</Types>")
    path = tampered(path, **{"[Content_Types]": types, "sheet1": SHEET % cells_of.encode()})
    with zipfile.ZipFile(path, "a") as target:
        target.writestr("xl/sharedStrings.xml", f"<sst xmlns='{NAMESPACE}' uniqueCount='9'>{table}</sst>")
    found = [*texts, "two runs", ""]
    assert converted(path) == [[found[number]] if found[number] else [] for number in wanted]


def test_too_many_rows_leave_no_file(tmp_path):
    book = openpyxl.Workbook()
    for number in range(5):
        book.active.append([number])
    path = saved(book, tmp_path / "a.xlsx")
    with pytest.raises(table.TooManyRows):
        xlsx_to_csv(path, tmp_path / "a.csv", 3)
    assert [path.name for path in tmp_path.glob("a.*")] == ["a.xlsx"]


def tampered(path: Path, **parts: bytes) -> Path:
    """The same workbook with other contents of its parts, named by the end of their paths."""
    broken = path.with_name("broken.xlsx")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(broken, "w") as target:
        for name in source.namelist():
            wanted = next((content for part, content in parts.items() if name.endswith(f"{part}.xml")), None)
            target.writestr(name, source.read(name) if wanted is None else wanted)
    return broken


LAUGHS = (
    b"<!DOCTYPE x [<!ENTITY a '"
    + b"ha" * 1000
    + b"'>"
    + b"".join(f"<!ENTITY {chr(98 + n)} '{('&' + chr(97 + n) + ';') * 100}'>".encode() for n in range(5))
    + b"]>"
)


@pytest.mark.parametrize(
    "parts",
    [
        {"sheet1": b"not xml"},
        {"sheet1": SHEET % b"<row r='1'><c r='A1' t='s'><v>99999</v></c></row>"},
        {"sheet1": SHEET % b"<row r='1'><c r='A1' t='s'><v>-1</v></c></row>"},
        {"sheet1": SHEET % b"<row r='1'><c r='XFD1'><v>1</v></c></row>"},
        {"sheet1": SHEET % b"<row r='x'><c r='A1'><v>1</v></c></row>"},
        {"sheet1": SHEET % b"<row r='1'><c r='A1'><v>1e</v></c></row>"},
        {"sheet1": SHEET % b"<row r='1048576'><c r='A1048576'><v>1</v></c></row>"},
        {"sheet1": LAUGHS + SHEET % b"<row r='1'><c r='A1' t='str'><v>&f;</v></c></row>"},
        {
            "sheet1": b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"
            + SHEET % b"<row><c t='str'><v>&a;</v></c></row>"
        },
        {"workbook": b"<x/>"},
        {"styles": b"<x"},
    ],
)
def test_a_broken_or_hostile_workbook_is_unreadable_and_leaves_no_file(tmp_path, parts):
    book = openpyxl.Workbook()
    book.active.append(["phone"])
    path = tampered(saved(book, tmp_path / "a.xlsx"), **parts)
    with pytest.raises(table.Unreadable):
        xlsx_to_csv(path, tmp_path / "a.csv", 100)
    assert not (tmp_path / "a.csv").exists()


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "MAX_UNPACKED_BYTES", 1000)
    book = openpyxl.Workbook()
    with pytest.raises(table.Unreadable):
        table.xlsx_head(saved(book, tmp_path / "a.xlsx"))


def test_rows_of_nothing_are_read_no_further_than_a_spreadsheet_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "SHEET_ROWS", 3)
    path = saved(openpyxl.Workbook(), tmp_path / "a.xlsx")
    full = SHEET % (b"<row/>" * 2 + b"<row><c t='str'><v>phone</v></c></row>")
    assert table.xlsx_head(tampered(path, sheet1=full))[0].names == ["phone"]
    with pytest.raises(table.Unreadable):
        table.xlsx_head(tampered(path, sheet1=SHEET % (b"<row/>" * 4)))
