"""The line below a message that says how to get no more of them, in the language of the number's country."""

from collections.abc import Sequence
from typing import Final

from devices.numbers.countries import country_of
from jobs.message.rendering import MessageTemplate

LINES: Final = {
    "es": "Responde BAJA para no recibir más mensajes.",
    "pt": "Responda SAIR para não receber mais mensagens.",
    "en": "Reply STOP to get no more messages.",
}
_SPEAKS: Final = {"BR": "pt", "PT": "pt", "AO": "pt", "MZ": "pt", "US": "en", "CA": "en", "GB": "en", "IE": "en"}


def language_of(phone: str) -> str:
    """What is mostly spoken where a number ("+" and digits) is from, of the languages that we speak; else Spanish."""
    return _SPEAKS.get(country_of(phone), "es")


class WithWayOut:
    """A template, and the line below what it renders. A medium without a text stays without one."""

    def __init__(self, template: MessageTemplate) -> None:
        self._template = template

    def render(self, values: Sequence[str], phone: str = "", variant: int | None = None) -> str:
        text = self._template.render(values, phone, variant)
        return f"{text}\n\n{LINES[language_of(phone)]}" if text else text
