"""Why a number is suppressed: our code, with the wire's Spanish and the page's words; else what a person wrote."""

from typing import Final, NamedTuple

from django.utils.translation import gettext_lazy as _

from jobs.wording.phrase import Phrase


class SuppressionReason(NamedTuple):
    wire: str
    page: Phrase


SUPPRESSION_REASONS: Final[dict[str, SuppressionReason]] = {
    "opted_out": SuppressionReason("El contacto pidió no recibir mensajes.", _("Asked not to be written to")),
    "erased": SuppressionReason("La persona pidió que se borraran sus datos.", _("Asked to be erased")),
}


def on_the_wire(code: str, written: str) -> str:
    return SUPPRESSION_REASONS[code].wire if code in SUPPRESSION_REASONS else written


def on_the_page(code: str, written: str) -> str:
    return str(SUPPRESSION_REASONS[code].page) if code in SUPPRESSION_REASONS else written


def codes_saying(part: str) -> list[str]:
    """The codes whose words, in the reader's language, hold this text."""
    return [code for code, reason in SUPPRESSION_REASONS.items() if part.casefold() in str(reason.page).casefold()]
