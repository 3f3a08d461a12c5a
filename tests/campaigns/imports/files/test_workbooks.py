"""A workbook is read as a person sees it, and harms nobody."""

import csv
import io
import zipfile
from pathlib import Path

import openpyxl
import pytest

from campaigns.imports.files import workbook_calls, workbooks
from campaigns.imports.files.unusable import TooHeavy, TooManyRows, Unusable
from campaigns.imports.files.workbooks import ERROR_MARK, look, to_csv

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
    to_csv(path, look(path, None, 1).sheet, target, most_rows)
    return list(csv.reader(io.StringIO(target.read_text(), newline="")))


def test_cells_are_what_a_person_sees(tmp_path):
    from datetime import date, datetime

    book = openpyxl.Workbook()
    book.active.append(
        [51987654321, 5.0, 2.5, True, date(2026, 1, 31), datetime(2026, 1, 31, 9, 30), "  x ", None, "=1+1"]
    )
    assert converted(saved(book, tmp_path / "a.xlsx")) == [
        ["51987654321", "5", "2.5", "true", "2026-01-31", "2026-01-31 9:30:00", "  x "]
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
    with pytest.raises(TooManyRows):
        to_csv(path, 0, tmp_path / "a.csv", 3)
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
    with pytest.raises(Unusable):
        to_csv(path, 0, tmp_path / "a.csv", 100)
    assert not (tmp_path / "a.csv").exists()


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(workbooks, "MAX_UNPACKED_BYTES", 1000)
    book = openpyxl.Workbook()
    with pytest.raises(Unusable):
        look(saved(book, tmp_path / "a.xlsx"), None, 9)


def test_rows_of_nothing_are_read_no_further_than_a_spreadsheet_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(workbooks, "SHEET_ROWS", 3)
    path = saved(openpyxl.Workbook(), tmp_path / "a.xlsx")
    full = SHEET % (b"<row/>" * 2 + b"<row><c t='str'><v>phone</v></c></row>")
    assert look(tampered(path, sheet1=full), None, 9).rows[0].cells == ["phone"]
    with pytest.raises(Unusable):
        look(tampered(path, sheet1=SHEET % (b"<row/>" * 4)), None, 9)


# --- As a person sees it --------------------------------------------------------------------------------------


CASES = Path(__file__).parents[1] / "cases"


def test_numbers_are_shown_with_their_formats():
    assert look(CASES / "k11_float.xlsx", None, 9).rows[1].cells == ["51987650001", "435"]
    assert look(CASES / "k11_formats.xlsx", None, 9).rows[1].cells == [
        *("51987650001", "01234567", "12.50", "15%", "15/01/2026", "26:00"),
    ]


def test_a_cell_with_an_error_is_marked(tmp_path):
    path = saved(openpyxl.Workbook(), tmp_path / "a.xlsx")
    cells_of = b"<row r='1'><c r='A1' t='e'><v>#N/A</v></c><c r='B1' t='str'><v>x</v></c></row>"
    assert converted(tampered(path, sheet1=SHEET % cells_of)) == [[ERROR_MARK + "#N/A", "x"]]


def test_every_sheet_is_offered_and_an_empty_one_passed_over(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "Portada"
    book.create_sheet("Clientes").append(["x"])
    book.create_sheet("Oculta").append(["y"])
    book["Oculta"].sheet_state = "hidden"
    path = saved(book, tmp_path / "a.xlsx")
    seen = look(path, None, 9)
    assert (seen.sheets, seen.sheet, seen.rows[0].cells) == (["Portada", "Clientes", "Oculta"], 1, ["x"])
    assert look(path, 2, 9).rows[0].cells == ["y"]


# --- In a process of its own -----------------------------------------------------------------------------------


def fonts(count: int) -> bytes:
    styles = f"<fonts>{'<font/>' * count}</fonts><cellXfs><xf/></cellXfs>"
    return f"<styleSheet xmlns='{NAMESPACE}'>{styles}</styleSheet>".encode()


def names(book: bytes, count: int) -> bytes:
    return book.replace(
        b"</workbook>",
        b"<definedNames>" + b"<definedName name='a'>x</definedName>" * count + b"</definedNames></workbook>",
    )


@pytest.mark.parametrize("kind", ["cells", "columns", "fonts", "names"])
def test_a_hostile_workbook_is_refused_or_read_with_little(tmp_path, kind):
    book = openpyxl.Workbook()
    book.active.append(["phone"])
    path = saved(book, tmp_path / "a.xlsx")
    with zipfile.ZipFile(path) as archive:
        whole = archive.read("xl/workbook.xml")
    sheet = f"<worksheet xmlns='{NAMESPACE}'>%s<sheetData><row>%s</row></sheetData></worksheet>"
    parts = {
        "cells": {"sheet1": (sheet % ("", "<c/>" * 2_000_000)).encode()},
        "columns": {"sheet1": (sheet % (f"<cols>{'<col/>' * 2_000_000}</cols>", "<c/>")).encode()},
        "fonts": {"styles": fonts(400_000)},
        "names": {"workbook": names(whole, 400_000)},
    }[kind]
    broken = tampered(path, **parts)
    if kind != "names":
        with pytest.raises(TooHeavy):
            workbook_calls.look(broken, None, 9)
    else:
        assert workbook_calls.look(broken, None, 9).rows[0].cells == ["phone"]


def test_a_process_that_is_killed_leaves_a_clear_end_and_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(workbook_calls, "CONVERT_SECONDS", 0.001)
    path = saved(openpyxl.Workbook(), tmp_path / "a.xlsx")
    with pytest.raises(TooHeavy):
        workbook_calls.to_csv(path, 0, tmp_path / "a.csv", 9)
    assert [one.name for one in tmp_path.glob("a.*")] == ["a.xlsx"]


def test_the_process_says_what_is_wrong(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"PK no workbook")
    with pytest.raises(Unusable) as caught:
        workbook_calls.look(tmp_path / "a.xlsx", None, 9)
    assert caught.value.code == "import_file_unreadable"
