"""What is wrong with a line of a file of contacts, or with all of it: code, the wire's Spanish, the page's sentence.

An import keeps the code and what fills the gaps; each reader is told in words.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from django.utils.translation import gettext_lazy as _

from campaigns.wording.refusals import OTHER_REFUSAL
from jobs.wording.phone_problems import PHONE_PROBLEMS
from jobs.wording.phrase import Phrase


class ContactLineProblem(NamedTuple):
    wire: str  # with gaps in braces
    page: Phrase


CONTACT_LINE_PROBLEMS: Final[dict[str, ContactLineProblem]] = {
    **{code: ContactLineProblem(said.wire, said.page) for code, said in PHONE_PROBLEMS.items()},
    "phone_missing": ContactLineProblem("La línea no tiene teléfono.", _("The line has no phone.")),
    "phone_erased": ContactLineProblem(
        "La persona pidió que se borraran sus datos: no se guarda de nuevo.",
        _("This person asked to be erased: they are not kept again."),
    ),
    "undecodable": ContactLineProblem(
        "La línea tiene caracteres que no se pueden leer con la codificación elegida.",
        _("The line has characters that cannot be read with the chosen encoding."),
    ),
    "nul_byte": ContactLineProblem("La línea contiene un byte nulo.", _("The line holds a zero byte.")),
    "line_too_long": ContactLineProblem("La línea es demasiado larga.", _("The line is too long.")),
    "quote_unclosed": ContactLineProblem(
        "La línea tiene comillas sin cerrar o fuera de lugar.",
        _("The line has quotes that are not closed, or stand where none may."),
    ),
    # What was left out of a line that was read: the person is imported
    "email_invalid": ContactLineProblem(
        "El correo electrónico no es válido: se dejó fuera.", _("The e-mail is not valid: it was left out.")
    ),
    "email_several": ContactLineProblem(
        "La celda tiene varios correos electrónicos: se tomó el primero que es válido.",
        _("The cell has several e-mails: the first valid one was taken."),
    ),
    "name_too_long": ContactLineProblem(
        "El nombre supera los {limit} caracteres: se dejó fuera.",
        _("The name is too long, 200 characters at most: it was left out."),
    ),
    "label_invalid": ContactLineProblem(
        "Una etiqueta tiene de 1 a {limit} caracteres visibles: esta se dejó fuera.",
        _("A label has 1 to 100 visible characters: this one was left out."),
    ),
    "too_many_labels": ContactLineProblem(
        "La línea tiene más de {limit} etiquetas: se tomaron las primeras.",
        _("The line has too many labels: the first 50 were taken."),
    ),
    "attribute_too_long": ContactLineProblem(
        "Un atributo supera los {limit} caracteres: se dejó fuera.",
        _("An attribute is too long, 1,000 characters at most: it was left out."),
    ),
    "attribute_not_a_number": ContactLineProblem(
        "Un atributo que debe ser un número no lo es: se dejó fuera.",
        _("An attribute that should be a number is none: it was left out."),
    ),
    "attribute_not_a_boolean": ContactLineProblem(
        "Un atributo que debe ser sí o no es otra cosa: se dejó fuera.",
        _("An attribute that should be yes or no is something else: it was left out."),
    ),
    "attribute_not_a_date": ContactLineProblem(
        "Un atributo que debe ser una fecha no lo es: se dejó fuera.",
        _("An attribute that should be a date is none: it was left out."),
    ),
    "attribute_not_json": ContactLineProblem(
        "Un atributo que debe ser JSON no lo es: se dejó fuera.",
        _("An attribute that should be JSON is none: it was left out."),
    ),
    "opt_out_unclear": ContactLineProblem(
        "La celda de quien no quiere mensajes no dice ni sí ni no: no se le escribirá.",
        _("The cell of who wants no messages says neither yes nor no: this person will not be written to."),
    ),
    "opt_in_unclear": ContactLineProblem(
        "La celda del consentimiento no dice ni sí ni no: no se tomó como un sí.",
        _("The cell of who agreed says neither yes nor no: it was not taken for a yes."),
    ),
    "basis_unclear": ContactLineProblem(
        "La celda de la base legal no dice consentimiento, interés legítimo ni contrato: no se tomó nada de ella.",
        _("The cell of the legal basis is none of consent, legitimate interest or contract: it was not taken."),
    ),
    "opt_in_without_source": ContactLineProblem(
        "No se dice de dónde viene el consentimiento, en 100 caracteres como máximo: no se tomó.",
        _("It does not say where the consent comes from, in 100 characters at most: it was not taken."),
    ),
    "opt_in_refused": ContactLineProblem(
        "La persona pidió no recibir mensajes, y el archivo no dice que aceptara después: no se le escribirá.",
        _("This person said no, and the file does not say that they agreed later: they will not be written to."),
    ),
    "consent_date_invalid": ContactLineProblem(
        "La fecha del consentimiento o de la baja no se entiende, o está por venir: se dejó fuera.",
        _("The date of who agreed or said no is none, or yet to come: it was left out."),
    ),
    "reason_too_long": ContactLineProblem(
        "El motivo supera los {limit} caracteres: se dejó fuera.",
        _("The reason is too long, 200 characters at most: it was left out."),
    ),
    "since_invalid": ContactLineProblem(
        "La fecha no se entiende, o está por venir: se dejó fuera.",
        _("The date is none, or yet to come: it was left out."),
    ),
    "cells_beyond_header": ContactLineProblem(
        "La línea tiene más celdas que la cabecera: las que sobran no se leyeron.",
        _("The line has more cells than the header: those beyond it were not read."),
    ),
    "cell_error": ContactLineProblem(
        "Una celda contiene un error de la hoja de cálculo, como #N/A: se tomó como vacía.",
        _("A cell holds an error of the spreadsheet, such as #N/A: it was taken as empty."),
    ),
    # What is told of a line that was read
    "country_unknown": ContactLineProblem(
        "El país de la línea no se reconoce: se usó el del archivo.",
        _("The line's country is not known: that of the file was used."),
    ),
    "phone_landline": ContactLineProblem(
        "El número es de un teléfono fijo: solo recibirá mensajes si usa WhatsApp Business.",
        _("The number is a landline's: it gets messages only if it uses WhatsApp Business."),
    ),
    "phone_of_no_plan": ContactLineProblem(
        "El plan de su país no conoce el número: se puso en la lista como está escrito. Comprueba sus dígitos.",
        _("Its country's plan does not know the number: it is on the list as it was written. Check its digits."),
    ),
    # The file as a whole: line 0
    "import_too_many_columns": ContactLineProblem(
        "El archivo tiene más de {limit} columnas. Quita las que no necesitas.",
        _("The file has too many columns. Remove those you do not need."),
    ),
    "import_file_too_heavy": ContactLineProblem(
        "El libro contiene demasiado además de las celdas. Copia la tabla en un libro nuevo, o guárdala como CSV.",
        _("The workbook holds too much besides its cells. Copy the table into a new one, or save it as CSV."),
    ),
    "import_file_unreadable": ContactLineProblem(
        "El archivo está dañado más abajo y no se puede leer entero. Guárdalo de nuevo como CSV UTF-8 o como XLSX.",
        _("The file is broken further down and cannot be read whole. Save it again as CSV UTF-8 or as XLSX."),
    ),
    "import_too_many_rows": ContactLineProblem(
        "El archivo tiene más de {limit} contactos. Divídelo en varios.",
        _("The file has too many contacts. Divide it into several."),
    ),
    "import_names_erased": ContactLineProblem(
        "El archivo nombra a una persona cuyos datos se borraron mientras esperaba. Súbelo sin ella.",
        _("The file names a person who was erased while it waited: it was deleted. Upload it again without them."),
    ),
    "exclusion_list_empty": ContactLineProblem(
        "No se pudo leer ningún número ni hash del archivo. La lista queda como estaba.",
        _("No number and no hash of the file could be read. The list stays as it was."),
    ),
    "exclusion_list_gone": ContactLineProblem(
        "La lista de exclusión se eliminó mientras se cargaba el archivo.",
        _("The exclusion list was deleted while the file was being loaded."),
    ),
    "import_file_lost": ContactLineProblem(
        "El archivo subido ya no se puede leer. Súbelo de nuevo.",
        _("The uploaded file can no longer be read. Upload it again."),
    ),
}


def stored(line: int, code: str, column: str = "", **details: Any) -> dict[str, Any]:
    """What an import keeps of a bad line, or of a bad cell and its `column`; line 0 is the file as a whole.

    `details` fill the sentence's gaps.
    """
    return {"line": line, "code": code, "column": column, "details": details}


def on_the_wire(problem: Mapping[str, Any]) -> dict[str, Any]:
    """{"line", "column", "code", "message"} of what is stored, in Spanish; `column` is "" for a whole line."""
    return {
        "line": problem["line"],
        "column": problem.get("column", ""),
        "code": problem["code"],
        "message": _spanish(problem),
    }


def _spanish(problem: Mapping[str, Any]) -> str:
    # Imports of before this was said for each reader hold the sentence itself.
    if "message" in problem:
        return str(problem["message"])
    return CONTACT_LINE_PROBLEMS[problem["code"]].wire.format(**problem["details"])


def on_the_page(problem: Mapping[str, Any]) -> Phrase:
    """Say what is stored to the reader of a page."""
    code = problem["code"]
    return CONTACT_LINE_PROBLEMS[code].page if code in CONTACT_LINE_PROBLEMS else OTHER_REFUSAL
