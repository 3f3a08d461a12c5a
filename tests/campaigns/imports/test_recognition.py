"""A column's type is what all of its cells are."""

from typing import Any

import pytest

from campaigns.imports.files.csv_records import Row
from campaigns.imports.recognition import Recognition


def recognised(
    *cells: str, header: str = "x", said: Any = 1, known: str = "", country: str = "", delimiter: str = ","
) -> Any:
    """What a column of these cells is, beside a phone."""
    return together({header: cells}, {header: said}, {header: known}, country, delimiter)[header]


def together(
    columns: dict[str, Any],
    said: dict[str, Any] | None = None,
    known: dict[str, str] | None = None,
    country: str = "",
    delimiter: str = ",",
    **more: Any,
) -> Any:
    places = {name: place for place, name in enumerate(columns, 1)}
    mapping = {
        "names": ["tel", *columns],
        "delimiter": delimiter,
        "default_country": "",
        "columns": {"phone": 0, "custom_attributes": {**places, **(said or {})}},
        **more,
    }
    looking = Recognition(mapping, known or {}, country)
    for line, cells in enumerate(zip(*columns.values(), strict=True), 2):
        looking.look(Row(line, ["+51987654321", *cells]))
    return looking.types()


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["25", "9", "", "100"], {"type": "number"}),
        (["25", "-3"], {"type": "number"}),
        (["25", "nueve"], {"type": "text"}),
        (["1.234,50", "1.234"], {"type": "number", "reading": ","}),
        (["1,234.50", "1,234"], {"type": "number", "reading": "."}),
        (["12.5", "1.234"], {"type": "number", "reading": "."}),
        (["12.5", "12,5"], {"type": "text"}),
        (["007", "12"], {"type": "text"}),
        (["12", "007"], {"type": "text"}),
        (["0", "10"], {"type": "number"}),
        (["1234567890123456"], {"type": "text"}),
        (["987654321", "5"], {"type": "text"}),
        (["12345678", "87654321"], {"type": "text"}),
        (["12345678", "5"], {"type": "number"}),
        (["+51987654321"], {"type": "text"}),
        (["10 %"], {"type": "text"}),
        (["Sí", "no", "NO"], {"type": "boolean"}),
        (["true", "FALSE"], {"type": "boolean"}),
        (["VERDADERO", "FALSO"], {"type": "boolean"}),
        (["sim", "não"], {"type": "boolean"}),
        (["1", "0"], {"type": "number"}),
        (["x", ""], {"type": "text"}),
        (["sí", "tal vez"], {"type": "text"}),
        (["15/01/2026", "02/12/2025"], {"type": "date", "reading": "dmy"}),
        (["01/15/2026", "02/12/2025"], {"type": "date", "reading": "mdy"}),
        (["15/01/2026", "01/15/2026"], {"type": "text"}),
        (["2026-01-15", "2025-12-02"], {"type": "date"}),
        (["2026-01-15", "2/12/2025", "13/12/2025"], {"type": "date", "reading": "dmy"}),
        (["15/01/2026", "31/02/2026"], {"type": "text"}),
        (["15/01/2026", "pendiente"], {"type": "text"}),
        (["", " "], {"type": ""}),
        ([], {"type": ""}),
    ],
)
def test_a_column_is_what_all_of_its_cells_are(cells, found):
    assert recognised(*cells) == found


@pytest.mark.parametrize(
    "header",
    [
        "DNI",
        "código",
        "Nro. de documento",
        "RUC",
        "CEP",
        "Código postal",
        "zip",
        "Celular 2",
        "Número",
        "customerId",
        "Pedido",
    ],
)
def test_codes_and_phones_stay_texts_by_their_header(header):
    assert recognised("12", "345", header=header) == {"type": "text"}
    assert recognised("sí", header=header) == {"type": "boolean"}


@pytest.mark.parametrize("header", ["Monto", "Saldo total", "precio", "População"])
def test_an_amount_may_have_as_many_digits_as_a_phone(header):
    assert recognised("1500000000", header=header) == {"type": "number"}


class TestWhatTheCellsLeaveOpen:
    def test_the_country_says(self):
        assert recognised("1.234", country="AR") == {"type": "number", "reading": ","}
        assert recognised("1.234", country="PE") == {"type": "number", "reading": "."}
        assert recognised("01/02/2026", country="PE") == {"type": "date", "reading": "dmy"}
        assert recognised("01/02/2026", country="US") == {"type": "date", "reading": "mdy"}

    def test_other_columns_say_before_the_country(self):
        found = together({"a": ["1.234"], "b": ["12,5"], "c": ["01/02/2026"], "d": ["01/31/2026"]}, country="PE")
        assert found["a"] == {"type": "number", "reading": ","}
        assert found["c"] == {"type": "date", "reading": "mdy"}

    def test_a_workbooks_numbers_are_written_with_a_point(self):
        found = together({"a": ["12.345"]}, country="AR", sheets=["Hoja1"])
        assert found["a"] == {"type": "number", "reading": "."}

    def test_where_no_country_is_known_the_delimiter_says_the_decimal_sign(self):
        assert recognised("1.234", delimiter=";") == {"type": "number", "reading": ","}

    def test_nobody_says_and_the_doubt_is_told(self):
        assert recognised("1.234") == {"type": "text", "doubt": "decimal_unclear"}
        assert recognised("01/02/2026") == {"type": "text", "doubt": "order_unclear"}

    def test_a_person_says(self):
        said = {"column": 1, "type": "number", "decimal": ","}
        assert recognised("1.234", said=said, country="PE") == {"type": "number", "reading": ","}


class TestWhatIsSaid:
    def test_a_type_holds_whatever_does_not_fit(self):
        assert recognised("12,5", "n", "7", said={"column": 1, "type": "number"}) == {"type": "number", "reading": ","}
        assert recognised("007", said={"column": 1, "type": "text"}) == {"type": "text"}
        assert recognised("a", said={"column": 1, "type": "boolean"}) == {"type": "boolean"}

    def test_a_header_says_it(self):
        assert recognised("25", header="edad [text]") == {"type": "text"}
        assert recognised("123", header="código [número]") == {"type": "number", "reading": "."}
        assert recognised("25", header="edad [años]") == {"type": "number"}

    def test_what_the_account_has_as_a_text_stays_one(self):
        assert recognised("25", known="text") == {"type": "text"}
        assert recognised("25", known="mixed") == {"type": "number"}
        assert recognised("25", header="código", known="number") == {"type": "number"}


def test_lines_that_are_nobodys_say_nothing():
    mapping = {
        "names": ["total", "tel"],
        "delimiter": ",",
        "default_country": "",
        "columns": {"phone": 1, "custom_attributes": {"total": 0}},
    }
    looking = Recognition(mapping, {}, "")
    looking.look(Row(2, ["12", "+51987654321"]))
    looking.look(Row(3, ["Suma", ""]))
    looking.look(Row(4, ["Suma"]))
    looking.look(Row(5, ["roto", "+51987654322"], "quote_unclosed"))
    assert looking.types() == {"total": {"type": "number"}}


def test_it_takes_as_much_memory_for_a_million_different_cells_as_for_a_thousand():
    mapping = {
        "names": ["tel", "x"],
        "delimiter": ",",
        "default_country": "",
        "columns": {"phone": 0, "custom_attributes": {"x": 1}},
    }
    looking = Recognition(mapping, {}, "")
    for number in range(5_000):
        looking.look(Row(number, ["1", str(number)]))
    (column,) = looking._columns
    assert len(column.cells) == 1_000
