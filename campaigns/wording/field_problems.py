"""What is wrong with a field of a campaign or of a segment: code, the wire's Spanish, the page's sentence."""

from typing import Any, Final, NamedTuple

from django.utils.translation import gettext_lazy as _

from campaigns.wording.audience_problems import AUDIENCE_PROBLEMS
from jobs.wording.phrase import Phrase

_NO_MOMENT: Final = _("This is not a valid date and time.")
_NO_JSON: Final = _("This is not valid JSON.")
_EMPTY: Final = _("This cannot be left empty.")
_TOO_LONG: Final = _("This is too long. Shorten it.")
_NO_WEIGHT: Final = _("Write a whole number from 1 to 1000.")

# Where nothing fits: a code that is new.
OTHER_PROBLEM: Final = _("This is not valid.")


class FieldProblem(NamedTuple):
    """What is said under one code, with gaps in braces on the wire; `page` is "" where no page lets it happen."""

    wire: str
    page: Phrase = ""


FIELD_PROBLEMS: Final[dict[str, FieldProblem]] = {
    "message_missing": FieldProblem(
        "Escribe el mensaje en «message», o dos o más textos en «variants».", _("Write the message.")
    ),
    "audio_without_text": FieldProblem(
        "Un audio de WhatsApp no lleva texto: deja «message» vacío y quita «variants», o elige otro tipo de archivo. "
        "El texto puede ir en otra campaña.",
        _("An audio on WhatsApp carries no text. Empty the message, or choose another type of attachment."),
    ),
    "text_invalid": FieldProblem(
        "Contiene caracteres que no se pueden enviar. Quítalos.",
        _("It has characters that cannot be sent. Remove them."),
    ),
    "variables_unknown": FieldProblem(
        "Esta variable no existe: {names}. Corrígela, o envía allow_missing: true para enviarla así.",
        _("It has variables that do not exist. Mend them, or tick that it may be sent like this."),
    ),
    "too_long": FieldProblem("Supera los {limit} caracteres. Acórtalo.", _TOO_LONG),
    "not_an_object": FieldProblem("Debe ser un objeto JSON.", _NO_JSON),
    "variants_invalid": FieldProblem(
        'Debe ser una lista de {low} a {high} textos: [{{"text": "Hola", "weight": 1}}, …].',
        _("Write from 2 to 10 variants, none of them empty."),
    ),
    "weight_invalid": FieldProblem(
        "El peso debe ser un número entero de 1 a {limit}.", _("A weight is a whole number from 1 to 1000.")
    ),
    # When
    "offset_missing": FieldProblem(
        "Falta la zona horaria: escribe una fecha ISO 8601 como 2026-01-15T20:00:00-05:00.", _NO_MOMENT
    ),
    "moment_invalid": FieldProblem(
        "No es una fecha ISO 8601 con zona horaria, por ejemplo 2026-01-15T20:00:00-05:00.", _NO_MOMENT
    ),
    "moment_passed": FieldProblem(
        "Esa hora ya pasó. Escribe una posterior, o ninguna para ejecutarla tú.",
        _("That moment has passed. Write a later one, or leave it empty and send by hand."),
    ),
    "moment_out_of_range": FieldProblem(
        "El año debe estar entre {first} y {last}.", _("The year must be between 2000 and 2999.")
    ),
    "time_skipped": FieldProblem(
        "Esa hora no existe en la zona horaria de la campaña: el reloj se adelanta y la salta.",
        _("That time does not exist in this time zone: the clock is put forward and skips it."),
    ),
    "time_zone_unknown": FieldProblem(
        "No es una zona horaria conocida, por ejemplo America/Lima.", _("This is no time zone. One is America/Lima.")
    ),
    "recurrence_invalid": FieldProblem(
        "Debe ser daily, weekly, monthly o una expresión cron de cinco campos, como 30 9 * * 1-5.",
        _("Write a cron expression of five fields, such as 30 9 * * 1-5."),
    ),
    "recurrence_without_start": FieldProblem(
        "daily, weekly y monthly necesitan scheduled_at: el día y la hora que se repiten.",
        _("Say when it begins: the day and time that are repeated."),
    ),
    "recurrence_never": FieldProblem(
        "Esa expresión no corresponde a ninguna fecha.", _("That expression never comes to pass.")
    ),
    "window_invalid": FieldProblem(
        'Debe ser {{"start": "09:00", "end": "20:00", "weekdays": [0, 1, 2, 3, 4]}}, con el lunes como 0.',
        _("Write two times, the first before the second, and choose at least one day."),
    ),
    # Through what, and to whom
    "devices_unknown": FieldProblem(
        "Algún device de la lista no existe en tu cuenta. Revisa los ids.",
        _("One of the chosen devices no longer exists. Reload the page."),
    ),
    "segment_and_audience": FieldProblem(
        "Elige un segmento o una audiencia, no los dos.", _("Choose a segment or an audience, not both.")
    ),
    "contacts_unknown": FieldProblem(
        "Algún contacto de la lista no existe en tu cuenta. Revisa los ids.",
        _("One of those contacts does not exist in this account."),
    ),
    # Its file
    "multimedia_type": FieldProblem(
        "type debe ser image, document, video o audio.", _("Choose the type of the attachment.")
    ),
    "multimedia_url": FieldProblem(
        "url debe ser una dirección que empiece con http:// o https://.",
        _("Write an address that begins with http:// or https://, or choose a file."),
    ),
    "multimedia_private": FieldProblem(
        "Ningún gateway puede descargar de esa url: lleva a localhost, a un nombre sin dominio o a una red privada. "
        "Se necesita una dirección pública.",
        _(
            "No gateway can fetch from that address: it leads to localhost, to a name without a domain or to a "
            "private network. It must be a public one."
        ),
    ),
    "multimedia_filename": FieldProblem(
        "filename debe ser un nombre de hasta 255 caracteres, sin «/».",
        _("A file name has 255 characters at most, and no “/”."),
    ),
    "multimedia_key": FieldProblem("Esta clave no existe. Las que hay son: type, url, filename."),
    "file_missing": FieldProblem("Falta el archivo. Envíalo en el campo «file» de un formulario multipart/form-data."),
    # A segment
    "name_taken": FieldProblem(
        "Otro segmento de la cuenta ya tiene ese nombre.", _("Another segment has that name already.")
    ),
}

# Found by the form itself, or by Django REST framework, whose words for the wire are those of `accounts`.
FROM_IN_FRONT: Final[dict[str, Phrase]] = {
    "blank": _EMPTY,
    "required": _EMPTY,
    "max_length": _TOO_LONG,
    "json_invalid": _NO_JSON,
    "does_not_exist": _("That segment no longer exists. Choose another."),
    "min_value": _NO_WEIGHT,
    "max_value": _NO_WEIGHT,
    "invalid": OTHER_PROBLEM,
}

ON_THE_PAGE: Final[dict[str, Phrase]] = {
    **{code: said.page for code, said in AUDIENCE_PROBLEMS.items()},
    **{code: said.page for code, said in FIELD_PROBLEMS.items() if said.page},
    **FROM_IN_FRONT,
}


def on_the_wire(code: str, **details: Any) -> str:
    """Say what is wrong with a field in Spanish; `details` fill the sentence's gaps."""
    return FIELD_PROBLEMS[code].wire.format(**details)


def on_the_page(code: str) -> Phrase:
    """Say what is wrong with a field, or at a place of an audience, to the reader of a page."""
    return ON_THE_PAGE.get(code, OTHER_PROBLEM)


def problem_at(place: str, code: str) -> str:
    """The same with its place before it: "region: The value is missing."; "" for no place."""
    # The key of an attribute says more than the way to it.
    shown = ".".join(part for part in place.split(".") if part not in {"custom_attributes", "value", "op"})
    return f"{shown}: {on_the_page(code)}" if shown else str(on_the_page(code))


def audience_problem_at(path: str, code: str) -> str:
    """What is wrong at a path of an audience, as `Problem` has it."""
    return problem_at(path.removeprefix("audience").removeprefix("."), code)
