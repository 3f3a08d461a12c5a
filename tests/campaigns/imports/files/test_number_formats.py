"""Numbers of a workbook, as its cells show them."""

import pytest

from campaigns.imports.files.number_formats import shown


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        ("51987654321", "", "51987654321"),
        ("5.1987654321E10", "", "51987654321"),
        ("434.99999999999994", "", "435"),
        ("0.1", "", "0.1"),
        ("0.000001", "", "0.000001"),
        ("-3", "", "-3"),
        ("1234567", "00000000", "01234567"),
        ("-5", "000", "-005"),
        ("987654321", "000-000-000", "987654321"),
        ("12.5", "0.00", "12.50"),
        ("2.675", "0.00", "2.68"),
        ("-0.001", "0.00", "0.00"),
        ("1234.5", "#,##0.00", "1234.50"),
        ("1234.5", '"S/" #,##0.00', "1234.50"),
        ("1234.5", "[$S/-280A] #,##0.00", "1234.50"),
        ("0.15", "0%", "15%"),
        ("0.155", "0.0%", "15.5%"),
        ("12", "@", "12"),
        ("1.5", "# ?/?", "1.5"),
        ("46037", "dd/mm/yyyy", "15/01/2026"),
        ("46037", "d-m-yy", "15-1-26"),
        ("46037", "dd-mmm-yyyy", "2026-01-15"),
        ("46037", "yyyy-mm-dd", "2026-01-15"),
        ("46037", "[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", "2026-01-15"),
        ("46037.5", "yyyy-mm-dd hh:mm", "2026-01-15 12:00"),
        ("46037.5", "d/m/yyyy h:mm AM/PM", "15/1/2026 12:00 PM"),
        ("0.395833333333333", "h:mm", "9:30"),
        ("1.08333333333333", "[h]:mm", "26:00"),
        ("0.0625", "mm:ss", "30:00"),
        ("1", "dd/mm/yyyy", "01/01/1900"),
        ("-1", "dd/mm/yyyy", "-1"),
    ],
)
def test_a_number_is_shown_as_its_cell_does(text, code, expected):
    assert shown(text, code) == expected


def test_some_workbooks_count_from_1904():
    assert shown("44575", "dd/mm/yyyy", since_1904=True) == "15/01/2026"


def test_what_is_no_number_is_refused():
    with pytest.raises(ValueError, match="1e"):
        shown("1e", "")
