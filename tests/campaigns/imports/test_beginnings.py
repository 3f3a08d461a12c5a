"""Where a table begins is found, whatever stands above it."""

import pytest

from campaigns.imports.beginnings import find
from campaigns.imports.files.csv_records import Row


def rows(*lines: str) -> list[Row]:
    return [Row(number, line.split(";")) for number, line in enumerate(lines, 1) if line.strip(";")]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Nombre;Celular", "Ana;987654321"], (1, True)),
        (["Ana;987654321", "Luis;987654322"], (1, False)),
        (
            ["Lista de clientes;;", "Generado 15/01/2026;;", ";;", "Nombre;Celular;Ciudad", "Ana;987654321;Lima"],
            (4, True),
        ),
        (["Lista de celulares;al 15/01/2026", "Nombre;Celular", "Ana;987654321"], (2, True)),
        (["Teléfonos", "", "Nombre;Celular", "Ana;987654321"], (3, True)),
        (["Nombre;Link", "Ana;wa.me/51987650001", "Bia;wa.me/51987650002"], (1, True)),
        (["Ana;https://wa.me/51987650001", "Bia;987650002 / 987650003"], (1, False)),
        (["Nombre;Celular (ej. 987654321)", "Ana;987650001"], (1, True)),
        (["Nombre;Celular;2024123", "Ana;987654321;5"], (1, True)),
        (["phone;@valor1;@valor2", "987654321;Rosa;123"], (1, True)),
        (["Ana;Celular;987654321", "Luis;Fijo;014567890"], (1, False)),
        (["Reporte", "quién;a qué", "Ana;987654321"], (2, True)),
        (["Reporte", "Ana;987654321"], (2, False)),
        (["telefono", "987654321"], (1, True)),
        (["987654321", "987654322"], (1, False)),
        ([";nombre", "987654321;Ana"], (1, True)),
        (["Ana;ana@example.com"], (1, False)),
        ([], (1, False)),
    ],
)
def test_where_a_table_begins(lines, expected):
    assert find(rows(*lines)) == expected
