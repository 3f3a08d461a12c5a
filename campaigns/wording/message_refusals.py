"""Why messages that came cannot be answered or settled as asked: code, status, the wire's sentence, the page's."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from jobs.wording.refusals import Refusal

MESSAGE_REFUSALS: Final[dict[str, Refusal]] = {
    "answer_text_invalid": Refusal(
        400,
        "Escribe la respuesta en «text»: de 1 a {limit} caracteres.",
        _("Write an answer of at most %(limit)s characters."),
    ),
    "answer_to_invalid": Refusal(
        400, "Indica a quién respondes: «message_id», «contact_id» o «phone», y solo uno de los tres."
    ),
    "never_wrote": Refusal(
        409,
        "Esta persona no ha escrito a ninguno de tus dispositivos: solo se responde a quien escribió.",
        _("This person has not written to any of your devices: you can answer only those who wrote."),
    ),
    "sender_unknown": Refusal(
        409,
        "WhatsApp no dijo el número de quien escribió este mensaje: indica primero de quién es.",
        _("WhatsApp did not tell the number of whoever wrote this: say first whose message it is."),
    ),
    "wants_no_messages": Refusal(
        409,
        "Este número no recibe mensajes: está en la lista de números suprimidos.",
        _("This number gets no messages: it is on the list of suppressed numbers."),
    ),
    "nothing_to_settle": Refusal(
        409,
        "No hay nada que decidir sobre este mensaje.",
        _("There is nothing to decide about this message."),
    ),
    "settle_invalid": Refusal(
        400,
        "Indica «phone», de quién es el mensaje, o «opted_out»: true o false.",
        _("Say whose message it is, or whether its sender wants no more messages."),
    ),
}
