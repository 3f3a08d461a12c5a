"""What is wrong with a line of a recipient file: code, the wire's Spanish, and what the page says after "Line 3:"."""

from typing import Final, NamedTuple

from django.utils.translation import gettext_lazy as _

from jobs.wording.phrase import Phrase


class LineProblem(NamedTuple):
    wire: str  # `{limit}`: the most there may be
    page: Phrase


LINE_PROBLEMS: Final[dict[str, LineProblem]] = {
    "not_utf8": LineProblem("La línea no está en UTF-8.", _("is not in UTF-8")),
    "nul_byte": LineProblem("La línea contiene un byte nulo.", _("contains a null byte")),
    "line_too_long": LineProblem("La línea supera los {limit} bytes.", _("is longer than 8 KB")),
    "too_many_columns": LineProblem("La línea tiene más de {limit} columnas.", _("has more than 50 columns")),
    "invalid_number": LineProblem("El teléfono no es válido.", _("the phone is not valid")),
}


def line_problem(code: str) -> Phrase:
    """Say what is wrong with a line of the file, to follow "Line 3:"."""
    return LINE_PROBLEMS[code].page if code in LINE_PROBLEMS else code
