"""What is wrong with a field of a contact or of a label: code, the wire's Spanish, the page's sentence."""

from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from campaigns.wording.field_problems import FieldProblem
from jobs.wording.phone_problems import PHONE_PROBLEMS
from jobs.wording.phrase import Phrase

CONTACT_FIELD_PROBLEMS: Final[dict[str, FieldProblem]] = {
    **{code: FieldProblem(said.wire, said.page) for code, said in PHONE_PROBLEMS.items()},
    "label_invalid": FieldProblem(
        "Una etiqueta tiene de 1 a {limit} caracteres visibles.", _("A label has 1 to 100 visible characters.")
    ),
    "too_many_labels": FieldProblem(
        "Un contacto lleva como mucho {limit} etiquetas.", _("A contact carries 50 labels at most.")
    ),
    # A page asks for attributes one by one.
    "attributes_invalid": FieldProblem(
        "custom_attributes debe ser un objeto; sus nombres tienen de 1 a {limit} caracteres."
    ),
    "evidence_invalid": FieldProblem("evidence debe ser un objeto JSON de hasta {limit} caracteres."),
    "basis_of_revocation": FieldProblem("Una revocación no lleva basis."),
    "source_missing": FieldProblem("Indica dónde lo dijo la persona: un formulario, una tienda, un contrato."),
    "given_at_invalid": FieldProblem(
        "given_at debe ser una fecha ISO 8601 con zona horaria, y no estar en el futuro: 2026-01-15T20:00:00-05:00."
    ),
    "text_invalid": FieldProblem("Contiene caracteres que no se pueden guardar. Quítalos."),
    "attributes_too_large": FieldProblem("custom_attributes es demasiado grande."),
}


def on_the_wire(code: str, **details: Any) -> str:
    """Say it in Spanish; `details` fill the sentence's gaps."""
    return CONTACT_FIELD_PROBLEMS[code].wire.format(**details)


def on_the_page(code: str) -> Phrase:
    """Say it to the reader of a page."""
    return CONTACT_FIELD_PROBLEMS[code].page
