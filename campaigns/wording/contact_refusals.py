"""Why contacts, labels and imports are not as asked: code, status, the wire's sentence, the page's."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from jobs.wording.refusals import Refusal

CONTACT_REFUSALS: Final[dict[str, Refusal]] = {
    # Contacts
    "phone_taken": Refusal(
        409,
        "Otro contacto de la cuenta ya tiene este teléfono, quizá escrito de otra forma.",
        _("Another contact has this phone, perhaps in another spelling."),
    ),
    "phone_erased": Refusal(
        409,
        "Quien tiene este teléfono pidió que se borraran sus datos: no se guarda de nuevo ni se le escribe, hasta que "
        "escriba que quiere recibir mensajes.",
        _(
            "Whoever has this phone asked to be erased: it is not kept again nor written to until they write "
            "themselves that they want messages."
        ),
    ),
    "person_missing": Refusal(
        400,
        "Indica el teléfono de la persona en «phone», con el código de país.",
        _("Write the person's number."),
    ),
    "filter_invalid": Refusal(400, "El filtro no es válido: {what}."),
    "labels_missing": Refusal(400, "Falta «labels»: una lista con al menos una etiqueta."),
    "contacts_missing": Refusal(400, "Indica los contactos: «contact_ids» o «filter», y solo uno de los dos."),
    "contacts_invalid": Refusal(400, "contact_ids debe ser una lista de 1 a {limit} ids de contactos."),
    "contacts_unknown": Refusal(400, "Uno o más contactos no existen, o no pertenecen a tu cuenta. Nada ha cambiado."),
    "consents_of_whom": Refusal(400, "Indica de quién: ?contact=, el id de un contacto, o ?phone=, su número."),
    "consent_of_whom": Refusal(
        400,
        "Indica de quién es: «contact_id» o «phone», y solo uno de los dos. Un consentimiento es siempre de un "
        "contacto; una revocación puede ser de cualquier número.",
    ),
    # Labels
    "label_taken": Refusal(
        409,
        "La cuenta ya tiene una etiqueta con este nombre.",
        _("There is a label with this name already."),
    ),
    # Imports: the file
    "import_file_missing": Refusal(
        400,
        "Falta el archivo. Envíalo en el campo «file» de un formulario multipart/form-data.",
        _("Choose the file with your contacts."),
    ),
    "import_file_extension": Refusal(
        400,
        "El archivo debe terminar en .csv, .txt, .xlsx o .vcf.",
        _("The file's name must end in .csv, .txt, .xlsx or .vcf."),
    ),
    "import_file_too_large": Refusal(
        413,
        "El archivo supera el máximo de {limit} bytes. Divídelo en varios.",
        _("The file is too large. Divide it into several."),
    ),
    "import_file_empty": Refusal(
        400,
        "El archivo no tiene ningún contacto: está vacío o solo tiene la cabecera.",
        _("The file has no contact: it is empty, or has only its header."),
    ),
    "import_file_unreadable": Refusal(
        400,
        "El archivo no se puede leer. Guárdalo de nuevo como CSV UTF-8 o como XLSX.",
        _("The file cannot be read. Save it again as CSV UTF-8 or as XLSX."),
    ),
    "import_file_too_heavy": Refusal(
        400,
        "El libro contiene demasiado además de las celdas. Copia la tabla en un libro nuevo, o guárdala como CSV.",
        _("The workbook holds too much besides its cells. Copy the table into a new one, or save it as CSV."),
    ),
    "import_too_many_columns": Refusal(
        400,
        "El archivo tiene más de {limit} columnas. Quita las que no necesitas.",
        _("The file has too many columns. Remove those you do not need."),
    ),
    # Imports: what was asked
    "mapping_invalid": Refusal(
        400, "La asignación de columnas no es válida: {what}.", _("The file cannot be read like that.")
    ),
    "import_not_ready": Refusal(
        409,
        "La importación está en estado «{status}» y no admite esta acción. Nada ha cambiado.",
        _("Nothing was done: the import has moved on meanwhile."),
    ),
    "columns_unconfirmed": Refusal(
        409,
        "No es seguro qué columna tiene el teléfono. Confírmalo con mapping.columns o con mapping.confirmed.",
        _("Which column is the phone is not certain: look at the columns, and confirm them."),
    ),
    "opt_in_source_missing": Refusal(
        400,
        "Indica de dónde viene el consentimiento: en la columna mapping.columns.opted_in_source o, para todos, en "
        "mapping.opted_in_source.",
        _("Say where these people agreed: in a column, or in words for all of them."),
    ),
    # Exclusion lists
    "exclusion_list_taken": Refusal(
        409,
        "La cuenta ya tiene una lista de exclusión con este nombre.",
        _("There is an exclusion list with this name already."),
    ),
    "exclusion_list_invalid": Refusal(
        400, "La lista de exclusión no es válida: {what}.", _("Look at what you wrote: something of it is not valid.")
    ),
    "exclusion_list_empty": Refusal(
        400,
        "No se pudo leer ningún número ni hash del archivo. La lista queda como estaba.",
        _("No number and no hash of the file could be read. The list stays as it was."),
    ),
    "exclusion_lists_too_many": Refusal(
        409,
        "La cuenta ya tiene {limit} listas de exclusión, el máximo. Elimina una, o carga el archivo en una que exista.",
        _("The account has as many exclusion lists as it may have. Delete one, or load the file into one of them."),
    ),
    # Imports: what was asked, of the phone
    "phone_column_missing": Refusal(
        400, "Indica qué columna tiene el teléfono, en mapping.columns.phone.", _("Say which column holds the phone.")
    ),
}
