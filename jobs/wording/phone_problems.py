"""Why what was written is not taken for a phone, at every door alike: code, the wire's Spanish, the page's sentence.

The codes are those of `devices.phone_numbers.Unreadable`.
"""

from typing import Final, NamedTuple

from django.utils.translation import gettext_lazy as _

from jobs.wording.phrase import Phrase


class PhoneProblem(NamedTuple):
    wire: str
    page: Phrase


PHONE_PROBLEMS: Final[dict[str, PhoneProblem]] = {
    "phone_missing": PhoneProblem("Falta el teléfono.", _("The phone is missing.")),
    "phone_invalid": PhoneProblem(
        "El teléfono no es válido. Escríbelo con su código de país, por ejemplo +51 987 654 321.",
        _("Write the phone with its country code, such as +51 987 654 321."),
    ),
    "phone_country_missing": PhoneProblem(
        "El teléfono no tiene código de país, y así no es de nadie: elige el país, o escríbelo con «+» y su código.",
        _("The phone has no country code: choose the country, or write it with “+” and its code."),
    ),
    "phone_has_letters": PhoneProblem(
        "El teléfono tiene letras o una extensión. Deja solo el número.",
        _("The phone has letters or an extension: leave only the number."),
    ),
    "phone_inexact": PhoneProblem(
        "Una hoja de cálculo perdió dígitos del teléfono (5,1E+10). Da a la columna formato de texto y escríbelo.",
        _("A spreadsheet has lost digits of the phone (5.1E+10): format the column as text, and write it whole."),
    ),
    "phone_two_numbers": PhoneProblem(
        "Hay más de un teléfono donde cabe uno. Deja uno solo.", _("There is more than one phone: leave only one.")
    ),
    "phone_incomplete": PhoneProblem(
        "Al teléfono le faltan dígitos o su código de área.", _("The phone lacks digits, or its area code.")
    ),
    "phone_too_long": PhoneProblem("El teléfono tiene demasiados dígitos.", _("The phone has too many digits.")),
    "phone_not_in_plan": PhoneProblem(
        "En el país de este teléfono no hay números así. Revisa sus dígitos y su código de área.",
        _("The phone's country has no such number: check its digits and its area code."),
    ),
}


def on_the_wire(code: str) -> str:
    """Say it in Spanish."""
    return PHONE_PROBLEMS[code].wire


def on_the_page(code: str) -> Phrase:
    """Say it to the reader of a page."""
    return PHONE_PROBLEMS[code].page
