"""Contacts of a phone."""

import pytest

from campaigns.imports.files.unusable import TooManyRows, Unreadable
from campaigns.imports.files.vcards import HEADER, first_rows, to_csv

CARDS = """BEGIN:VCARD\r
VERSION:3.0\r
N:Díaz;Rosa;;;\r
FN:Rosa Díaz\r
TEL;TYPE=HOME,VOICE:+51 1 4567890\r
TEL;TYPE=CELL:+51 987 650 001\r
EMAIL;TYPE=INTERNET:rosa@example.com\r
CATEGORIES:VIP,Lima\r
NOTE:una\\, dos\\ny una muy\r
  larga\r
PHOTO;ENCODING=b:AAAA\r
END:VCARD\r
BEGIN:VCARD\r
VERSION:2.1\r
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:N=C3=BA=C3=B1ez;Jos=\r
=C3=A9;;;\r
item1.TEL;CELL;PREF:987650002\r
END:VCARD\r
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.vcf"
    path.write_bytes(CARDS.encode())
    return path


def test_people_are_rows(file):
    header, rosa, jose = first_rows(file, 9)
    assert header.cells == list(HEADER)
    assert {name: cell for name, cell in zip(HEADER, rosa.cells, strict=True) if cell} == {
        "name": "Rosa Díaz",
        "mobile": "+51 987 650 001",
        "phone": "+51 1 4567890",
        "email": "rosa@example.com",
        "labels": "VIP,Lima",
        "note": "una, dos\ny una muy larga",
    }
    assert (jose.line, jose.cells[:2]) == (3, ["José Núñez", "987650002"])


@pytest.mark.parametrize(
    ("line", "column", "cell"),
    [
        ("FN;ENCODING=QUOTED-PRINTABLE;CHARSET=ISO-8859-1:Jos=E9 N=FA=F1ez", "name", "José Núñez"),
        ("TEL;type=CELL;waid=51987650001:987 650 001", "mobile", "+51987650001"),
        ('TEL;VALUE=uri;TYPE="voice,work":tel:+51-1-456-7890;ext=12', "phone", "+51-1-456-7890"),
        ("item1.TEL;type=pref:+51 987 650 001", "phone", "+51 987 650 001"),
    ],
)
def test_a_property_is_read_as_phones_write_it(tmp_path, line, column, cell):
    (tmp_path / "a.vcf").write_text(f"BEGIN:VCARD\n{line}\nEND:VCARD\n")
    _, row = first_rows(tmp_path / "a.vcf", 9)
    assert dict(zip(HEADER, row.cells, strict=True))[column] == cell


def test_too_many_people_leave_no_file(file, tmp_path):
    with pytest.raises(TooManyRows):
        to_csv(file, tmp_path / "a.csv", 1)
    assert [one.name for one in tmp_path.glob("a.*")] == ["a.vcf"]


def test_what_has_no_card_is_unreadable(tmp_path):
    (tmp_path / "a.vcf").write_text("phone\n987654321\n")
    with pytest.raises(Unreadable):
        first_rows(tmp_path / "a.vcf", 9)
