"""What the API of contacts, labels and imports says, in Spanish: every sentence here, every refusal with its status.

A refusal says what happened and what to do about it, and never repeats what was sent.
"""

from typing import Any, Final

from rest_framework import serializers

from accounts.errors import ApiError

REFUSALS: Final[dict[str, tuple[int, str]]] = {
    # Contacts
    "phone_taken": (409, "Otro contacto de la cuenta ya tiene este teléfono, quizá escrito de otra forma."),
    "filter_invalid": (400, "El filtro no es válido: {what}."),
    "labels_missing": (400, "Falta «labels»: una lista con al menos una etiqueta."),
    "contacts_missing": (400, "Indica los contactos: «contact_ids» o «filter», y solo uno de los dos."),
    "contacts_invalid": (400, "contact_ids debe ser una lista de 1 a {limit} ids de contactos."),
    "contacts_unknown": (400, "Uno o más contactos no existen, o no pertenecen a tu cuenta. Nada ha cambiado."),
    # Labels
    "label_taken": (409, "La cuenta ya tiene una etiqueta con este nombre."),
    # Imports: the file
    "import_file_missing": (400, "Falta el archivo. Envíalo en el campo «file» de un formulario multipart/form-data."),
    "import_file_extension": (400, "El archivo debe terminar en .csv, .txt o .xlsx."),
    "import_file_too_large": (413, "El archivo supera el máximo de {limit} bytes. Divídelo en varios."),
    "import_file_empty": (400, "El archivo no tiene ningún contacto: está vacío o solo tiene la cabecera."),
    "import_file_unreadable": (400, "El archivo no se puede leer. Guárdalo de nuevo como CSV UTF-8 o como XLSX."),
    "import_too_many_columns": (400, "El archivo tiene más de {limit} columnas. Quita las que no necesitas."),
    # Imports: what was asked
    "mapping_invalid": (400, "La asignación de columnas no es válida: {what}."),
    "import_not_ready": (409, "La importación está en estado «{status}» y no admite esta acción. Nada ha cambiado."),
    "phone_column_missing": (400, "Indica qué columna tiene el teléfono, en mapping.columns.phone."),
}

# What can be wrong with one line of a file, or with a file as a whole (line 0).
LINES: Final[dict[str, str]] = {
    "phone_missing": "La línea no tiene teléfono.",
    "phone_invalid": "El teléfono no es válido. Escríbelo con su código de país, o elige el país de los números.",
    "email_invalid": "El correo electrónico no es válido.",
    "name_too_long": "El nombre supera los {limit} caracteres.",
    "label_invalid": "Una etiqueta tiene de 1 a {limit} caracteres visibles.",
    "too_many_labels": "La línea tiene más de {limit} etiquetas.",
    "attribute_too_long": "Un atributo supera los {limit} caracteres.",
    "attribute_not_a_number": "Un atributo que debe ser un número no lo es.",
    "attribute_not_a_boolean": "Un atributo que debe ser sí o no es otra cosa.",
    "undecodable": "La línea tiene caracteres que no se pueden leer con la codificación elegida.",
    "nul_byte": "La línea contiene un byte nulo.",
    "line_too_long": "La línea es demasiado larga.",
    # The file as a whole
    "import_too_many_rows": "El archivo tiene más de {limit} contactos. Divídelo en varios.",
    "import_file_lost": "El archivo subido ya no se puede leer. Súbelo de nuevo.",
}

FIELDS: Final[dict[str, str]] = {
    "phone_invalid": "El teléfono no es válido. Escríbelo con su código de país, por ejemplo +51 987 654 321.",
    "label_invalid": "Una etiqueta tiene de 1 a {limit} caracteres visibles.",
    "too_many_labels": "Un contacto lleva como mucho {limit} etiquetas.",
    "attributes_invalid": "custom_attributes debe ser un objeto; sus nombres tienen de 1 a {limit} caracteres.",
    "text_invalid": "Contiene caracteres que no se pueden guardar. Quítalos.",
    "attributes_too_large": "custom_attributes es demasiado grande.",
}


def refusal(code: str, **details: Any) -> ApiError:
    """Build the answer to what cannot be accepted; `details` fill the sentence's gaps."""
    status, sentence = REFUSALS[code]
    return ApiError(code, sentence.format(**details), status)


def field_error(code: str, **details: Any) -> serializers.ValidationError:
    """Build a serializer's complaint about one field."""
    return serializers.ValidationError(FIELDS[code].format(**details), code)


def line_error(line: int, code: str, **details: Any) -> dict[str, Any]:
    """{"line", "code", "message"}: what is wrong with one line; line 0 is the file as a whole."""
    return {"line": line, "code": code, "message": LINES[code].format(**details)}
