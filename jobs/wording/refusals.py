"""Why an upload, a list or an act on a job is refused: code, status, the wire's sentence, the page's, the form's field.

The wire speaks Spanish, to programs; the page its reader's language, to the person in front of it. A refusal says
what happened and what to do about it, and never repeats what was sent.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from django.utils.translation import gettext_lazy as _

from accounts.errors import ApiError
from jobs.wording.phrase import Phrase

_SAVE_AS_UTF8: Final = "Guárdalo como «CSV UTF-8» y vuelve a subirlo."

# Where nothing fits: a code that is new, or an answer that is not ours.
OTHER_REFUSAL: Final = _("The job could not be created. Try again in a moment.")


class PageWords(NamedTuple):
    """What the page says under one code. `field`: of the upload form, "" for all of it."""

    page: Phrase
    field: str = ""


class Refusal(NamedTuple):
    """What is said under one code; `page` is "" where no page lets it happen."""

    status: int
    wire: str
    page: Phrase = ""
    field: str = ""


REFUSALS: Final[dict[str, Refusal]] = {
    # The file as a whole
    "file_missing": Refusal(
        400,
        "Falta el archivo. Envíalo en el campo «file» de un formulario multipart/form-data.",
        _("Choose the file with your recipients."),
        "file",
    ),
    "file_extension": Refusal(
        400, "El archivo debe terminar en .csv o .txt.", _("The file's name must end in .csv or .txt."), "file"
    ),
    "file_too_large": Refusal(
        413,
        "El archivo supera el máximo de {limit} bytes. Divídelo en varios envíos.",
        _("The file is too large. Divide it into several."),
        "file",
    ),
    "file_empty": Refusal(
        400,
        "El archivo está vacío. Agrega un destinatario por línea: teléfono|valor1|valor2",
        _("The file is empty. Write one recipient a line: phone|value|value"),
        "file",
    ),
    "file_header_only": Refusal(
        400,
        "El archivo solo tiene la cabecera. Agrega un destinatario por línea debajo.",
        _("The file has only its header. Add one recipient a line below it."),
        "file",
    ),
    "too_many_recipients": Refusal(
        413,
        "El archivo tiene más de {limit} destinatarios, que es el máximo. Divídelo en varios envíos.",
        _("The file has too many recipients. Divide it into several."),
        "file",
    ),
    "no_valid_phone": Refusal(
        400,
        "Ningún teléfono del archivo es válido. La primera columna debe tener de 8 a 15 dígitos con el código de "
        "país, por ejemplo +51987654321, y las columnas se separan con «|».",
        _(
            "No phone in the file is valid. The first column must have 8 to 15 digits with the country code, such as "
            "+51987654321, and “|” goes between columns."
        ),
        "file",
    ),
    # Single lines of it; the sentence for the first stands for the file
    "not_utf8": Refusal(
        400,
        f"El archivo no está en UTF-8. {_SAVE_AS_UTF8}",
        _("The file is not in UTF-8. Save it as “CSV UTF-8” and choose it again."),
        "file",
    ),
    "nul_byte": Refusal(
        400,
        f"El archivo contiene bytes nulos: no es texto, o está en UTF-16. {_SAVE_AS_UTF8}",
        _("The file is no text, or is in UTF-16. Save it as “CSV UTF-8” and choose it again."),
        "file",
    ),
    "line_too_long": Refusal(
        400,
        "El archivo tiene una línea de más de {limit} bytes. Acórtala o divídela.",
        _("The file has a line that is too long (over 8 KB). Shorten or divide it."),
        "file",
    ),
    "too_many_columns": Refusal(
        400,
        "El archivo tiene una línea con más de {limit} columnas. Quita las que sobran.",
        _("The file has a line with more than 50 columns. Remove those you do not need."),
        "file",
    ),
    # The other fields
    "message_missing": Refusal(
        400, "Falta el mensaje. Escríbelo en el campo «message».", _("Write the message."), "message"
    ),
    "message_too_long": Refusal(
        400,
        "El mensaje supera los {limit} caracteres. Acórtalo.",
        _("The message is too long: 65,536 characters at most."),
        "message",
    ),
    "message_invalid": Refusal(
        400,
        "El mensaje contiene caracteres que no se pueden enviar. Quítalos.",
        _("The message has characters that cannot be sent. Remove them."),
        "message",
    ),
    "variables_unknown": Refusal(
        400,
        "El mensaje tiene variables que ninguna columna del archivo puede llenar: {names}. Corrígelas, o envía "
        "allow_missing=true para enviarlo así.",
        _("No column of the file can fill these variables. Mend them, or tick that it may be sent like this."),
        "message",
    ),
    "canary_invalid": Refusal(400, "canary debe ser true o false.", _("Choose one of the options."), "canary"),
    "allow_missing_invalid": Refusal(
        400, "allow_missing debe ser true o false.", _("Choose one of the options."), "message"
    ),
    "title_invalid": Refusal(
        400,
        "El título debe tener como máximo {limit} caracteres, ninguno nulo.",
        _("The title can have 200 characters at most."),
        "title",
    ),
    "devices_limit_invalid": Refusal(
        400,
        "devices_limit debe ser un número entero de {low} a {high}.",
        _("Write a whole number from 1 to 1000."),
        "devices_limit",
    ),
    "devices_invalid": Refusal(
        400,
        "devices debe ser una lista de ids de devices, por ejemplo 1,2,3.",
        _("One of the chosen devices is not valid. Reload the page."),
        "devices",
    ),
    "devices_unknown": Refusal(
        400,
        "Algún device de la lista no existe en tu cuenta. Revisa los ids.",
        _("One of the chosen devices no longer exists. Reload the page."),
        "devices",
    ),
    "no_devices_available": Refusal(
        400,
        "No hay devices disponibles",
        _("No device is available: connect one, or switch one on, and send again."),
        "devices",
    ),
    "scheduled_at_invalid": Refusal(
        400,
        "scheduled_at no es una fecha ISO 8601 con zona horaria, por ejemplo 2026-01-15T20:00:00-05:00.",
        _("This is not a valid date and time."),
        "scheduled_at",
    ),
    "scheduled_at_past": Refusal(
        400,
        "scheduled_at ya pasó. Elige una hora posterior, o no la indiques para enviar ahora.",
        _("That moment has passed. Choose a later one, or none to send now."),
        "scheduled_at",
    ),
    "scheduled_at_too_far": Refusal(
        400,
        "scheduled_at no puede estar a más de un año. Elige una fecha más cercana.",
        _("The start can be a year from now at most."),
        "scheduled_at",
    ),
    "on_duplicate_invalid": Refusal(
        400, "on_duplicate debe ser {choices}.", _("Choose one of the options."), "on_duplicate"
    ),
    "default_country_invalid": Refusal(
        400,
        "default_country debe ser un código de país de dos letras, por ejemplo PE.",
        _("Write the country's two letters, such as PE."),
        "default_country",
    ),
    "idempotency_key_invalid": Refusal(400, "Idempotency-Key debe tener de 1 a {limit} caracteres ASCII visibles."),
    "idempotency_conflict": Refusal(
        409,
        "Ya existe un envío con esta Idempotency-Key y otro contenido. Usa una clave nueva para un envío nuevo.",
        _("This form was sent before. Review it and send again."),
    ),
    # Lists
    "limit_invalid": Refusal(400, "limit debe ser un número entero mayor que 0."),
    "before_invalid": Refusal(400, "before debe ser el id de uno de tus jobs."),
    "status_invalid": Refusal(400, "status debe ser uno de: {choices}."),
    "state_invalid": Refusal(400, "state debe ser uno de: {choices}."),
    "receipt_invalid": Refusal(400, "receipt debe ser uno de: {choices}."),
    "cursor_invalid": Refusal(400, "El cursor de la página no es válido. Empieza de nuevo sin cursor."),
    "job_not_found": Refusal(404, "Job no encontrado"),
    # Job control
    "impossible_move": Refusal(409, "Un job en estado «{status}» no admite esta acción. Nada ha cambiado."),
    "resolution_invalid": Refusal(400, "action debe ser uno de: {choices}."),
    "positions_invalid": Refusal(400, "positions debe ser una lista de filas, por ejemplo [0, 5], como mucho {limit}."),
}

# Refused in front of the job's own rules: status and the wire's sentence are those of `accounts`.
FROM_IN_FRONT: Final[dict[str, PageWords]] = {
    "body_too_large": PageWords(_("The file is too large. Divide it into several."), "file"),
    "upload_interrupted": PageWords(_("The upload was interrupted. Check your connection and send again."), "file"),
    "not_authenticated": PageWords(_("Your session has ended. Log in again in another tab, then send.")),
    "authentication_failed": PageWords(_("Your session has ended. Log in again in another tab, then send.")),
    "csrf_failed": PageWords(_("Your session has changed. Reload the page and send again.")),
    "permission_denied": PageWords(_("Your role in this account does not allow sending.")),
    "no_membership": PageWords(_("You belong to no account yet. Ask an administrator to add you.")),
}

ON_THE_PAGE: Final[dict[str, PageWords]] = {
    **{code: PageWords(said.page, said.field) for code, said in REFUSALS.items() if said.page},
    **FROM_IN_FRONT,
}


def refusal(code: str, errors: Iterable[dict[str, Any]] = (), **details: Any) -> ApiError:
    """Build the answer to what cannot be accepted; `details` fill the sentence's gaps."""
    said = REFUSALS[code]
    return ApiError(code, said.wire.format(**details), said.status, errors)


def page_refusal(code: str) -> Phrase:
    """Say on the page why an upload was refused, and what to do."""
    return ON_THE_PAGE[code].page if code in ON_THE_PAGE else OTHER_REFUSAL


def field_of(code: str) -> str:
    """The field of the upload form that a refusal is about; "" for the whole form."""
    return ON_THE_PAGE[code].field if code in ON_THE_PAGE else ""


def job_created(total: int, file_name: str) -> str:
    return f"Job creado y en proceso. Procesando {total} mensajes desde archivo '{file_name}'."
