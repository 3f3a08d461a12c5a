"""What a campaign names and there is not, or does not name: the wire's Spanish, the page's sentence."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from campaigns.wording.campaign_notes import Said

# Gaps: which.
GONE: Final[dict[str, Said]] = {
    "label": Said("La etiqueta «{which}» no existe.", _("There is no label “%(which)s”.")),
    "contact": Said("El contacto {which} no existe.", _("There is no contact %(which)s.")),
    "device": Said("El device {which} no existe.", _("There is no device %(which)s.")),
}

NO_WAY_OUT: Final = Said(
    "El mensaje comercial no dice cómo dejar de recibirlos: activa «way_out», o escríbelo en el texto, por ejemplo "
    "«Responde BAJA para no recibir más».",
    _("This commercial message does not say how to get no more of them: tick the box below its text, or write it."),
)


def on_the_wire(kind: str, which: str) -> str:
    return GONE[kind].spanish.format(which=which)


def on_the_page(kind: str, which: str) -> str:
    return str(GONE[kind].page) % {"which": which}
