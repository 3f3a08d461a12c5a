"""What is wrong at a place of an audience's JSON: code, the wire's Spanish, the page's sentence."""

from typing import Any, Final, NamedTuple

from django.utils.translation import gettext_lazy as _

from jobs.wording.phrase import Phrase


class AudienceProblem(NamedTuple):
    """What is said under one code, with gaps in braces on the wire."""

    wire: str
    page: Phrase


AUDIENCE_PROBLEMS: Final[dict[str, AudienceProblem]] = {
    "unknown_key": AudienceProblem(
        "Esta clave no existe. Las que hay son: {keys}.", _("This condition does not exist.")
    ),
    "wrong_type": AudienceProblem("Debe ser {expected}.", _("The value is not of the type that this condition takes.")),
    "too_long": AudienceProblem(
        "Una etiqueta tiene como máximo {limit} caracteres.", _("This is too long. Shorten it.")
    ),
    "too_many": AudienceProblem("Admite como máximo {limit} {of_what}.", _("These are too many.")),
    "unknown_operator": AudienceProblem("El operador debe ser uno de: {operators}.", _("Choose how to compare.")),
    "operator_unfit": AudienceProblem(
        "«{op}» no sirve para «{name}»: es {kind}.", _("This comparison does not fit what the attribute is.")
    ),
    "value_unfit": AudienceProblem(
        "«{name}» es {kind}: el valor de «{op}» debe serlo también.", _("The value is not what the attribute is.")
    ),
    "missing": AudienceProblem("Falta el valor de «{op}»: {expected}.", _("The value is missing.")),
}
# `wrong_type`, too: of a name instead of a value.
_WRONG_NAME: Final = "El nombre de un atributo tiene de 1 a {limit} caracteres."

# What an attribute is, to fill {kind}.
KINDS: Final = {"number": "un número", "boolean": "sí o no", "date": "una fecha"}

# What there should be, to fill {expected} and {of_what}.
AN_AUDIENCE: Final = 'un objeto JSON, por ejemplo {"labels": ["vip"]}'
ATTRIBUTES: Final = 'un objeto JSON, por ejemplo {"region": "norte"}'
CONTACT_ID: Final = "el id de un contacto: un número entero"
CONTACT_IDS: Final = "ids de contactos"
LABEL: Final = "el nombre de una etiqueta: un texto"
LABELS: Final = "nombres de etiquetas"
CONDITIONS: Final = "atributos"
ORDERED: Final = "un número o un texto"
YES_OR_NO: Final = "true o false"
OR_AN_OPERATOR: Final = ', o {"op": …, "value": …}'


def scalar(limit: int) -> str:
    return f"un texto de hasta {limit} caracteres, un número, true, false o null"


def choices(limit: int) -> str:
    return f"una lista de 1 a {limit} textos, números, true, false o null"


def a_list(of_what: str) -> str:
    return f"una lista de {of_what}"


def wrong_name(limit: int) -> str:
    return _WRONG_NAME.format(limit=limit)


def on_the_wire(code: str, **details: Any) -> str:
    """Say it in Spanish; `details` fill the sentence's gaps."""
    return AUDIENCE_PROBLEMS[code].wire.format(**details)
